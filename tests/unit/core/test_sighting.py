"""What of the findings is kept, and what no judge could need."""

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.core.rules import (
    Action,
    Kind,
    Ladder,
    LadderStep,
    Policy,
    PolicyRef,
    Rule,
    RuleException,
    ThenDo,
)
from guardproxy.core.sighting import MOST, Found, sightings

RULE = Rule("kites", Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=("kite",))
POLICY = Policy(PolicyRef("p", 1, "0"), (RULE,))
TEXT = Segment("a paper kite here", Stage.INPUT, Scope.USER)


def found(score, place=0, hazard="crime.fraud", **more):
    return Found(Finding("d", hazard, score, more.pop("segment", TEXT), **more), place)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([(0.5, 0), (0.5, 0)], [(0.5, 0)]),
        ([(0.5, 0), (0.4, 10)], [(0.5, 0)]),
        ([(0.5, 0), (0.6, 10)], [(0.5, 0), (0.6, 10)]),
        ([(0.5, 10), (0.4, 0)], [(0.5, 10), (0.4, 0)]),
        ([(0.9, 50), (0.9, 10)], [(0.9, 50), (0.9, 10)]),  # found first decides a tie, standing first an end
    ],
)
def test_what_stands_behind_one_that_is_as_sure_decides_nothing(given, kept):
    seen = sightings(POLICY, [found(score, place) for score, place in given])
    assert [(s.score, s.place) for s in seen.kept] == kept


def test_kinds_are_kept_apart():
    other = replace(TEXT, scope=Scope.SYSTEM)
    kinds = [found(0.5), found(0.5, hazard="hate.speech"), found(0.5, segment=other), found(0.5, rule="kites")]
    assert len(sightings(POLICY, kinds).kept) == 4
    assert len(sightings(POLICY, [found(0.5), replace(found(0.5), replaceable=False)]).kept) == 2


def test_an_exceptions_phrase_is_named_by_its_key_and_only_for_its_rule():
    hole = RuleException("kites", ThenDo.LOG, 1.0, phrases=("paper kite",))
    policy = replace(POLICY, exceptions=(hole,))
    inside, outside = Span(8, 12), Span(0, 1)
    seen = sightings(
        policy,
        [found(1.0, rule="kites", span=inside), found(1.0, rule="kites", span=outside), found(1.0, span=inside)],
    )
    assert [s.excused for s in seen.kept] == [(hole.key,), (), ()]
    assert "kite" not in hole.key


def test_a_record_stays_small():
    many = [found(number / 1000, number) for number in range(MOST + 5)]
    seen = sightings(POLICY, many)
    assert (len(seen.kept), seen.left_out) == (MOST, 5)
