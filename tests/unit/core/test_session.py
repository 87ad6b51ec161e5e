"""One turn of a session: the numbers of `test_escalation.py` and `test_cool_down.py`, put to work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope, Stage
from guardproxy.core.cool_down import Pause, Pauses
from guardproxy.core.decide import decide
from guardproxy.core.escalation import RULE, Level
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context, judge
from guardproxy.core.rules import (
    Action,
    CoolDown,
    Escalation,
    Kind,
    Ladder,
    LadderStep,
    Memory,
    Policy,
    PolicyRef,
    Rule,
)
from guardproxy.core.segments import input_segments
from guardproxy.core.session import SHORTEST_WAIT, SessionState, Visit, step_word

REF = PolicyRef("p", 1, "h")
LADDER = Ladder((LadderStep(Action.LOG, 1.0), LadderStep(Action.WARN, 1.4), LadderStep(Action.REFUSE, 1.8)))
FRAUD = Rule("fraud", Kind.HAZARD, "crime", Ladder((LadderStep(Action.WARN, 0.6), LadderStep(Action.REFUSE, 0.95))))
POLICY = Policy(REF, (FRAUD,), escalation=Escalation(("crime",), LADDER), cool_down=CoolDown(2, 900.0, 600.0))
SAID = Conversation((Message(Role.USER, Scope.USER, (Part("x", Pointer(("messages", 0, "content"))),)),))


def turn(state, score, now=1000.0, policy=POLICY, outputs=(), hazard="crime.fraud"):
    """One turn with this score; the decision, the state after it, the visit."""
    segment = input_segments(SAID)[0]
    findings = [Finding("embedded", hazard, score, segment)] if score else []
    plain = decide(judge(findings, policy, Stage.INPUT, Context()), REF, Stage.INPUT)
    visit = Visit(policy, state, now)
    decision = visit.heed(SAID, findings, plain)
    return decision, visit.settled(outputs, ()), visit


def after(levels, at=1000.0, pauses=None):
    return SessionState(levels, pauses or Pauses(), at)


def test_without_risk_the_decision_is_the_rules():
    decision, state, visit = turn(SessionState(), 0)
    assert (decision.action, visit.wait, state) == (Action.ALLOW, 0, SessionState((), Pauses(), 1000.0))


def test_the_session_refuses_what_no_rule_would_and_says_for_how_long():
    decision, _, visit = turn(after((Level("crime.fraud", 2.0, 2),)), 0.5)
    assert (decision.action, decision.rule_name, decision.hazard) == (Action.REFUSE, RULE, "crime.fraud")
    assert visit.wait == 205  # half-lives from 2.28 down to 1.8
    assert step_word(visit.levels, POLICY) == "refuse"


def test_a_harder_rule_keeps_its_name_and_the_session_its_numbers():
    decision, _, _ = turn(after((Level("crime.fraud", 1.3, 1),)), 0.97)
    assert (decision.action, decision.rule_name) == (Action.REFUSE, "fraud")
    assert {v.rule.id for v in decision.verdicts} == {"fraud", RULE}


def test_memory_halves_and_is_forgotten():
    state = after((Level("crime.fraud", 2.0, 2),), at=0.0)
    assert turn(state, 0.5, now=600.0)[2].levels[0].total == pytest.approx(1.28)
    assert turn(state, 0.5, now=1799.9)[2].levels[0].total > 0.5
    assert turn(state, 0.5, now=1800.0)[2].levels[0].total == pytest.approx(0.28)


def test_a_longer_memory_is_the_policy_s():
    policy = replace(POLICY, memory=Memory(keep=7200.0, half_life=3600.0))
    state = after((Level("crime.fraud", 2.0, 2),), at=0.0)
    assert turn(state, 0, now=3600.0, policy=policy)[2].levels[0].total == pytest.approx(0.78)


def test_the_answer_belongs_to_the_turn():
    """The sum is climbed again from before the turn, with the higher of both scores."""
    segment = input_segments(SAID)[0]
    visit = Visit(POLICY, SessionState(at=1000.0), 1000.0)
    visit.heed(SAID, [Finding("embedded", "crime.fraud", 0.4, segment)], decide([], REF, Stage.INPUT))
    state = visit.settled([], [Finding("embedded", "crime.fraud", 0.9, segment)])
    assert state.levels == (Level("crime.fraud", 0.68, 0),)


def test_refusals_start_a_pause_which_does_not_feed_itself():
    state = SessionState()
    for _ in range(2):
        decision, state, _ = turn(state, 0.97)
        assert decision.rule_name == "fraud"
    assert state.pauses.running == (Pause("crime", 1600.0),)
    resting, later, visit = turn(state, 0.6, now=1100.0)
    assert (resting.rule_name, visit.wait, visit.resting) == (RULE, 500, ("crime",))
    assert later.pauses == state.pauses
    assert turn(later, 0, now=1100.0)[0].action < Action.REFUSE


def test_turns_that_ran_at_once_are_both_remembered():
    visits = []
    for _ in range(2):
        _, alone, visit = turn(SessionState(), 0.97)
        visits.append(visit)
    both = visits[1].settled((), (), alone)
    assert both.levels[0].total == pytest.approx(2 * alone.levels[0].total)
    assert both.pauses.running == (Pause("crime", 1600.0),)  # two refusals, although each visit has seen one
    assert visits[1].settled((), (), visits[1].state) == alone


def test_a_pause_names_a_time_that_is_worth_waiting_for():
    assert turn(after((), pauses=Pauses((), (Pause("crime", 1001.0),))), 0.6)[2].wait == SHORTEST_WAIT


def test_a_refused_answer_counts_as_well():
    refusal = decide(
        judge(
            [Finding("embedded", "crime.fraud", 0.99, replace(input_segments(SAID)[0], stage=Stage.OUTPUT))],
            POLICY, Stage.OUTPUT, Context(),
        ), REF, Stage.OUTPUT,
    )  # fmt: skip
    _, state, _ = turn(SessionState(), 0, outputs=[refusal])
    assert [mark.key for mark in state.pauses.marks] == ["crime"]


def test_a_policy_without_a_ladder_only_pauses():
    policy = replace(POLICY, escalation=None)
    state = SessionState()
    for _ in range(2):
        _, state, visit = turn(state, 0.97, policy=policy)
    assert (state.levels, visit.levels, step_word((), policy)) == ((), (), "none")
    assert turn(state, 0.6, policy=policy)[0].rule_name == RULE


TWICE = Conversation(
    tuple(
        Message(role, scope, (Part(text, Pointer(("messages", at, "content"))),))
        for at, (role, scope, text) in enumerate(
            [(Role.USER, Scope.USER, "x"), (Role.ASSISTANT, Scope.HISTORY, "y"), (Role.USER, Scope.USER, "z")]
        )
    )
)


def later_turn(state, place, score):
    """A second turn; the finding stands in this message."""
    findings = [Finding("embedded", "crime.fraud", score, input_segments(TWICE)[place])]
    plain = decide(judge(findings, POLICY, Stage.INPUT, Context()), REF, Stage.INPUT)
    visit = Visit(POLICY, state, 1000.0)
    decision = visit.heed(TWICE, findings, plain)
    return decision, visit.settled((), ())


@pytest.mark.parametrize(("place", "strikes"), [(0, 0), (1, 0), (2, 1)])
def test_what_is_refused_for_an_earlier_turn_is_no_new_strike(place, strikes):
    decision, state = later_turn(SessionState(), place, 0.97)
    assert decision.action is Action.REFUSE
    assert len(state.pauses.marks) == strikes


@pytest.mark.parametrize(("place", "rule"), [(0, "fraud"), (1, "fraud"), (2, RULE)])
def test_an_old_turn_does_not_touch_a_subject_that_rests(place, rule):
    resting = after((), pauses=Pauses((), (Pause("crime", 1600.0),)))
    assert later_turn(resting, place, 0.6)[0].rule_name == rule


def test_a_new_subject_is_answered_however_high_the_sum_is():
    decision, _, visit = turn(after((Level("crime.fraud", 3.0, 3),)), 0)
    assert (decision.action, visit.wait, step_word(visit.levels, POLICY)) == (Action.ALLOW, 0, "refuse")
