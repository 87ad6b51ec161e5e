"""A pause of one subject after repeated refusals."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.cool_down import Pauses, key_of, paused, refused
from guardproxy.core.decide import decide
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, CoolDown, Kind, Ladder, LadderStep, PolicyRef, Rule

PLAN = CoolDown(after=3, within=900.0, lasts=600.0)
REF = PolicyRef("p", 1, "h")


def verdict(hazard="crime.fraud", action=Action.REFUSE, rule="fraud", enforced=True):
    made = Rule(rule, Kind.HAZARD, hazard, Ladder((LadderStep(action, 0.5),)))
    return Verdict(made, action, hazard, 2, 0.9, 0.5, enforced, 0, ())


def after(times, key="crime"):
    pauses = Pauses()
    for at in times:
        pauses = refused(pauses, key, at, PLAN)
    return pauses


@pytest.mark.parametrize(
    ("hazard", "key"),
    [("crime.fraud", "crime"), ("custom.rival", "rule:fraud"), ("custom", "rule:fraud"), ("self_harm.intent", None),
     ("unscannable.media", None)],
)  # fmt: skip
def test_what_a_refusal_counts_for(hazard, key):
    assert key_of(decide([verdict(hazard)], REF, Stage.INPUT)) == key


def test_what_is_no_refusal_does_not_count():
    assert key_of(decide([verdict(action=Action.WARN)], REF, Stage.INPUT)) is None
    assert key_of(decide([], REF, Stage.INPUT)) is None


def test_the_third_refusal_in_time_starts_the_pause_and_it_ends():
    pauses = after([0, 100, 200])
    assert paused([verdict(action=Action.LOG)], pauses, 799.0).until == 800.0
    assert paused([verdict()], pauses, 800.0) is None
    assert after([0, 100]).running == ()
    assert after([0, 100, 1000]).running == ()


def test_another_subject_goes_on():
    pauses = after([0, 1, 2])
    assert paused([verdict("hate.speech")], pauses, 10.0) is None
    assert paused([verdict("self_harm.intent")], pauses, 10.0) is None
    assert paused([verdict(enforced=False)], pauses, 10.0) is None


def test_a_pause_takes_its_refusals_with_it():
    """After the pause three more are needed."""
    pauses = refused(after([0, 1, 2]), "crime", 650.0, PLAN)
    assert [mark.at for mark in pauses.marks] == [650.0]
    assert pauses.running == ()
