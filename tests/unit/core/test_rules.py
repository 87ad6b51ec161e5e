"""Ladders, ranks and the defaults of a policy: the safe side is the default side."""

import pytest

from guardproxy.core.conversation import INPUT_SCOPES, Stage
from guardproxy.core.rules import (
    Action,
    FailMode,
    Kind,
    Ladder,
    LadderStep,
    LocaleTexts,
    Mode,
    Policy,
    PolicyRef,
    Release,
    Rule,
    Source,
    TaxBudget,
    Unscanned,
)

LADDER = Ladder((LadderStep(Action.LOG, 0.4), LadderStep(Action.WARN, 0.7), LadderStep(Action.REFUSE, 0.9)))


@pytest.mark.parametrize(
    ("score", "action"),
    [
        (0.0, None),
        (0.39, None),
        (0.4, Action.LOG),
        (0.69, Action.LOG),
        (0.7, Action.WARN),
        (0.9, Action.REFUSE),
        (1.0, Action.REFUSE),
    ],
)
def test_equal_counts_as_reached(score, action):
    step = LADDER.reached(score)
    assert (step and step.action) == action


def test_an_empty_ladder_does_nothing():
    assert Ladder(()).reached(1.0) is None
    assert Rule("r", Kind.WORDS, "", Ladder(())).strongest is Action.ALLOW


def test_actions_are_ranked_mildest_first():
    words = [action.word for action in sorted(Action)]
    assert words == ["allow", "log", "warn", "redact", "regenerate", "refuse"]


def test_the_strongest_action_of_a_rule():
    assert Rule("r", Kind.HAZARD, "crime", LADDER).strongest is Action.REFUSE


@pytest.mark.parametrize(("mode", "counts"), [(Mode.ENFORCE, True), (Mode.SHADOW, False), (Mode.DISABLED, False)])
def test_only_enforced_rules_count(mode, counts):
    assert Rule("r", Kind.HAZARD, "crime", LADDER, mode=mode).enforced is counts


def test_the_defaults_are_the_safe_side():
    rule = Rule("r", Kind.HAZARD, "crime", LADDER)
    policy = Policy(PolicyRef("p", 1, "0"), (rule,))
    assert (rule.mode, rule.fails) == (Mode.ENFORCE, FailMode.CLOSED)
    assert (rule.checks, rule.scopes) == (frozenset(Stage), INPUT_SCOPES)
    assert policy.on_unscannable is Unscanned.REFUSE
    assert policy.streaming.release is Release.AFTER_CHECK
    assert policy.messages_looked_at is None


def test_windows_of_the_default_policy_overlap_and_move_on():
    streaming = Policy(PolicyRef("p", 1, "0"), ()).streaming
    assert 0 < streaming.overlap < streaming.first <= streaming.characters


def test_names_for_the_outside():
    policy = Policy(PolicyRef("p", 3, "abc"), (Rule("r", Kind.HAZARD, "crime", LADDER),))
    assert str(policy.ref) == "p@3"
    assert str(Source("a.yaml", 7, 2)) == "a.yaml:7"
    assert policy.rule("r") is policy.rules[0]
    assert policy.rule("s") is None


def test_texts_are_found_by_their_exact_tag():
    texts = LocaleTexts((("en", "no"), ("de", "nein")))
    assert [texts.get(tag) for tag in ("de", "en", "de-AT")] == ["nein", "no", None]


def test_a_budget_promises_what_it_names():
    assert not TaxBudget().promises
    assert TaxBudget(over_refusal=0.0).promises
