"""A pause after repeated refusals: of one hazard family in one session, for a while. Numbers in, numbers out.

    Pauses(marks, pauses)                    what is remembered of a session
    key_of(decision) -> str | None           which counter a refusal belongs to
    refused(pauses, key, now, plan)          one refusal more
    paused(verdicts, pauses, now) -> Touched | None      does this input touch a paused subject?

Everything else, a new topic included, is answered as usual. Never for `self_harm` (refusals.md 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.decide import Decision
from guardproxy.core.escalation import RULE
from guardproxy.core.hazards import CRISIS, family_of
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, CoolDown

_NEVER = frozenset({family_of(CRISIS), "unscannable", "quality"})
_MOST_MARKS = 256


@dataclass(frozen=True, slots=True)
class Mark:
    """A refusal: which counter, and when (POSIX seconds)."""

    key: str
    at: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A subject that rests until then (POSIX seconds)."""

    key: str
    until: float


@dataclass(frozen=True, slots=True)
class Pauses:
    """The refusals of a session that still count, and the pauses that run."""

    marks: tuple[Mark, ...] = ()
    running: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Touched:
    """An input on a subject that rests until then (POSIX seconds)."""

    verdict: Verdict
    until: float


def key_of(decision: Decision) -> str | None:
    """The family; for `custom` the rule, since one custom rule says nothing about another. None: it does not count."""
    if decision.action is not Action.REFUSE or decision.because is None:
        return None
    return _key(decision.because)


def refused(before: Pauses, key: str, now: float, plan: CoolDown) -> Pauses:
    """One enforced refusal more; the one that fills the count starts the pause."""
    marks = [mark for mark in before.marks if now - mark.at < plan.within]
    marks.append(Mark(key, now))
    running = [pause for pause in before.running if pause.until > now]
    counted = [mark for mark in marks if mark.key == key]
    if len(counted) >= plan.after:
        running = [pause for pause in running if pause.key != key]
        running.append(Pause(key, now + plan.lasts))
        marks = [mark for mark in marks if mark.key != key]
    return Pauses(tuple(marks[-_MOST_MARKS:]), tuple(running))


def paused(verdicts: Sequence[Verdict], pauses: Pauses, now: float) -> Touched | None:
    """The first enforced verdict, however mild, on a subject that rests."""
    until = {pause.key: pause.until for pause in pauses.running if pause.until > now}
    for verdict in verdicts:
        key = _key(verdict)
        if verdict.enforced and key in until:
            return Touched(verdict, until[key])
    return None


def _key(verdict: Verdict) -> str | None:
    family = family_of(verdict.hazard)
    if family in _NEVER:
        return None
    return f"rule:{verdict.rule.id}" if family == "custom" and verdict.rule.id != RULE else family
