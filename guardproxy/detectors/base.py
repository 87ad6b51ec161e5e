"""What a detector is. It reports; it never decides, logs text or changes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from guardproxy.core.conversation import Segment
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, Finding

__all__ = ["Detector", "DetectorInfo", "InstantDetector", "Tier", "Unit"]


class Detector(Protocol):
    """Looks at segments. An empty list means "looked, found nothing"; a Failure means "could not look".

    Findings carry the segment they are about. `inspect` must not block the event loop for more than a
    millisecond: CPU work of the instant tier on long texts is moved to a thread by `bench`, which calls
    `look` there; model detectors use their own process pool inside `inspect`.
    """

    @property
    def info(self) -> DetectorInfo: ...

    async def inspect(self, segments: Sequence[Segment]) -> list[Finding] | Failure: ...


class InstantDetector(Protocol):
    """A detector of the instant tier: `look` is plain CPU work on one text, safe in any thread."""

    @property
    def info(self) -> DetectorInfo: ...

    def look(self, segment: Segment) -> list[Finding]: ...
