"""The streaming face of all recognisers: reads a channel piece by piece, holds back what may still match.

How it keeps the law of `core.holdback.Scanner`: by `shape.grow`, text before the leftmost stretch that still grows is
settled: which stretches begin there, and where they end, no later text can change. Settled stretches are checked
once, with the same characters in view however the text was cut.

A stretch of a shape without an upper length that outgrows `longest_match` counts as a match, in pieces of that
length, until the value ends: what is held stays bounded, and nothing of the value is let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import re2

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.core.holdback import Scan
from guardproxy.detectors.base import InstantDetector
from guardproxy.detectors.recogniser import CONTEXT, Recogniser, fold
from guardproxy.detectors.shape import compiled


@lru_cache(maxsize=64)
def _together(growing: tuple[str, ...], needs: tuple[str, ...]) -> tuple[re2._Regexp, re2._Regexp]:
    """One automaton for "something at the end still grows", one for "something here may be of interest"."""
    return compiled(f"(?:{'|'.join(growing)})\\z"), compiled("|".join(f"(?:{n})" for n in needs))


class _Text:
    """The part of a channel that still matters. Positions are offsets in the channel."""

    def __init__(self) -> None:
        self.original = ""
        self.folded = ""
        self.at = 0

    @property
    def end(self) -> int:
        return self.at + len(self.folded)

    def append(self, piece: str) -> None:
        self.original += piece
        self.folded += fold(piece)

    def drop_before(self, position: int) -> None:
        cut = position - self.at
        if cut > 0:
            self.original, self.folded, self.at = self.original[cut:], self.folded[cut:], position

    def segment(self, start: int, end: int) -> Segment:
        return Segment(self.original[start - self.at : end - self.at], Stage.OUTPUT, Scope.MODEL, at=start)


class _Reader:
    """One recogniser on its way through a channel.

    `next`: where it looks next. `grows`: where its growing stretch begins. `inside`: the label of a value that
    outgrew the limit and goes on ("": one that may pass), None outside of such a value.
    """

    def __init__(self, recogniser: Recogniser, limit: int) -> None:
        self.recogniser = recogniser
        self.next = 0
        self.grows = 0
        self.inside: str | None = None
        self._limit = limit

    def read(self, text: _Text, settled: int | None = None, *, final: bool = False) -> list[Finding]:
        """Findings that begin before `settled` (None: where nothing of this recogniser grows any more)."""
        found: list[Finding] = []
        while True:
            if self.inside is not None and self._goes_on(text, found, final=final):
                return found
            self.grows = text.end if final else self._growing(text) if settled is None else settled
            if not self._outgrown(text, found):
                self.next = max(self.next, self.grows)
                return found

    def _growing(self, text: _Text) -> int:
        match = self.recogniser.growing.search(text.folded, self.next - text.at)
        return text.at + match.start() if match else text.end

    def _outgrown(self, text: _Text, found: list[Finding]) -> bool:
        """Checks the settled stretches; stops, true, at the first that outgrew the limit."""
        for match in self.recogniser.stretches.finditer(text.folded, self.next - text.at):
            start, end = match.span()
            if self.recogniser.tails and end - start > self._limit:
                label = self.recogniser.overgrown(text.folded, start, start + self._limit)
                self._begin(text, text.at + start, label or "", found)
                return True
            if text.at + start >= self.grows:
                return False
            for hit in self.recogniser.check(text.folded, start, end):
                found.append(self._finding(text, text.at + hit.start, text.at + hit.end, hit.label))
            self.next = text.at + end
        return False

    def _begin(self, text: _Text, start: int, label: str, found: list[Finding]) -> None:
        self.inside, self.next = label, start
        self._advance(text, self._limit, found)

    def _goes_on(self, text: _Text, found: list[Finding], *, final: bool) -> bool:
        """Reads a value that outgrew the limit, piece by piece; true while more of it may come."""
        while True:
            since = self.next - text.at
            window = text.folded[since : since + self._limit]
            match = self.recogniser.tails.match(window) if self.recogniser.tails else None
            size = match.end() if match else 0
            at_end = len(window) < self._limit
            if size == len(window) and at_end and not final:
                self.next += 0 if self.inside else size
                self.grows = self.next
                return True
            self._advance(text, size, found)
            if size < len(window) or at_end:
                self.inside = None
                return False

    def _advance(self, text: _Text, size: int, found: list[Finding]) -> None:
        """Steps over the next piece of a long value and reports it, unless it is one that may pass."""
        start, self.next = self.next, self.next + size
        if self.inside and size:
            found.append(self._finding(text, start, self.next, self.inside))

    def _finding(self, text: _Text, start: int, end: int, label: str) -> Finding:
        return self.recogniser.finding(text.segment(start, end), Span(start, end), label)


class SpanScanner:
    """`core.holdback.Scanner` over recognisers. `longest_match`: the longest match waited for, in characters."""

    def __init__(self, detectors: Sequence[InstantDetector], longest_match: int) -> None:
        recognisers = [d for d in detectors if isinstance(d, Recogniser)]
        if len(recognisers) != len(detectors):
            raise AssertionError("an instant detector without a streaming face was given to a scanner")
        self._growing, self._needs = _together(
            tuple(r.shape.grow for r in recognisers), tuple(r.needs for r in recognisers)
        )
        self._readers = [_Reader(r, longest_match) for r in recognisers]
        self._limit = longest_match
        self._text = _Text()
        self._safe = 0

    def feed(self, text: str) -> Scan:
        """The next piece of the channel."""
        if not text:
            return Scan((), self._safe)
        self._text.append(text)
        if self._within():
            return self._read_apart([], final=False)
        settled = self._settled()
        if self._text.end - settled > self._limit:
            return self._read_apart([], final=False)
        findings = self._read_together(settled)
        if self._within():
            return self._read_apart(findings, final=False)
        return self._scan(findings, settled)

    def flush(self) -> Scan:
        """The channel has ended."""
        return self._read_apart([], final=True)

    def _within(self) -> bool:
        """Is some recogniser inside a value that outgrew the limit?"""
        return any(reader.inside is not None for reader in self._readers)

    def _settled(self) -> int:
        match = self._growing.search(self._text.folded, self._safe - self._text.at)
        return self._text.at + match.start() if match else self._text.end

    def _read_together(self, settled: int) -> list[Finding]:
        """The usual way: one look for all whether the settled text can be of interest at all."""
        if settled == self._safe:
            return []
        if self._needs.search(self._text.folded, self._safe - self._text.at):
            return [f for r in self._readers for f in r.read(self._text, settled)]
        for reader in self._readers:
            reader.next = max(reader.next, settled)
        return []

    def _read_apart(self, findings: list[Finding], *, final: bool) -> Scan:
        """Each recogniser by itself: something outgrew the limit, or the text has ended."""
        findings += [f for r in self._readers for f in r.read(self._text, final=final)]
        safe = self._text.end if final else min(r.grows for r in self._readers)
        return self._scan(findings, safe)

    def _scan(self, findings: list[Finding], safe: int) -> Scan:
        self._safe = max(self._safe, safe)
        self._text.drop_before(self._safe - CONTEXT)
        return Scan(tuple(findings), self._safe)
