"""Findings × rules → verdicts."""

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import Context, judge
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

REF = PolicyRef("p", 1, "0" * 16)
LADDER = Ladder((LadderStep(Action.LOG, 0.4), LadderStep(Action.WARN, 0.7), LadderStep(Action.REFUSE, 0.9)))
MATCH = Ladder((LadderStep(Action.REFUSE, 1.0),))
USER = Segment("some words here", Stage.INPUT, Scope.USER)
SYSTEM = Segment("system words", Stage.INPUT, Scope.SYSTEM)
ANSWER = Segment("an answer", Stage.OUTPUT, Scope.MODEL)


def rule(kind=Kind.HAZARD, target="crime", ladder=LADDER, **more):
    return Rule("the-rule", kind, target, ladder, **more)


def found(hazard="crime.fraud", score=0.95, segment=USER, detector="d", **more):
    return Finding(detector, hazard, score, segment, **more)


def action(rule_, *findings, stage=Stage.INPUT, context=None, **policy):
    verdicts = judge(findings, Policy(REF, (rule_,), **policy), stage, context or Context())
    assert len(verdicts) <= 1
    return verdicts[0].action if verdicts else None


@pytest.mark.parametrize(
    ("score", "reached"),
    [
        (0.39, None),
        (0.4, Action.LOG),
        (0.69, Action.LOG),
        (0.7, Action.WARN),
        (0.9, Action.REFUSE),
        (1.0, Action.REFUSE),
    ],
)
def test_a_score_equal_to_a_step_reaches_it(score, reached):
    assert action(rule(), found(score=score)) == reached


@pytest.mark.parametrize(
    ("target", "hazard", "heard"),
    [
        ("crime", "crime.fraud", True),
        ("crime", "crime", True),
        ("crime.fraud", "crime", False),
        ("crime.fraud", "crime.fraud", True),
        ("hate", "harassment.abuse", False),
        ("crime", "crimes", False),
    ],
)
def test_a_family_hears_its_leaves_and_never_the_reverse(target, hazard, heard):
    assert (action(rule(target=target), found(hazard)) is not None) == heard


def test_words_rules_hear_only_their_own_phrases():
    own = rule(Kind.WORDS, "", MATCH)
    assert action(own, found("custom", 1.0, rule="the-rule")) is Action.REFUSE
    assert action(own, found("custom", 1.0, rule="another")) is None


def test_detector_rules_hear_one_detector():
    own = rule(Kind.DETECTOR, "pii.email", MATCH)
    assert action(own, found("privacy.pii", 1.0, detector="pii.email")) is Action.REFUSE
    assert action(own, found("privacy.pii", 1.0, detector="pii.phone")) is None


def test_scopes_bind_input_only():
    users = rule(scopes=frozenset({Scope.USER}))
    assert action(users, found(segment=SYSTEM)) is None
    assert action(users, found(segment=ANSWER), stage=Stage.OUTPUT) is Action.REFUSE


def test_trusted_system_text_is_looked_at_only_where_the_rule_says_so():
    trusted = Context(trusted_system=True)
    assert action(rule(), found(segment=SYSTEM), context=trusted) is None
    named = rule(scopes=frozenset({Scope.SYSTEM}), scopes_written=True)
    assert action(named, found(segment=SYSTEM), context=trusted) is Action.REFUSE
    assert action(rule(), found(segment=SYSTEM)) is Action.REFUSE


def test_disabled_rules_and_other_stages_are_silent():
    assert action(rule(mode=Mode.DISABLED), found()) is None
    assert action(rule(checks=frozenset({Stage.OUTPUT})), found()) is None


def test_shadow_verdicts_do_not_count():
    (verdict,) = judge([found()], Policy(REF, (rule(mode=Mode.SHADOW),)), Stage.INPUT, Context())
    assert not verdict.enforced


def hole(**more):
    return RuleException("the-rule", more.pop("then", ThenDo.ALLOW), more.pop("expires", 100.0), **more)


@pytest.mark.parametrize(
    ("exception", "context", "expected"),
    [
        (hole(routes=("support",)), Context(route="support", now=1), None),
        (hole(routes=("support",)), Context(route="chat", now=1), Action.REFUSE),
        (hole(routes=("support",)), Context(route="support", now=100), Action.REFUSE),  # expired
        (hole(routes=("support",), then=ThenDo.LOG), Context(route="support", now=1), Action.LOG),
        (hole(tenants=("a",)), Context(tenant="b", now=1), Action.REFUSE),
    ],
)
def test_exceptions(exception, context, expected):
    assert action(rule(), found(), context=context, exceptions=(exception,)) == expected


def test_a_phrase_excuses_only_what_lies_inside_it():
    text = Segment("the Heron Street shop and the heron project", Stage.INPUT, Scope.USER)
    words = rule(Kind.WORDS, "", MATCH)
    inside = found("custom", 1.0, text, rule="the-rule", span=Span(4, 9))
    outside = replace(inside, span=Span(30, 35))
    excused = hole(phrases=("heron street shop",))
    assert action(words, inside, exceptions=(excused,)) is None
    assert action(words, inside, outside, exceptions=(excused,)) is Action.REFUSE
    assert action(words, replace(inside, span=None), exceptions=(excused,)) is Action.REFUSE
