"""What detectors say about a text. A finding is a report, never a decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from guardproxy.core.conversation import Segment


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of code points, `start ≤ i < end`, of the original text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise AssertionError("span runs backwards; this is a bug")

    def overlaps(self, other: Span) -> bool:
        """True when the two share a character."""
        return self.start < other.end and other.start < self.end

    def shifted(self, by: int) -> Span:
        """The same range counted from another origin."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a detector reported: the reading that showed it (`plain`, `folded`, `decoded:base64` …).

    Never the matched text. `label` is a typed name such as `card number` and fills `[… removed]`.
    """

    view: str = "plain"
    label: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One report: which detector saw which hazard, how sure it is, and where.

    `score` is calibrated, 0 … 1; exactly 1.0 for detectors that match or do not. `rule` is set by the
    detectors that serve the phrases and patterns of rules: whose phrase it was. `segment` is the text
    looked at; `span` is relative to `segment.text`, None when the detector gives no place. `excused` is set only when
    the text is gone (replay): the keys of the exceptions whose phrase covered it.
    """

    detector: str
    hazard: str
    score: float
    segment: Segment
    span: Span | None = None
    rule: str | None = None
    evidence: Evidence = Evidence()
    excused: frozenset[str] | None = None


class FailureKind(StrEnum):
    """Metric label `kind` of `guardproxy_check_errors_total`."""

    TIMEOUT = "timeout"
    EXCEPTION = "exception"
    INVALID_RESULT = "invalid_result"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Failure:
    """A detector that could not look. Never the same as "looked, found nothing".

    `caused_by_input` marks failures that the text itself brings about: they are closed whatever a rule
    says, or an attacker could switch the guard off (class GHSA-9g5w-hqr3-w2ph).
    """

    detector: str
    kind: FailureKind
    stage: str
    caused_by_input: bool = False
