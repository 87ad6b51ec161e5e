"""Findings without their texts: what a decision can be made from again (observability.md 8).

    sightings(policy, found) -> Sightings

A sighting holds numbers and names: what reported, how sure, where, and which exception's phrase covered it. Of each
kind (same detector, hazard, rule, scope …) only those are kept that a judge with other thresholds could need: one that
stands behind another that is as sure, in the text and in the order of the report, decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guardproxy.core.conversation import Scope
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import excuses, listens
from guardproxy.core.rules import Policy, RuleException

MOST = 256
"""Sightings of one decision: a record must stay small. What is beyond is counted, and replay says so."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and where it counts: `place` in the text of its choice, 0 at the input.

    `replaceable`: a redaction of it can be carried out.
    """

    finding: Finding
    place: int = 0
    replaceable: bool = True


@dataclass(frozen=True, slots=True)
class Sighting:
    """One finding, kept. `excused`: keys of the exceptions whose phrase covers it (`RuleException.key`)."""

    detector: str
    hazard: str
    score: float
    scope: Scope
    rule: str | None = None
    place: int = 0
    span: Span | None = None
    replaceable: bool = True
    excused: tuple[str, ...] = ()
    view: str = "plain"


@dataclass(frozen=True, slots=True)
class Sightings:
    """In the order of the reports. `left_out`: how many more there were than are kept."""

    kept: tuple[Sighting, ...] = ()
    left_out: int = 0


NOTHING = Sightings()


def sightings(policy: Policy, found: Iterable[Found]) -> Sightings:
    """What is worth keeping of all that was found at a stage. The policy is the one that judged it."""
    holes = tuple(hole for hole in policy.exceptions if hole.phrases)
    fronts: dict[tuple[object, ...], list[int]] = {}
    kept: dict[int, Sighting] = {}
    for number, one in enumerate(found):
        sighting = _sighting(policy, one, holes)
        front = fronts.setdefault(_kind(sighting), [])
        if any(_says_more(kept[other], sighting) for other in front):
            continue
        front.append(number)
        kept[number] = sighting
    most = tuple(kept.values())
    return Sightings(most[:MOST], max(0, len(most) - MOST))


def _says_more(earlier: Sighting, later: Sighting) -> bool:
    """The earlier report is as sure and stands no later: whatever the thresholds, it decides before the other."""
    return earlier.score >= later.score and earlier.place <= later.place


def _kind(sighting: Sighting) -> tuple[str | Scope | bool | tuple[str, ...] | None, ...]:
    """What of it a rule or an exception may ask for, beside how sure and where."""
    s = sighting
    return s.detector, s.hazard, s.scope, s.rule, s.replaceable, s.excused


def _sighting(policy: Policy, found: Found, holes: Sequence[RuleException]) -> Sighting:
    finding = found.finding
    return Sighting(
        detector=finding.detector,
        hazard=finding.hazard,
        score=finding.score,
        scope=finding.segment.scope,
        rule=finding.rule,
        place=found.place,
        span=finding.span,
        replaceable=found.replaceable,
        excused=_excused(policy, finding, holes) if holes else (),
        view=finding.evidence.view,
    )


def _excused(policy: Policy, finding: Finding, holes: Sequence[RuleException]) -> tuple[str, ...]:
    return tuple(hole.key for hole in holes if _concerns(policy, hole, finding) and excuses(hole, finding))


def _concerns(policy: Policy, hole: RuleException, finding: Finding) -> bool:
    rule = policy.rule(hole.rule)
    return rule is not None and listens(rule, finding)
