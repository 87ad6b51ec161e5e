"""A recogniser: the shape of a stretch of text, a check of what was found, and words to the left of it.

The contract that makes `SpanScanner` exact (cut anywhere, same findings):

* `check` looks at the stretch itself, at most `CONTEXT` characters before it and one character after it;
* a stretch is the leftmost-longest match of `shape.full`, searched from the end of the one before;
* `shape.grow` matches every beginning of such a stretch (see `shape.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import re2

from guardproxy.core.conversation import Segment, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Evidence, Finding, Span
from guardproxy.detectors.shape import Shape, compiled

CONTEXT = 64
"""Characters to the left of a stretch that a check may read."""

_ZEROS = (0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20)
_MORE_ZEROS = (0x1040, 0x17E0, 0x1810, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)
_FOLDED = {
    **{cp: cp - 0xFEE0 for cp in range(0xFF01, 0xFF5F)},
    **{zero + n: 0x30 + n for zero in (*_ZEROS, *_MORE_ZEROS) for n in range(10)},
    **dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), 0x20),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFE63), 0x2D),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}
_FOLDABLE = compiled("[" + "".join(f"\\x{{{cp:X}}}" for cp in _FOLDED if not 0xD800 <= cp < 0xE000) + "]")


def fold(text: str) -> str:
    """The same text, character for character: full-width forms, other scripts' digits, odd spaces and hyphens plain.

    Lone surrogates become U+FFFD, for RE2 reads UTF-8.
    """
    if text.isascii():
        return text
    try:
        return text.translate(_FOLDED) if _FOLDABLE.search(text) else text
    except UnicodeEncodeError:  # a lone surrogate
        return text.translate(_FOLDED)


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in the text that passed the check; `label` is the typed name that fills `[… removed]`."""

    start: int
    end: int
    label: str


class Recogniser:
    """An instant detector that finds spans. Subclasses say the shape and the check.

    `needs`: RE2 source of something that every stretch with a hit contains (a cheap way past ordinary prose).
    `tail`: for shapes without an upper length, how such a value goes on.
    """

    info: ClassVar[DetectorInfo]
    shape: ClassVar[Shape]
    needs: ClassVar[str]
    tail: ClassVar[Shape | None] = None

    def __init__(self) -> None:
        self.stretches = compiled(self.shape.full)
        self.growing = compiled(f"(?:{self.shape.grow})\\z")
        self.needed = compiled(self.needs)
        self.tails = compiled(self.tail.grow) if self.tail else None

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        """Hits inside the stretch `text[start:end]`, in order and apart from each other."""
        raise NotImplementedError

    def overgrown(self, text: str, start: int, end: int) -> str | None:
        """The label of a stretch that outgrew the longest match waited for; None lets it pass. Asked if there is a `tail`."""
        raise NotImplementedError

    def hazard(self, stage: Stage) -> str:
        """The hazard reported at a stage; the only one of `info.hazards` unless a subclass says more."""
        del stage
        (only,) = self.info.hazards
        return only

    def look(self, segment: Segment) -> list[Finding]:
        """All hits of one text."""
        text = fold(segment.text)
        if not self.needed.search(text):
            return []
        return [
            self.finding(segment, Span(hit.start, hit.end), hit.label)
            for stretch in self.stretches.finditer(text)
            for hit in self.check(text, *stretch.span())
        ]

    def finding(self, segment: Segment, span: Span, label: str) -> Finding:
        """One report of this recogniser: it matched, so the score is 1."""
        hazard = self.hazard(segment.stage)
        return Finding(self.info.id, hazard, 1.0, segment, span, evidence=Evidence(label=label))


def left_of(text: str, start: int) -> str:
    """What stands before a stretch, lower case, as far as a check may read."""
    return text[max(0, start - CONTEXT) : start].lower()


def whole(text: str, start: int, end: int) -> bool:
    """True when no letter or digit touches the range from outside."""
    return not (text[start - 1 : start].isalnum() if start else False) and not text[end : end + 1].isalnum()


def about(id_: str, revision: str, *hazards: str, personal: bool = False) -> DetectorInfo:
    """The `DetectorInfo` of a recogniser."""
    return DetectorInfo(id_, revision, frozenset(hazards), Tier.INSTANT, Unit.MATCH, spans=True, personal_data=personal)


def context(*stems: str) -> re2._Regexp:
    """A pattern that finds one of these words in `left_of`."""
    return compiled("|".join(stems))
