"""`block` refuses what is flagged, and only that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.categories import DEFAULT_THRESHOLD, moderate
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import decide
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context, judge
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Release, Rule, Streaming
from guardproxy.core.tighten import RULE, tightened

REF = PolicyRef("p", 1, "h")
STEPS = (LadderStep(Action.LOG, 0.2), LadderStep(Action.WARN, 0.5), LadderStep(Action.REDACT, 0.7))
WEAPONS = Rule("weapons", Kind.HAZARD, "weapons", Ladder(STEPS))
ONLY_LOGS = Rule("fraud", Kind.HAZARD, "crime.fraud", Ladder(STEPS[:1]))
SHADOW = Rule("hate", Kind.HAZARD, "hate", Ladder((LadderStep(Action.REFUSE, 0.6),)), mode=Mode.SHADOW)
OFF = replace(SHADOW, id="off", target="sexual", mode=Mode.DISABLED)
POLICY = Policy(REF, (WEAPONS, ONLY_LOGS, SHADOW, OFF))
COVERED = frozenset({"weapons.cbrne", "crime.fraud", "hate.speech", "sexual.explicit", "harassment.abuse"})


def finding(hazard, score, stage=Stage.INPUT):
    return Finding("embedded", hazard, score, Segment("x", stage, Scope.USER))


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("hazard", sorted(COVERED))
@pytest.mark.parametrize("score", [0.1, 0.3, 0.5, 0.65, 0.8, DEFAULT_THRESHOLD, 1.0])
def test_what_is_flagged_is_refused_and_nothing_else(stage, hazard, score):
    found, context = [finding(hazard, score, stage)], Context()
    said = moderate(found, judge(found, POLICY, stage, context), POLICY, context, COVERED)
    harder = tightened(POLICY, stage, COVERED)
    decided = decide(judge(found, harder, stage, context), REF, stage)
    assert (decided.action is Action.REFUSE) == said.flagged
    plain = decide(judge(found, POLICY, stage, context), REF, stage)
    assert decided.action >= plain.action


def test_rules_keep_their_names_and_new_ones_have_one_of_their_own():
    harder = tightened(POLICY, Stage.OUTPUT, COVERED)
    assert [rule.id for rule in harder.rules[:4]] == ["weapons", "fraud", "hate", "off"]
    assert {rule.id for rule in harder.rules[4:]} == {RULE}
    assert {rule.target for rule in harder.rules[4:]} == {"sexual.explicit", "harassment.abuse"}
    assert harder.ref is REF


def test_a_rule_of_the_other_stage_stays_as_it_is():
    policy = replace(POLICY, rules=(replace(WEAPONS, checks=frozenset({Stage.INPUT})),))
    assert tightened(policy, Stage.OUTPUT, {"weapons.cbrne"}).rules[0] is policy.rules[0]


def test_text_is_held_although_the_policy_lets_it_pass_at_once():
    policy = replace(POLICY, streaming=Streaming(release=Release.IMMEDIATE))
    assert tightened(policy, Stage.OUTPUT, COVERED).streaming.release is Release.AFTER_CHECK
