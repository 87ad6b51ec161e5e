"""Findings as OpenAI's categories: thresholds, parents, what nobody looked for (taxonomy.md 4, T5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardproxy.core.categories import (
    DEFAULT_THRESHOLD,
    KEYS,
    OPENAI,
    Category,
    keys_of,
    moderate,
    quarters,
    reached,
)
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding
from guardproxy.core.hazards import BY_ID, FAMILIES
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

TEXT = Segment("x", Stage.INPUT, Scope.USER)
LADDER = Ladder((LadderStep(Action.LOG, 0.2), LadderStep(Action.WARN, 0.5), LadderStep(Action.REFUSE, 0.95)))


def found(hazard, score, rule=None):
    return Finding("words" if rule else "embedded", hazard, score, TEXT, rule=rule)


def said(findings, *rules, exceptions=(), covered=()):
    policy = Policy(PolicyRef("p", 1, "0"), rules, exceptions=exceptions)
    verdicts = judge(findings, policy, Stage.INPUT, Context())
    return moderate(findings, verdicts, policy, Context(), covered)


def true_keys(moderation):
    return {c.key for c in (*moderation.categories, *moderation.own) if c.flagged}


def on(hazard, ladder=LADDER, **more):
    return Rule("r", Kind.HAZARD, hazard, ladder, **more)


ONLY_LOGS = Ladder((LadderStep(Action.LOG, 0.1),))


@pytest.mark.parametrize(
    ("findings", "rules", "keys"),
    [
        ([], (), set()),
        ([found("hate.threat", 0.49)], (on("hate"),), set()),
        ([found("hate.threat", 0.5)], (on("hate"),), {"hate", "hate/threatening", "hate.threat"}),
        ([found("hate.threat", 0.5)], (on("hate", mode=Mode.SHADOW),), {"hate", "hate/threatening", "hate.threat"}),
        ([found("hate.threat", 0.5)], (on("hate", mode=Mode.DISABLED),), set()),
        ([found("hate.threat", 1.0)], (on("hate", ONLY_LOGS),), set()),
        ([found("self_harm.intent", DEFAULT_THRESHOLD)], (), {"self-harm", "self-harm/intent", "self_harm.intent"}),
        ([found("self_harm.intent", 0.89)], (), set()),
        ([found("attack.jailbreak", 0.6)], (on("attack.jailbreak"),), {"attack.jailbreak"}),
        ([found("sexual.crime", 0.9)], (), {"sexual", "illicit", "sexual.crime"}),
        ([found("custom", 1.0, rule="w")], (), set()),
        ([found("custom", 1.0, rule="w")], (Rule("w", Kind.WORDS, "", LADDER),), {"custom"}),
        ([found("hate", 0.95)], (), {"hate"}),
    ],
)
def test_what_is_flagged(findings, rules, keys):
    moderation = said(findings, *rules)
    assert true_keys(moderation) == keys
    assert moderation.flagged is bool(keys)


def test_the_thresholds_of_two_rules_count_apart():
    high = Ladder((LadderStep(Action.REFUSE, 0.95),))
    findings = [found("hate.speech", 0.6), found("crime.fraud", 0.6)]
    rules = (on("hate"), Rule("s", Kind.HAZARD, "crime", high))
    assert true_keys(said(findings, *rules)) == {"hate", "hate.speech"}


def test_an_exception_of_the_policy_holds_here_too():
    hole = RuleException("r", ThenDo.ALLOW, expires=1.0)
    assert not said([found("hate.speech", 1.0)], on("hate"), exceptions=(hole,)).flagged


def test_a_rule_may_count_a_finding_as_something_else():
    moderation = said([found("privacy.pii", 1.0)], on("privacy.pii", counts_as="hate.speech"))
    assert true_keys(moderation) == {"hate", "hate.speech"}


def test_what_nobody_looked_for_is_named():
    moderation = said([], covered=["hate.threat", "self_harm.promotion", "custom"])
    assert set(KEYS) - set(moderation.not_covered) == {"hate", "hate/threatening", "self-harm"}
    assert [c.key for c in moderation.own] == ["hate.threat", "self_harm.promotion", "custom"]


def test_the_keys_are_openais_and_the_hazards_ours():
    assert {key for keys in OPENAI.values() for key in keys} == set(KEYS)
    assert OPENAI.keys() <= {*BY_ID, *FAMILIES}


@pytest.mark.parametrize(
    ("score", "shown"), [(0.0, 0.0), (0.124, 0.0), (0.125, 0.25), (0.5, 0.5), (0.87, 0.75), (0.88, 1.0), (1.0, 1.0)]
)
def test_scores_are_shown_in_quarters(score, shown):
    assert Category("hate", flagged=False, score=score).shown(exact=False) == quarters(score) == shown


def test_what_reaches_a_step_that_acts():
    findings = [found("hate.speech", 0.96), found("hate.speech", 0.4), found("hate.threat", 0.5)]
    policy = Policy(PolicyRef("p", 1, "0"), (on("hate", counts_as="harassment.abuse"), on("hate")))
    pairs = [(f.hazard, f.score) for f in reached(judge(findings, policy, Stage.INPUT, Context()))]
    assert pairs == [
        ("harassment.abuse", 0.96),
        ("harassment.abuse", 0.5),
        ("hate.speech", 0.96),
        ("hate.threat", 0.5),
    ]


@given(st.lists(st.tuples(st.sampled_from([*BY_ID, *FAMILIES]), st.floats(0, 1))), st.booleans())
def test_a_parent_is_never_below_its_child(pairs, ruled):
    rules = (on("hate"), Rule("s", Kind.HAZARD, "self_harm.intent", LADDER)) if ruled else ()
    by_key = {c.key: c for c in said([found(h, s) for h, s in pairs], *rules).categories}
    assert tuple(by_key) == KEYS
    for key, child in by_key.items():
        parent = by_key[key.partition("/")[0]]

        assert parent.score >= child.score
        assert parent.shown(exact=False) >= child.shown(exact=False)
        assert parent.flagged or not child.flagged


@given(st.lists(st.tuples(st.sampled_from([*BY_ID]), st.floats(0, 1)), min_size=1))
def test_one_finding_more_never_lowers_anything(pairs):
    findings = [found(h, s) for h, s in pairs]
    before, after = said(findings[1:]), said(findings)
    for less, more in zip(before.categories, after.categories, strict=True):
        assert more.score >= less.score
        assert more.flagged or not less.flagged


def test_keys_come_with_their_parents():
    assert keys_of("sexual.minors") == {"sexual/minors", "sexual"}
    assert keys_of("advice.legal") == frozenset()
