"""What a detector says of itself: read by the policy linter, the bench and the disclosure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from guardproxy.core.conversation import Scope, Stage


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
    media: frozenset[str] = frozenset()
    """Kinds of parts it reads (`image`, `audio`, `file`). Such a detector reads no text."""
