"""Risk that adds up over the turns of a conversation: a CUSUM for each leaf. Numbers in, numbers out.

    turns_of(conversation, findings) -> tuple[Turn, ...]     the highest score of each leaf in each turn
    climb(before, turn, plan) -> tuple[Level, ...]           one turn more
    raised(levels, remembered), faded(levels, halvings)      memory may only raise risk, and halves with time
    joined(current, before, after, plan)                     two turns at once: none of them is lost
    risk_of(turns, remembered, plan) -> Risk                 where a request stands
    session_verdicts(levels, turn, plan, order) -> list[Verdict]   of the rule `session`

`S_t = max(0, S_{t-1} + s_t - k)` for each leaf, `s_t` its highest score in turn t and `k` the drift
(policy-language.md 12; Page, Biometrika 41, 1954). A turn is a user message with the tool results and the answer that
follow. A clean turn lowers S by k, so a step falls by itself; leaves do not share their sums. Only a turn that raises a
leaf's sum meets the step it stands on: whoever turns to another subject is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from guardproxy.core.conversation import Conversation, Role, Scope, Stage, Step
from guardproxy.core.findings import Finding
from guardproxy.core.hazards import covers, severity_of
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Escalation, Kind, Ladder, Rule

RULE = "session"
MOST_STEPS = 2.0
"""S is at most so many times the hardest step: a session that has gone far still comes back in a few turns."""
NEWS = 0.1
"""By how much a join of turns must score above each of them: what one turn has shown by itself counts once."""
_DIGITS = 9
"""Sums are rounded, so that three times 0.4 reaches a step at 1.2."""
GRAVE = 3
"""Hazards of this severity may take more than one step at a turn."""


@dataclass(frozen=True, slots=True)
class LeafScore:
    """The highest score of one leaf, 0 … 1."""

    leaf: str
    score: float


@dataclass(frozen=True, slots=True)
class Turn:
    """What was found in one turn; leaves that are not here scored 0."""

    scores: tuple[LeafScore, ...] = ()

    def score(self, leaf: str) -> float:
        """That of one leaf."""
        return max((s.score for s in self.scores if s.leaf == leaf), default=0.0)


@dataclass(frozen=True, slots=True)
class Level:
    """Where one leaf stands: its sum S, and how many steps of the ladder it has climbed."""

    leaf: str
    total: float
    step: int = 0


@dataclass(frozen=True, slots=True)
class Risk:
    """`before` the last turn, and `now`: once the answer is known, the last turn is climbed again from `before`."""

    before: tuple[Level, ...] = ()
    now: tuple[Level, ...] = ()


def turns_of(conversation: Conversation, findings: Sequence[Finding]) -> tuple[Turn, ...]:
    """Every user message begins a turn; system texts and texts beside the messages belong to none.

    A finding in a join of several turns counts where its last piece stands, for there it became visible, and only if
    it says more than any of its pieces. What a model detector makes of an answer in the history counts for nothing:
    there an answer is read as if it were asked for. As an answer it was judged when it was given (`Visit.settled`).
    """
    of_message = _turn_of_each(conversation)
    turns = max(of_message.values(), default=0) + 1
    highest: list[dict[str, float]] = [{} for _ in range(turns)]
    alone: dict[tuple[Step, ...], float] = {}
    for finding in findings:
        if len(finding.segment.pieces) == 1:
            path = finding.segment.pieces[0].pointer.path
            alone[path] = max(finding.score, alone.get(path, 0.0))
    for finding in findings:
        paths = [p.pointer.path for p in finding.segment.pieces if p.pointer.path in of_message]
        its_turns = {of_message[path] for path in paths}
        is_news = finding.score >= max((alone.get(path, 0.0) for path in paths), default=0.0) + NEWS
        if its_turns and (len(its_turns) == 1 or is_news) and not _is_guess(finding):
            scores = highest[max(its_turns)]
            scores[finding.hazard] = max(finding.score, scores.get(finding.hazard, 0.0))
    return tuple(Turn(tuple(LeafScore(leaf, score) for leaf, score in sorted(s.items()))) for s in highest)


def places_of_last(conversation: Conversation) -> frozenset[tuple[Step, ...]]:
    """Where the texts of the last turn stand."""
    of_message = _turn_of_each(conversation)
    last = max(of_message.values(), default=0)
    beside = {part.pointer.path for message in conversation.extras for part in message.parts}
    return frozenset({path for path, turn in of_message.items() if turn == last} | beside)


def _turn_of_each(conversation: Conversation) -> dict[tuple[Step, ...], int]:
    """Place of a text → its turn, from 0."""
    found: dict[tuple[Step, ...], int] = {}
    turn = -1
    for message in conversation.messages:
        turn += message.role is Role.USER
        if message.role not in (Role.SYSTEM, Role.DEVELOPER):
            found |= dict.fromkeys((part.pointer.path for part in message.parts), max(turn, 0))
    return found


def _is_guess(finding: Finding) -> bool:
    return finding.segment.scope is Scope.HISTORY and finding.span is None


def climb(before: Sequence[Level], turn: Turn, plan: Escalation) -> tuple[Level, ...]:
    """The levels after one turn more; leaves at 0 are left out."""
    levels = {level.leaf: level for level in before}
    watched = {s.leaf for s in turn.scores if any(covers(hazard, s.leaf) for hazard in plan.hazards)}
    most = MOST_STEPS * plan.ladder.steps[-1].threshold
    after = []
    for leaf in sorted(levels.keys() | watched):
        was = levels.get(leaf, Level(leaf, 0.0))
        total = round(min(most, max(0.0, was.total + turn.score(leaf) - plan.drift)), _DIGITS)
        reached = sum(total >= step.threshold for step in plan.ladder.steps)
        step = reached if severity_of(leaf) >= GRAVE else min(reached, was.step + 1)
        if total > 0.0:
            after.append(Level(leaf, total, step))
    return tuple(after)


def raised(levels: Sequence[Level], remembered: Sequence[Level]) -> tuple[Level, ...]:
    """Leaf by leaf the higher of both: a cut or forged history gains nothing."""
    best: dict[str, Level] = {}
    for level in (*levels, *remembered):
        other = best.get(level.leaf, Level(level.leaf, 0.0))
        best[level.leaf] = Level(level.leaf, max(level.total, other.total), max(level.step, other.step))
    return tuple(best[leaf] for leaf in sorted(best))


def joined(
    current: Sequence[Level], before: Sequence[Level], after: Sequence[Level], plan: Escalation
) -> tuple[Level, ...]:
    """`after`, when the session's memory has become `current` in the meantime: what two turns add counts twice.

    `before`: where this turn began. The higher of both, leaf by leaf, never below `after`.
    """
    most = MOST_STEPS * plan.ladder.steps[-1].threshold
    began, ended = ({level.leaf: level.total for level in levels} for levels in (before, after))
    grown = []
    for level in current:
        added = ended.get(level.leaf, 0.0) - began.get(level.leaf, 0.0)
        total = round(min(most, max(0.0, level.total + added)), _DIGITS)
        if total > 0.0:
            grown.append(Level(level.leaf, total, level.step))
    return raised(after, grown)


def faded(levels: Sequence[Level], halvings: float) -> tuple[Level, ...]:
    """What is left of remembered sums after so many half-lives. A step falls with its sum at the next turn."""
    share = 0.5 ** max(0.0, halvings)
    return tuple(Level(level.leaf, level.total * share, level.step) for level in levels)


def risk_of(turns: Sequence[Turn], remembered: Sequence[Level], plan: Escalation) -> Risk:
    """Recomputed from the history that the client sent, raised by what is remembered of the session."""
    if not turns:
        return Risk(tuple(remembered), tuple(remembered))
    from_history: tuple[Level, ...] = reduce(lambda levels, turn: climb(levels, turn, plan), turns[:-1], ())
    before = raised(from_history, remembered)
    return Risk(before, climb(before, turns[-1], plan))


def session_verdicts(levels: Sequence[Level], turn: Turn, plan: Escalation, order: int) -> list[Verdict]:
    """One verdict for each leaf that stands on a step and that this turn raises. `order`: behind all rules."""
    verdicts = []
    for level in levels:
        if level.step and turn.score(level.leaf) > plan.drift:
            step = plan.ladder.steps[level.step - 1]
            verdicts.append(
                Verdict(
                    rule=session_rule(level.leaf, plan.ladder),
                    action=step.action,
                    hazard=level.leaf,
                    severity=severity_of(level.leaf),
                    score=level.total,
                    threshold=step.threshold,
                    enforced=True,
                    order=order,
                    findings=(),
                )
            )
    return verdicts


def session_rule(leaf: str, ladder: Ladder) -> Rule:
    """The rule that no policy writes; under every leaf the same id."""
    return Rule(RULE, Kind.HAZARD, leaf, ladder, checks=frozenset({Stage.INPUT}))
