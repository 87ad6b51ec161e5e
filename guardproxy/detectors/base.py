"""What a detector is. It reports; it never decides, logs text or changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from guardproxy.core.conversation import Segment
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, Finding

__all__ = ["Detector", "DetectorInfo", "InstantDetector", "MediaDetector", "Medium", "Tier", "Unit"]


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture, a sound or a file. `content` is the part as it stands in the body; `segment` goes into findings."""

    kind: str
    segment: Segment
    content: Any = field(repr=False)


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


class MediaDetector(Protocol):
    """Looks at the kinds of parts that `info.media` names: a classifier of pictures, a reader of scans.

    Findings carry `Medium.segment` and no span: a part can be refused, never replaced in places. An address is
    handed over as it stands; whoever fetches it answers for where it leads.
    """

    @property
    def info(self) -> DetectorInfo: ...

    async def inspect_media(self, media: Sequence[Medium]) -> list[Finding] | Failure: ...
