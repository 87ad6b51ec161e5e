"""What the inline moderation of one exchange reports, and what it refuses although no rule could."""

from __future__ import annotations

from dataclasses import replace

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import decide
from guardproxy.core.findings import Failure, FailureKind, Finding
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule, Unscanned
from guardproxy.core.tighten import RULE
from guardproxy.proxy.detector_set import DetectorSet
from guardproxy.proxy.inline import Inline
from guardproxy.wire.inline_moderation import ModerationAsk, ModerationMode

REF = PolicyRef("p", 1, "h")
USERS = Rule("hate", Kind.HAZARD, "hate", Ladder((LadderStep(Action.WARN, 0.5),)), scopes=frozenset({Scope.USER}))
POLICY = Policy(REF, (USERS,))
BLOCK, SCORE = ModerationMode.BLOCK, ModerationMode.SCORE


def inline(input_mode, output_mode=SCORE):
    return Inline(ModerationAsk(input_mode, output_mode), DetectorSet(POLICY, ()), Context())


def finding(scope):
    return Finding("embedded", "hate.speech", 0.95, Segment("x", Stage.INPUT, scope))


def test_a_place_that_no_rule_looks_at_is_refused_when_flagged():
    decision = inline(BLOCK).heed(decide([], REF, Stage.INPUT), [finding(Scope.SYSTEM)])
    assert (decision.action, decision.rule_name, decision.hazard) == (Action.REFUSE, RULE, "hate.speech")


def test_score_reports_and_leaves_the_decision_alone():
    asked, plain = inline(SCORE), decide([], REF, Stage.INPUT)
    assert asked.heed(plain, [finding(Scope.SYSTEM)]) is plain
    member = asked.member(())["moderation"]
    assert member["input"]["results"][0]["flagged"] is True
    assert member["output"] == {
        "type": "error", "code": "guard_unavailable", "message": "this stage was not checked in full",
    }  # fmt: skip


def test_each_choice_has_a_result():
    asked = inline(SCORE)
    for _ in range(2):
        asked.heed(decide([], REF, Stage.OUTPUT), [])
    assert len(asked.member(())["moderation"]["output"]["results"]) == 2


def test_a_stage_with_a_broken_detector_is_not_reported():
    asked = inline(SCORE)
    asked.heed(decide([], REF, Stage.INPUT), [])
    failure = Failure("embedded", FailureKind.TIMEOUT, Stage.INPUT)
    assert asked.member([failure])["moderation"]["input"]["type"] == "error"


def test_a_stage_with_an_unread_attachment_is_not_reported():
    asked = inline(SCORE)
    for stage in Stage:
        asked.heed(decide([], REF, stage), [])
    member = asked.member((), unread=True)["moderation"]
    assert (member["input"]["type"], member["output"]["type"]) == ("error", "moderation_results")


def test_what_must_be_checked_in_full_holds_no_attachment():
    lax = Inline(
        ModerationAsk(BLOCK, SCORE), DetectorSet(replace(POLICY, on_unscannable=Unscanned.ALLOW), ()), Context()
    )
    assert lax.policy(Stage.INPUT).on_unscannable is Unscanned.REFUSE


def test_only_a_stage_to_be_blocked_must_be_checked_in_full():
    asked = inline(SCORE, BLOCK)
    assert (asked.strict(Stage.INPUT), asked.strict(Stage.OUTPUT)) == (False, True)
    assert asked.policy(Stage.INPUT) is POLICY
    assert asked.policy(Stage.OUTPUT).rules[0].strongest is Action.REFUSE
