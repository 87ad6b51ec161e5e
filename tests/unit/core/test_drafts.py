"""Which policy judges which draft, and what the model is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.decide import decide
from guardproxy.core.drafts import asks_again, for_draft, instruction_of, rejects, without_drafts
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Regenerate, Rule

REF = PolicyRef("p", 1, "h")
STEPS = Ladder((LadderStep(Action.WARN, 0.5), LadderStep(Action.REGENERATE, 0.8), LadderStep(Action.REFUSE, 0.95)))
TONE = Rule("tone", Kind.HAZARD, "harassment", STEPS, checks=frozenset({Stage.OUTPUT}))
POLICY = Policy(REF, (TONE, replace(TONE, id="plain", ladder=Ladder(STEPS.steps[:1]))), regenerate=Regenerate(tries=2))


def steps(policy, rule="tone"):
    return [step.action for step in policy.rule(rule).ladder.steps]


@pytest.mark.parametrize("number", [0, 1])
def test_drafts_within_the_tries_are_judged_by_the_policy_itself(number):
    assert for_draft(POLICY, number) is POLICY


@pytest.mark.parametrize("fallback", [Action.REFUSE, Action.WARN])
def test_the_last_one_by_the_fallback(fallback):
    last = for_draft(replace(POLICY, regenerate=Regenerate(2, "", fallback)), 2)
    assert steps(last) == [Action.WARN, fallback, Action.REFUSE]
    assert last.rule("plain") is POLICY.rule("plain")
    assert last.rule("tone").ladder.reached(0.99).action is Action.REFUSE


def test_where_nobody_can_be_asked_again_it_refuses():
    assert steps(without_drafts(replace(POLICY, regenerate=Regenerate(2, "", Action.WARN)))) == [
        Action.WARN, Action.REFUSE, Action.REFUSE,
    ]  # fmt: skip


def test_a_policy_without_it_stays_the_same_object():
    plain = replace(POLICY, rules=POLICY.rules[1:])
    assert (asks_again(POLICY), asks_again(plain)) == (True, False)
    assert without_drafts(plain) is plain
    assert not asks_again(replace(POLICY, rules=(replace(TONE, mode=Mode.SHADOW),)))


def test_the_instruction_is_the_policy_s_or_names_the_subject():
    assert instruction_of(replace(POLICY, regenerate=Regenerate(instruction="Be kind.")), "insults") == "Be kind."
    assert "went into insults," in instruction_of(POLICY, "insults")
    assert "{" not in instruction_of(POLICY, "")


def test_only_a_draft_to_be_written_again_is_rejected():
    plain = decide([], REF, Stage.OUTPUT)
    assert not rejects(plain)
    assert rejects(replace(plain, action=Action.REGENERATE))
