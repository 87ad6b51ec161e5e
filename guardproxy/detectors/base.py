"""What a detector is. It reports; it never decides, logs text or changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Failure, Finding


class Tier(StrEnum):
    """How dear a look is, and where it runs."""

    INSTANT = "instant"
    MODEL = "model"
    REMOTE = "remote"


class Unit(StrEnum):
    """Whether a detector gives graded scores or only matches (score 1.0)."""

    SCORE = "score"
    MATCH = "match"


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """What a detector says of itself. `hazards`: every id it can report. `languages`: empty = all."""

    id: str
    revision: str
    hazards: frozenset[str]
    tier: Tier
    unit: Unit
    spans: bool
    languages: frozenset[str] = frozenset()
    stages: frozenset[Stage] = frozenset(Stage)
    scopes: frozenset[Scope] = frozenset(Scope)
    sees_exchange: bool = False
    personal_data: bool = False
    """True for detectors that also look at identifier fields (`user`, `metadata.*`)."""
    overlap: int = 0
    """Characters of overlap between windows it needs (GP403)."""


class Detector(Protocol):
    """Looks at segments. An empty list means "looked, found nothing"; a Failure means "could not look".

    Findings carry the segment they are about. `inspect` must not block the event loop for more than a
    millisecond: CPU work of the instant tier on long texts is moved to a thread by `bench`, which calls
    `look` there; model detectors use their own process pool inside `inspect`.
    """

    info: DetectorInfo

    async def inspect(self, segments: Sequence[Segment]) -> list[Finding] | Failure: ...


class InstantDetector(Protocol):
    """A detector of the instant tier: `look` is plain CPU work on one text, safe in any thread."""

    info: DetectorInfo

    def look(self, segment: Segment) -> list[Finding]: ...
