"""Risk over turns: a sum that rises with what is found, falls with clean turns, and climbs one step at a time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.core.escalation import (
    MOST_STEPS,
    NEWS,
    RULE,
    LeafScore,
    Level,
    Turn,
    climb,
    faded,
    joined,
    places_of_last,
    raised,
    risk_of,
    session_verdicts,
    turns_of,
)
from guardproxy.core.findings import Finding, Span
from guardproxy.core.rules import Action, Escalation, Ladder, LadderStep
from guardproxy.core.segments import input_segments, last_turns

LADDER = Ladder((LadderStep(Action.LOG, 1.0), LadderStep(Action.WARN, 1.4), LadderStep(Action.REFUSE, 1.8)))
PLAN = Escalation(("crime", "violence", "weapons"), LADDER)
FRAUD, CBRNE = "crime.fraud", "weapons.cbrne"


def turn(score, leaf=FRAUD):
    return Turn((LeafScore(leaf, score),))


def walk(scores, leaf=FRAUD, plan=PLAN, start=()):
    levels, steps = start, []
    for score in scores:
        levels = climb(levels, turn(score, leaf), plan)
        steps.append(max((level.step for level in levels), default=0))
    return levels, steps


def test_a_slow_ramp_climbs_although_no_turn_is_grave():
    levels, steps = walk([0.3, 0.4, 0.5, 0.6, 0.65, 0.7])
    assert levels[0].total == pytest.approx(1.83)
    assert steps == [0, 0, 0, 0, 1, 2]


def test_one_step_up_a_turn_but_for_the_gravest():
    assert walk([0.99, 0.99, 0.99])[1] == [0, 1, 2]
    assert walk([1.0, 1.0, 1.0], CBRNE)[1] == [0, 2, 3]


def test_clean_turns_let_the_step_fall_by_itself():
    levels, steps = walk([0.9, 0.9, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert steps[2] > steps[5] >= steps[-1] == 0
    assert levels[0].total < PLAN.drift


def test_however_far_it_went_it_comes_back_within_some_turns():
    levels, _ = walk([1.0] * 50)
    assert levels[0].total == 3.6
    assert walk([0.0] * 17, start=levels)[0] == ()


def test_leaves_do_not_share_their_sums():
    levels, _ = walk([0.9, 0.9])
    levels = climb(levels, turn(0.9, "crime.drugs"), PLAN)
    assert {level.leaf: level.step for level in levels}["crime.drugs"] == 0


def test_only_watched_hazards_count():
    assert walk([1.0, 1.0, 1.0], "hate.speech")[0] == ()


def test_memory_raises_and_never_lowers():
    remembered = (Level(FRAUD, 1.3, 1),)
    clean = risk_of([Turn(), turn(0.5)], remembered, PLAN)
    assert clean.before == remembered
    assert clean.now[0].total == pytest.approx(1.58)
    risky = risk_of([turn(0.9), turn(0.9), turn(0.9)], (Level(FRAUD, 0.1),), PLAN)
    assert risky.now == risk_of([turn(0.9)] * 3, (), PLAN).now


def test_memory_halves():
    assert faded((Level(FRAUD, 1.6, 2),), 1.0) == (Level(FRAUD, 0.8, 2),)
    assert raised((Level(FRAUD, 0.5, 1),), (Level(FRAUD, 0.8, 0),)) == (Level(FRAUD, 0.8, 1),)


def test_of_two_turns_at_once_both_count_and_neither_history_twice():
    history = (Level("crime.fraud", 1.0, 1),)
    after, others = ((Level("crime.fraud", total, 1),) for total in (1.5, 1.25))
    assert joined(others, history, after, PLAN) == (Level("crime.fraud", 1.75, 1),)


def test_a_clean_turn_beside_another_one_lowers_only_what_it_would_have_lowered():
    history = (Level("crime.fraud", 1.0, 1),)
    after, others = ((Level("crime.fraud", total, 1),) for total in (0.75, 1.5))
    assert joined(others, history, after, PLAN) == (Level("crime.fraud", 1.25, 1),)


def test_a_leaf_that_only_the_other_turn_raised_stays_and_the_sum_is_bounded():
    assert joined((Level("weapons.made", 1.0, 1),), (), (), PLAN) == (Level("weapons.made", 1.0, 1),)
    high = (Level("crime.fraud", 3.0, 2),)
    most = 2 * PLAN.ladder.steps[-1].threshold
    assert joined(high, (), high, PLAN) == (Level("crime.fraud", min(6.0, most), 2),)


def test_a_verdict_for_each_leaf_on_a_step():
    (verdict,) = session_verdicts((Level(FRAUD, 1.5, 2), Level(CBRNE, 0.2)), turn(0.4), PLAN, 7)
    assert (verdict.rule.id, verdict.action, verdict.hazard, verdict.order) == (RULE, Action.WARN, FRAUD, 7)
    assert (verdict.score, verdict.threshold, verdict.enforced) == (1.5, 1.4, True)


@pytest.mark.parametrize("now", [turn(PLAN.drift), turn(0.9, "crime.drugs"), Turn()])
def test_a_turn_on_something_else_meets_no_step(now):
    assert session_verdicts((Level(FRAUD, 3.0, 3),), now, PLAN, 7) == []


def said(*texts):
    """Messages of these roles, one word each."""
    return Conversation(
        tuple(
            Message(
                role,
                Scope.HISTORY if role is Role.ASSISTANT else Scope.USER,
                (Part(f"text{at}", Pointer(("messages", at, "content"))),),
            )
            for at, role in enumerate(texts)
        )
    )


def test_a_turn_is_a_user_message_and_what_follows():
    conversation = said(Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL, Role.USER, Role.ASSISTANT)
    singles = [s for s in input_segments(conversation) if not s.joined]
    findings = [Finding("d", FRAUD, at / 10, segment, Span(0, 1)) for at, segment in enumerate(singles)]
    assert turns_of(conversation, findings) == (turn(0.3), turn(0.5))
    assert places_of_last(conversation) == {("messages", 4, "content"), ("messages", 5, "content")}


def test_a_guess_about_an_answer_of_the_history_counts_for_nothing():
    conversation = said(Role.USER, Role.ASSISTANT, Role.USER)
    asked, answered, _ = input_segments(conversation)
    assert turns_of(conversation, [Finding("d", FRAUD, 0.9, answered)]) == (Turn(), Turn())
    assert turns_of(conversation, [Finding("d", FRAUD, 0.9, answered, Span(0, 1))]) == (turn(0.9), Turn())
    assert turns_of(conversation, [Finding("d", FRAUD, 0.9, asked)]) == (turn(0.9), Turn())


@pytest.mark.parametrize(
    ("alone", "counts"), [(0.0, True), (0.8 - NEWS, True), (0.8 - NEWS + 0.01, False), (0.9, False)]
)
def test_turns_together_count_when_they_say_more_than_each_of_them(alone, counts):
    """A payload cut in pieces; but one grave turn does not make its harmless neighbours grave."""
    conversation = said(Role.USER, Role.ASSISTANT, Role.USER)
    joined, first = last_turns(conversation), input_segments(conversation)[0]
    findings = [Finding("d", "crime.cyber", alone, first), Finding("d", FRAUD, 0.8, joined)]
    latest = turns_of(conversation, findings)[-1]
    assert latest == (turn(0.8) if counts else Turn())


def test_a_phrase_over_two_messages_counts_where_it_became_visible():
    conversation = said(Role.USER, Role.USER)
    joined = next(s for s in input_segments(conversation) if s.joined)
    assert turns_of(conversation, [Finding("d", FRAUD, 0.8, joined)]) == (Turn(), turn(0.8))


def test_without_a_message_nothing_happens():
    assert risk_of((), (Level(FRAUD, 1.0, 1),), PLAN).now == (Level(FRAUD, 1.0, 1),)
    assert turns_of(Conversation(()), []) == (Turn(),)


SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(SCORES, st.integers(0, 29), st.floats(0, 1))
def test_a_higher_score_never_lowers_the_risk(scores, at, more):
    higher = [max(score, more) if index == at % len(scores) else score for index, score in enumerate(scores)]
    low, high = walk(scores)[0], walk(higher)[0]
    total = {level.leaf: level.total for level in high}
    assert all(total[level.leaf] >= level.total for level in low)


@given(SCORES, st.integers(1, 20))
def test_the_sum_is_bounded_and_dies_away(scores, times):
    levels, steps = walk(scores * times)
    assert all(0 < level.total <= MOST_STEPS * LADDER.steps[-1].threshold for level in levels)
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(steps))
    clean = int(sum(level.total for level in levels) / PLAN.drift) + 2
    assert walk([0.0] * clean, start=levels)[0] == ()


@given(SCORES, SCORES)
def test_a_cut_history_gains_nothing(earlier, later):
    """What was remembered stands in for turns that the client leaves out."""
    whole = risk_of([turn(s) for s in [*earlier, *later]], (), PLAN)
    remembered = risk_of([turn(s) for s in [*earlier, *later[:-1]]], (), PLAN).now if later[:-1] else walk(earlier)[0]
    cut = risk_of([turn(later[-1])], remembered, PLAN)
    assert {level.leaf: level.total for level in cut.now} == pytest.approx({v.leaf: v.total for v in whole.now})
