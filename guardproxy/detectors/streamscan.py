"""The streaming face of `TextRules`: releases what is settled, holds what may still become a match.

A clean break is a place over which no reading reaches: what stands before it is looked at once, as a text of
its own. Where the break lies depends on the text alone (`canonical.pending`, the beginnings of phrases, the
growing of patterns), so the findings do not depend on the cutting. What stays open for `longest_match`
characters is settled by force, closed where it may be a match: see `_forced`.
"""

from __future__ import annotations

from typing import Protocol

from guardproxy.core.canonical.fold import is_spaceless
from guardproxy.core.canonical.pending import is_gap, open_from, unfinished_word
from guardproxy.core.canonical.readings import Readings, readings
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Evidence, Finding, Span
from guardproxy.core.holdback import Scan
from guardproxy.detectors.patterns import ALONE, GOES_ON, Around

_STEP = 120  # forced breaks fall on multiples of this, so that base64, base32 and hex stay in step


OVER_ENCODED = "unscannable.over_encoded"


class Rules(Protocol):
    """What the scanner asks of `TextRules`."""

    def findings(self, segment: Segment, read: Readings, around: Around = ALONE) -> list[Finding]: ...

    def begins_from(self, read: Readings, left: str) -> int | None: ...

    def overgrown(self, segment: Segment, left: str) -> list[Finding]: ...


class TextScanner:
    """`core.holdback.Scanner` over the words and patterns of a policy.

    `patient`: nothing waits for what it lets go, so it settles nothing that it need not before the flush.
    """

    def __init__(self, rules: Rules, longest_match: int, *, patient: bool = False) -> None:
        self._rules = rules
        self._longest = longest_match
        self._waits_for = longest_match if patient else 1
        self._held = ""
        self._at = 0  # offset of the held text in its channel
        self._left = ""  # the character before it
        self._found: list[Finding] = []
        self._last_text = ""
        self._last_readings = Readings()

    def feed(self, text: str) -> Scan:
        """The next piece of the channel."""
        self._held += text
        while len(self._held) >= self._waits_for and self._step():
            pass
        return self._scan()

    def flush(self) -> Scan:
        """The channel has ended."""
        self.feed("")
        if self._held:
            self._release(len(self._held), readings(self._held), right="")
        return self._scan()

    def _scan(self) -> Scan:
        found, self._found = self._found, []
        return Scan(tuple(found), self._at)

    def _step(self) -> bool:
        """Settles the next stretch; true when there may be more to settle."""
        window = self._held[: self._longest]
        full = len(self._held) >= self._longest
        end = unfinished_word(window)
        settled = self._settled(window, end) if end else 0
        if settled:
            self._release(settled, self._readings(window[:settled]))
        elif full:
            self._forced(window)
        return full

    def _settled(self, window: str, end: int) -> int:
        """The clean break: before what is open, before a phrase that has begun, and through no match."""
        start = open_from(window, end)
        begun = self._rules.begins_from(self._readings(window[:start]), self._left) if start else None
        if begun is not None:
            start = _word_start(window, begun)
        if not start or start == end:
            return start
        across = self._rules.findings(self._segment(end), readings(window[:end]), Around(self._left, GOES_ON))
        for finding in sorted(across, key=_by_end, reverse=True):
            if finding.span and finding.span.start < start < finding.span.end:
                start = _word_start(window, finding.span.start)
        return start

    def _readings(self, text: str) -> Readings:
        """The last text is mostly asked for again: what nothing reaches over is what leaves."""
        if text != self._last_text:
            self._last_text, self._last_readings = text, readings(text)
        return self._last_readings

    def _release(self, size: int, read: Readings, right: str = GOES_ON) -> None:
        segment = self._segment(size)
        self._report(self._rules.findings(segment, read, Around(self._left, right)))
        self._drop(size)

    def _forced(self, window: str) -> None:
        """Open for too long. A growing match counts as a match; an encoded text as encoded too deep.

        Else the first half is let go after a look at the whole: a match that begins in it ends in the window.
        """
        segment = self._segment(len(window))
        read = readings(window)
        around = Around(self._left, GOES_ON)
        half = len(window) // 2
        half -= half % _STEP if half > _STEP else 0
        found = [f for f in self._rules.findings(segment, read, around) if f.span and f.span.start < half]
        if not found:
            found = self._rules.overgrown(segment, self._left)
        if not found and _is_encoded_text(read, len(window)):
            whole = Span(0, len(window))
            found = [Finding("disguise.over_encoded", OVER_ENCODED, 1.0, segment, whole, None, Evidence("decoded"))]
        self._report(found)
        self._drop(half)

    def _segment(self, size: int) -> Segment:
        return Segment(self._held[:size], Stage.OUTPUT, Scope.MODEL, at=self._at)

    def _report(self, findings: list[Finding]) -> None:
        for f in findings:
            span = f.span.shifted(self._at) if f.span else None
            self._found.append(Finding(f.detector, f.hazard, f.score, f.segment, span, f.rule, f.evidence))

    def _drop(self, size: int) -> None:
        self._left = self._held[size - 1]
        self._held = self._held[size:]
        self._at += size


def _is_encoded_text(read: Readings, size: int) -> bool:
    """Does most of the window decode to text?"""
    return any(2 * (d.end - d.start) >= size for d in read.decoded)


def _word_start(text: str, at: int) -> int:
    """Start of the stretch without white space that holds the place; scripts without spaces break anywhere."""
    while at and not is_gap(text[at - 1]) and not (is_spaceless(text[at - 1]) and is_spaceless(text[at])):
        at -= 1
    return at


def _by_end(finding: Finding) -> int:
    return finding.span.end if finding.span else 0
