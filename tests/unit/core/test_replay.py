"""A recorded stage decided again; the law is a property test (`tests/property/test_replay.py`)."""

import pytest

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.findings import Span
from guardproxy.core.judge import Context
from guardproxy.core.replay import Stored, finding_of, redecide, stopped_at
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule
from guardproxy.core.sighting import Sighting, Sightings

CONTEXT = Context()


def policy(*rules):
    return Policy(PolicyRef("p", 1, "0"), rules)


def rule(action, threshold=0.5, hazard="crime", name="the-rule"):
    return Rule(name, Kind.HAZARD, hazard, Ladder((LadderStep(action, threshold),)))


def seen(*scored, scope=Scope.USER, replaceable=False):
    """(hazard, score, place) …"""
    kept = (Sighting("d", h, s, scope, place=at, span=Span(0, 1), replaceable=replaceable) for h, s, at in scored)
    return Sightings(tuple(kept))


def test_a_request_by_another_threshold():
    stored = Stored(Stage.INPUT, Action.ALLOW, seen=seen(("crime.fraud", 0.6, 0)))
    assert redecide(stored, policy(rule(Action.REFUSE, 0.7)), CONTEXT).action is Action.ALLOW
    again = redecide(stored, policy(rule(Action.REFUSE, 0.6)), CONTEXT)
    assert (again.action, again.rule_name, again.hazard) == (Action.REFUSE, "the-rule", "crime.fraud")


def test_an_answer_ends_at_its_first_stop():
    stored = Stored(Stage.OUTPUT, Action.ALLOW, choice=0, seen=seen(("crime.fraud", 0.6, 10), ("hate.threat", 1.0, 90)))
    both = policy(rule(Action.REFUSE, 0.6), rule(Action.REFUSE, 0.9, "hate", "graver"))
    assert redecide(stored, both, CONTEXT).rule_name == "the-rule"
    assert stopped_at(stored, both, CONTEXT) == 10
    later = policy(rule(Action.REFUSE, 0.7), rule(Action.REFUSE, 0.9, "hate", "graver"))
    assert (redecide(stored, later, CONTEXT).rule_name, stopped_at(stored, later, CONTEXT)) == ("graver", 90)
    assert stopped_at(stored, policy(rule(Action.WARN)), CONTEXT) is None


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(("replaceable", "action"), [(True, Action.REDACT), (False, Action.REFUSE)])
def test_what_cannot_be_replaced_is_refused(stage, replaceable, action):
    stored = Stored(stage, Action.ALLOW, seen=seen(("crime.fraud", 0.6, 0), replaceable=replaceable))
    assert redecide(stored, policy(rule(Action.REDACT)), CONTEXT).action is action


def test_what_no_rule_decided_no_policy_changes():
    stored = Stored(Stage.OUTPUT, Action.REFUSE, "unscannable", "unscannable.media", 0, by_rule=False)
    again = redecide(stored, policy(), CONTEXT)
    assert (again.action, again.rule_name, again.hazard) == (Action.REFUSE, "unscannable", "unscannable.media")


def test_a_surface_that_reports_decides_nothing():
    stored = Stored(Stage.INPUT, Action.ALLOW, reports=True, seen=seen(("crime.fraud", 1.0, 0)))
    assert redecide(stored, policy(rule(Action.REFUSE)), CONTEXT).action is Action.ALLOW


def test_a_finding_without_its_text():
    finding = finding_of(Sighting("d", "hate.speech", 0.5, Scope.HISTORY, excused=("ab",)), Stage.INPUT)
    assert (finding.segment.text, finding.segment.scope, finding.excused) == ("", Scope.HISTORY, frozenset({"ab"}))
