"""What was heard, against the ladder of each rule that listened: the view behind the playground's picture.

scales(decision, policy, context)   one row a rule that heard something, those that act first
reports(decision)                   one row a detector and hazard, the surest first
quiet(lookers, reports, infos)      the detectors that looked and found nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guardproxy.core.account import Account, accounts
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.judge import Context
from guardproxy.core.lookers import Looker
from guardproxy.core.rules import Action, Ladder, Mode, Policy

WIDTH = 300
"""Of the picture's axis from 0 to 1, in its own units."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder as a bar from its threshold to the next one. `x`, `width`: units of the picture."""

    action: str
    threshold: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """One rule. `said`: how far the score got, in words; `reached`: the action's name or "", also of shadow rules."""

    rule: str
    about: str
    source: str
    mode: str
    score: float
    x: float
    rungs: tuple[Rung, ...]
    reached: str
    said: str
    heard: tuple[str, ...]

    @property
    def enforced(self) -> bool:
        """Does it count?"""
        return self.mode == Mode.ENFORCE


@dataclass(frozen=True, slots=True)
class Report:
    """The highest score a detector gave for a hazard. `at`: where in the text, code points, "" without a place."""

    detector: str
    hazard: str
    score: float
    scope: str
    at: str
    view: str


def scales(decision: Decision, policy: Policy, context: Context) -> list[Scale]:
    """Those that act first, the one that decides on top; then the nearest to a step."""
    told = accounts(decision, policy, context)
    return [_scale(account, str(decision.stage)) for account in sorted(told, key=_rank)]


def _rank(account: Account) -> tuple[bool, bool, bool, int, int, float]:
    action = account.verdict.action if account.verdict else Action.ALLOW
    severity = account.verdict.severity if account.verdict else 0
    distance = account.distance if account.distance is not None else 1.0
    return (account.verdict is None, not account.looks, not account.rule.enforced, -action, -severity, distance)


def _scale(account: Account, stage: str) -> Scale:
    rule = account.rule
    return Scale(
        rule=rule.id,
        about=rule.about,
        source=str(rule.source) if rule.source.file else "",
        mode=str(rule.mode),
        score=account.score,
        x=account.score * WIDTH,
        rungs=_rungs(rule.ladder),
        reached=account.verdict.action.word if account.verdict else "",
        said=_said(account, stage),
        heard=tuple(dict.fromkeys(f"{s.detector}: {s.hazard}" for s in account.heard)),
    )


def _rungs(ladder: Ladder) -> tuple[Rung, ...]:
    """A step at 1.0 is still seen: it gets a width of its own."""
    ends = [step.threshold for step in ladder.steps[1:]] + [1.0]
    return tuple(
        Rung(s.action.word, s.threshold, s.threshold * WIDTH, max(6.0, (end - s.threshold) * WIDTH))
        for s, end in zip(ladder.steps, ends, strict=True)
    )


def _said(account: Account, stage: str) -> str:
    if not account.looks or account.rule.mode is Mode.DISABLED:
        return "is disabled" if account.rule.mode is Mode.DISABLED else f"does not look at the {stage}"
    parts = []
    if account.excused:
        parts.append(f"excused by {len(account.excused)} of the policy's exceptions")
    if account.verdict is not None:
        reaches = "reaches" if account.rule.enforced else "would reach"
        parts.append(f"{account.verdict.score:.2f} {reaches} {account.verdict.action.word}")
    if account.next is not None and account.distance is not None and account.score > 0:
        parts.append(f"{account.distance:.2f} below {account.next.action.word} from {account.next.threshold:.2f}")
    return ", ".join(parts) or "reaches no step"


def reports(decision: Decision) -> list[Report]:
    """Of each detector and hazard the surest."""
    best: dict[tuple[str, str], Report] = {}
    for s in sorted(decision.seen.kept, key=lambda one: -one.score):
        at = f"{s.span.start}–{s.span.end}" if s.span and decision.stage is Stage.INPUT else ""  # answers: in windows
        view = "" if s.view in ("plain", "window") else s.view
        best.setdefault((s.detector, s.hazard), Report(s.detector, s.hazard, s.score, str(s.scope), at, view))
    return list(best.values())


def quiet(lookers: Iterable[Looker], found: Iterable[Report], infos: Sequence[DetectorInfo]) -> list[str]:
    """Ids in their order. Words and patterns of rules are no detectors of their own here."""
    looked = {looker.name for looker in lookers}
    heard = {report.detector for report in found}
    return [info.id for info in infos if info.id in looked - heard]
