"""What is remembered of one session, and what it does to a decision. Numbers only; the clock is passed in.

SessionState(levels, pauses, at)                        what a store keeps
stand(state, turns, policy, now) -> Standing            where a request stands before it is decided
heed(decision, standing, policy, now) -> Decision       the rule `session` has its say
settled(standing, turn, refusals, policy, now) -> SessionState      once the answer is known
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log2

from guardproxy.core.conversation import Conversation, Step
from guardproxy.core.cool_down import Pauses, key_of, paused, refused
from guardproxy.core.decide import Decision, decide
from guardproxy.core.escalation import (
    RULE,
    LeafScore,
    Level,
    Risk,
    Turn,
    climb,
    faded,
    joined,
    places_of_last,
    risk_of,
    session_rule,
    session_verdicts,
    turns_of,
)
from guardproxy.core.findings import Finding
from guardproxy.core.hazards import severity_of
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, Ladder, LadderStep, Policy

SHORTEST_WAIT = 60
"""Seconds: nobody is told to come back sooner."""
_PAUSE = Ladder((LadderStep(Action.REFUSE, 1.0),))


@dataclass(frozen=True, slots=True)
class SessionState:
    """`at` is the time of the last exchange (POSIX seconds)."""

    levels: tuple[Level, ...] = ()
    pauses: Pauses = field(default_factory=Pauses)
    at: float = 0.0


class Visit:
    """One turn. `wait`: seconds until a subject that the session refuses, or soon will, may come again; else 0.

    The history that the client sent counts, raised by what is left of the session's memory.
    """

    def __init__(self, policy: Policy, state: SessionState, now: float) -> None:
        self.policy = policy
        self.state = state
        self.now = now
        self.wait = 0
        self._risk = Risk()
        self._turn = Turn()
        self._places: frozenset[tuple[Step, ...]] = frozenset()
        self._input: Decision | None = None

    def heed(self, conversation: Conversation, findings: Sequence[Finding], decision: Decision) -> Decision:
        """The decision with the session's verdicts beside those of the rules. It can only get harder."""
        turns = turns_of(conversation, findings)
        self._turn = turns[-1]
        self._places = places_of_last(conversation)
        plan, policy = self.policy.escalation, self.policy
        own: list[Verdict] = []
        if plan is not None:
            self._risk = risk_of(turns, self._remembered(self.state), plan)
            own = session_verdicts(self._risk.now, self._turn, plan, len(policy.rules))
        touching = [verdict for verdict in decision.verdicts if self._is_of_now(verdict)]
        found = paused(touching, self.state.pauses, self.now) if policy.cool_down else None
        if found is not None:
            self._input = _resting(decision, own, found.verdict, len(policy.rules))
            self.wait = max(SHORTEST_WAIT, round(found.until - self.now))
        else:
            self._input = _beside(decision, own)
            self.wait = self._fading()
        self._input = replace(self._input, seen=decision.seen)
        return self._input

    def settled(
        self, outputs: Sequence[Decision], findings: Sequence[Finding], current: SessionState | None = None
    ) -> SessionState:
        """The last turn with its answer, and the refusals.

        A pause's own refusals do not lengthen it, and what an earlier turn is refused for again is no new refusal.
        `current`: what is remembered by now. When other exchanges of the session have ended in the meantime, what they
        added stays.
        """
        current = current or self.state
        heard = [f for decision in outputs for verdict in decision.verdicts for f in verdict.findings]
        answered = tuple(LeafScore(f.hazard, f.score) for f in (*heard, *findings))
        plan, pauses = self.policy.escalation, current.pauses
        levels = climb(self._risk.before, Turn((*self._turn.scores, *answered)), plan) if plan else ()
        if plan is not None and current != self.state:
            levels = joined(self._remembered(current), self._risk.before, levels, plan)
        if self.policy.cool_down is not None:
            asked = self._input
            again = asked is not None and asked.because is not None and not self._is_of_now(asked.because)
            decisions = [d for d in (None if again else asked, *outputs) if d is not None and not _is_pause(d)]
            for key in sorted({key for d in decisions if (key := key_of(d)) is not None}):
                pauses = refused(pauses, key, self.now, self.policy.cool_down)
        return SessionState(levels, pauses, max(self.now, current.at) if current != self.state else self.now)

    @property
    def levels(self) -> tuple[Level, ...]:
        """Where each leaf stood when the input was decided."""
        return self._risk.now

    @property
    def resting(self) -> tuple[str, ...]:
        """The subjects that rest."""
        return tuple(pause.key for pause in self.state.pauses.running if pause.until > self.now)

    def _is_of_now(self, verdict: Verdict) -> bool:
        """Does it stand on something of the last turn? What no finding stands behind is about this request."""
        told = [finding for finding in verdict.findings if finding.score >= verdict.threshold]
        return not told or any(p.pointer.path in self._places for f in told for p in f.segment.pieces)

    def _remembered(self, state: SessionState) -> tuple[Level, ...]:
        away, memory = self.now - state.at, self.policy.memory
        return faded(state.levels, away / memory.half_life) if away < memory.keep else ()

    def _fading(self) -> int:
        """How long the sum needs to fall below the step that refuses; for a warning, how long a refusal would last."""
        verdict = self._input.because if self._input else None
        if verdict is None or verdict.rule.id != RULE:
            return 0
        if verdict.action is not Action.REFUSE:
            return round(self.policy.cool_down.lasts if self.policy.cool_down else self.policy.memory.half_life)
        halvings = log2(max(1.0, verdict.score / verdict.threshold))
        return max(SHORTEST_WAIT, round(self.policy.memory.half_life * halvings))


def step_word(levels: Sequence[Level], policy: Policy) -> str:
    """The hardest step that some leaf stands on, as the log says it."""
    plan = policy.escalation
    reached = max((level.step for level in levels), default=0)
    return plan.ladder.steps[reached - 1].action.word if plan and reached else "none"


def _beside(decision: Decision, own: Sequence[Verdict]) -> Decision:
    if not own:
        return decision
    both = decide([*decision.verdicts, *own], decision.policy, decision.stage)
    if both.action > decision.action:
        return both
    return replace(decision, verdicts=both.verdicts, would_have=max(decision.would_have, both.would_have))


def _resting(decision: Decision, own: Sequence[Verdict], touched: Verdict, order: int) -> Decision:
    """Whatever else refuses it, the reader is to learn when the subject may come again."""
    rule = replace(session_rule(touched.hazard, _PAUSE), topic=touched.rule.topic, counts_as=touched.rule.counts_as)
    severity = severity_of(touched.hazard)
    pause = Verdict(rule, Action.REFUSE, touched.hazard, severity, 1.0, 1.0, enforced=True, order=order, findings=())
    both = decide([*decision.verdicts, *own, pause], decision.policy, decision.stage)
    return replace(both, because=pause, rule_name=RULE, hazard=pause.hazard)


def _is_pause(decision: Decision) -> bool:
    verdict = decision.because
    return verdict is not None and verdict.rule.id == RULE and verdict.rule.ladder is _PAUSE
