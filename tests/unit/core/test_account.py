"""Every rule that heard something, and how far it was from its next step."""

from dataclasses import replace

import pytest

from guardproxy.core.account import accounts
from guardproxy.core.asked import decide_input
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.rules import (
    Action,
    Kind,
    Ladder,
    LadderStep,
    Mode,
    Policy,
    PolicyRef,
    Rule,
    RuleException,
    ThenDo,
)

LADDER = Ladder((LadderStep(Action.WARN, 0.5), LadderStep(Action.REFUSE, 0.9)))
TEXT = Segment("a paper kite here", Stage.INPUT, Scope.USER)
FRAUD = Rule("fraud", Kind.HAZARD, "crime", LADDER)
CONTEXT = Context(now=1.0)


def told(score, *rules, exceptions=(), span=None):
    policy = Policy(PolicyRef("p", 1, "0"), rules, exceptions=exceptions)
    found = [Finding("m", "crime.fraud", score, TEXT, span)]
    return accounts(decide_input(found, policy, CONTEXT), policy, CONTEXT)


@pytest.mark.parametrize(
    ("score", "reached", "following", "distance"),
    [
        (0.3, None, Action.WARN, 0.2),
        (0.6, Action.WARN, Action.REFUSE, 0.3),
        (0.95, Action.REFUSE, None, None),
    ],
)
def test_a_step_and_the_next(score, reached, following, distance):
    (account,) = told(score, FRAUD)
    assert (account.verdict.action if account.verdict else None) == reached
    assert (account.next.action if account.next else None) == following
    assert account.distance == (distance if distance is None else pytest.approx(distance))


def test_rules_that_look_elsewhere_or_rest_are_told_of_and_deaf_ones_are_not():
    away = replace(FRAUD, id="away", checks=frozenset({Stage.OUTPUT}))
    off = replace(FRAUD, id="off", mode=Mode.DISABLED)
    deaf = replace(FRAUD, id="deaf", target="hate")
    found = told(0.95, away, off, deaf)
    assert [(a.rule.id, a.looks, a.verdict) for a in found] == [("away", False, None), ("off", True, None)]


def test_what_an_exception_took_out():
    hole = RuleException("fraud", ThenDo.ALLOW, 10.0, phrases=("paper kite",))
    other = replace(hole, phrases=("box kite",))
    (account,) = told(0.95, FRAUD, exceptions=(other, hole), span=Span(2, 12))
    assert (account.excused, account.score, account.verdict) == ((1,), 0.0, None)
    (late,) = told(0.95, FRAUD, exceptions=(replace(hole, expires=0.5),), span=Span(2, 12))
    assert late.excused == ()
