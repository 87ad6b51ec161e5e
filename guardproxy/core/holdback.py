"""The streaming face of a detector that finds spans, and the cursor it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from guardproxy.core.findings import Finding


@dataclass(frozen=True, slots=True)
class Scan:
    """What one feed brought.

    `findings` are final (no later text can undo or lengthen them), reported once each, and their
    `span` is counted from the start of the channel (`segment.at + span` is not needed: `span` is
    absolute). `safe` is the cursor: text before it can no longer be part of any later finding.
    """

    findings: tuple[Finding, ...]
    safe: int


class Scanner(Protocol):
    """Reads one channel of one choice piece by piece. No I/O, never async.

    Law, for every text and every cutting of it into feeds: the findings of all feeds and the flush
    together are the findings of one feed of the whole text plus flush; `safe` never falls; no finding
    starts before a cursor returned earlier; `flush` returns `safe` = length of the text.
    """

    def feed(self, text: str) -> Scan: ...

    def flush(self) -> Scan: ...
