"""One play: what it notes."""

from __future__ import annotations

from random import Random

from guardproxy.core.commands import CONTENT, REASONING
from guardproxy.testing.split_play import Said, played
from guardproxy.testing.stand_ins import classified, plan_of

PLAN = plan_of(classifies=True)


def test_in_one_piece():
    said = [Said(0, REASONING, "hm"), Said(0, CONTENT, "a quux"), Said(1, CONTENT, "x zorp blick")]
    first, second, third = played(PLAN, said, classified)
    assert (first.text, second.text, third.text) == ("hm", "a <hide_1>", "x ")
    assert (first.halted, second.halted, third.halted) == (False, False, True)
    assert third.decision.rule_name == "no_zorp"
    assert all(o.sound for o in (first, second, third))


def test_cut_is_the_same():
    said = [Said(0, CONTENT, "a quux and drelm vok")]
    whole = played(PLAN, said, classified)[0]
    for seed in range(20):
        cut = played(PLAN, said, classified, Random(seed))[0]
        assert cut.same_text(whole)
        assert cut.same_end(whole)


def test_what_a_flagged_window_showed_stays():
    outcome = played(PLAN, [Said(0, CONTENT, "drelm vok")], classified)[0]
    assert (outcome.end, outcome.exposed, outcome.halted) == (0, 0, True)


def test_a_failure_faults():
    outcome = played(PLAN, [Said(0, CONTENT, "vrash")], classified)[0]
    assert outcome.faulted
    assert outcome.text == ""
