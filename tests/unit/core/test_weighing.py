"""What one finding means for a stream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Evidence, Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.redact import Mark
from guardproxy.core.rules import (
    Action,
    Kind,
    Ladder,
    LadderStep,
    Mode,
    Policy,
    PolicyRef,
    Release,
    Rule,
    RuleException,
    Streaming,
    ThenDo,
)
from guardproxy.core.weighing import Plan, Terms, outcome, weigh, weigh_scanned

PLACE = Span(5, 9)
SEGMENT = Segment("call zorp now", Stage.OUTPUT, Scope.MODEL, at=100)


def rule(*steps: tuple[Action, float], kind: Kind = Kind.DETECTOR, mode: Mode = Mode.ENFORCE, **more) -> Rule:
    return Rule("r", kind, "d", Ladder(tuple(LadderStep(*s) for s in steps)), mode=mode, **more)


def plan(*rules: Rule, classifies: bool = True, release: Release = Release.AFTER_CHECK, exceptions=()) -> Plan:
    policy = Policy(PolicyRef("p", 1, "0"), rules, streaming=Streaming(release=release), exceptions=exceptions)
    return Plan(policy, Context(), lambda _channel: (), classifies, lambda _failure: True)


def finding(score: float = 0.9, span: Span | None = PLACE, label: str = "") -> Finding:
    return Finding("d", "custom", score, SEGMENT, span, None, Evidence(label=label))


LADDER = rule((Action.WARN, 0.2), (Action.REDACT, 0.5), (Action.REFUSE, 0.8))


@pytest.mark.parametrize(
    ("one", "found", "stops", "marks"),
    [
        (LADDER, finding(0.1), False, ()),
        (LADDER, finding(0.3), False, ()),
        (LADDER, finding(0.6), False, (Mark(Span(105, 109), "[removed]", 0),)),
        (LADDER, finding(0.6, label="code"), False, (Mark(Span(105, 109), "[code removed]", 0),)),
        (replace(LADDER, replace_with="#"), finding(0.6, label="code"), False, (Mark(Span(105, 109), "#", 0),)),
        (LADDER, finding(0.6, span=None), True, ()),  # nothing that could be replaced
        (LADDER, finding(0.8), True, ()),
        (rule((Action.REGENERATE, 0.5)), finding(), True, ()),
        (replace(LADDER, mode=Mode.SHADOW), finding(), False, ()),
        (replace(LADDER, checks=frozenset({Stage.INPUT})), finding(), False, ()),
    ],
)
def test_weigh(one, found, stops, marks):
    weighed = weigh(plan(one), found, 105, 100)
    assert (weighed.stops, weighed.marks) == (stops, marks)


def test_a_scanner_s_span_is_absolute():
    weighed = weigh_scanned(plan(rule((Action.REDACT, 0.5))), finding(span=Span(105, 109)))
    assert (weighed.at, weighed.finding.span) == (105, Span(5, 9))
    assert weighed.marks[0].span == Span(105, 109)
    with pytest.raises(AssertionError):
        weigh_scanned(plan(LADDER), finding(span=Span(99, 109)))


WORDS = rule((Action.REFUSE, 1.0), kind=Kind.WORDS)


@pytest.mark.parametrize(
    ("made", "holds", "waits"),
    [
        (plan(LADDER), True, True),
        (plan(LADDER, classifies=False), True, False),
        (plan(WORDS), True, False),
        (plan(replace(LADDER, mode=Mode.SHADOW)), False, False),
        (plan(replace(LADDER, mode=Mode.SHADOW), WORDS), True, False),
        (plan(rule((Action.WARN, 0.5))), False, False),
        (plan(replace(LADDER, checks=frozenset({Stage.INPUT}))), False, False),
        (plan(), False, False),
    ],
)
def test_terms(made, holds, waits):
    terms = Terms.of(made)
    assert (terms.holds, terms.waits, terms.buffers, terms.reach) == (holds, waits, False, 0)


def test_terms_of_buffers_and_exceptions():
    hole = RuleException("r", ThenDo.ALLOW, 1e12, phrases=("abc", "a longer one"))
    terms = Terms.of(plan(LADDER, release=Release.BUFFER, exceptions=(hole,)))
    assert (terms.buffers, terms.reach) == (True, 12)


def test_outcome_refuses_what_cannot_be_replaced():
    made = plan(LADDER)
    weighed = weigh(made, finding(0.6, span=None), 100, 100)
    decision = outcome(made, [weighed])
    assert (decision.action, decision.would_have, decision.rule_name) == (Action.REFUSE, Action.REFUSE, "r")
    assert outcome(made, [weigh(made, finding(0.6), 100, 100)]).action is Action.REDACT
    assert outcome(made, []).action is Action.ALLOW
