"""The phrases and patterns of a policy's rules, in one look and one streaming scanner."""

from __future__ import annotations

from collections.abc import Sequence

from guardproxy.core.canonical.readings import Readings, readings
from guardproxy.core.conversation import Segment
from guardproxy.core.findings import Evidence, Finding, Span
from guardproxy.core.holdback import Scanner
from guardproxy.core.rules import Kind, Mode, Rule
from guardproxy.detectors.beginnings import Beginnings
from guardproxy.detectors.patterns import ALONE, Around, PatternSet
from guardproxy.detectors.streamscan import OVER_ENCODED, TextScanner
from guardproxy.detectors.words import PhraseIndex
from guardproxy.detectors.wordsearch import WordSearch


class TextRules:
    """All word and pattern rules of a policy that run.

    `engine`: `hyperscan`, `re2`, or `auto` (hyperscan where it is installed); both find the same.
    """

    def __init__(self, rules: Sequence[Rule], engine: str = "auto") -> None:
        self._rules = [r for r in rules if r.mode is not Mode.DISABLED and r.kind in {Kind.WORDS, Kind.PATTERN}]
        self.index = PhraseIndex()
        for number, rule in enumerate(self._rules):
            for phrase in rule.phrases if rule.kind is Kind.WORDS else ():
                self.index.add(number, phrase)
        self._search = WordSearch(self.index) if self.index else None
        self._beginnings = Beginnings(self.index) if self.index else None
        self.patterns = PatternSet([(n, r.target) for n, r in enumerate(self._rules) if r.kind is Kind.PATTERN], engine)

    def look(self, segment: Segment) -> list[Finding]:
        """Every match in every reading; a place that several readings show is reported once a rule."""
        if not self._rules or not segment.text:
            return []
        return self.findings(segment, readings(segment.text))

    def findings(self, segment: Segment, read: Readings, around: Around = ALONE) -> list[Finding]:
        """The matches in given readings of the segment."""
        hits: list[tuple[int, Span, str]] = []
        if self._search:
            hits += [(h.phrase.rule, h.span, h.view) for h in self._search.find(read.all)]
        for reading in read.all if self.patterns else ():
            if not reading.runs:
                hits += [(h.rule, h.span, h.view) for h in self.patterns.find(reading.view, around)]
        found = [self._finding(segment, *hit) for hit in _outermost(hits)]
        return found + [
            Finding("disguise.over_encoded", OVER_ENCODED, 1.0, segment, span, None, Evidence("decoded"))
            for span in read.over_encoded
        ]

    def begins_from(self, read: Readings, left: str) -> int | None:
        """Where the earliest phrase or pattern begins that the end of the text leaves unfinished, or None."""
        starts: list[int] = []
        for reading in read.all:
            if self._beginnings:
                start = self._beginnings.start(reading)
                starts += [start] if start is not None else []
            if self.patterns and not reading.runs:
                text = reading.view.text
                at = self.patterns.grows_from(text, left)
                starts += [reading.view.original(at, at + 1).start] if at < len(text) else []
        return min(starts, default=None)

    def overgrown(self, segment: Segment, left: str) -> list[Finding]:
        """Findings for the rules whose match grows from the start of the segment to its end."""
        numbers = self.patterns.growing_rules(segment.text, left) if self.patterns else []
        return [self._finding(segment, n, Span(0, len(segment.text)), "plain") for n in numbers]

    def _finding(self, segment: Segment, number: int, span: Span, view: str) -> Finding:
        rule = self._rules[number]
        detector = "words" if rule.kind is Kind.WORDS else "pattern"
        return Finding(detector, rule.counts_as or "custom", 1.0, segment, span, rule.id, Evidence(view))

    def scanner(self, longest_match: int, *, patient: bool = False) -> Scanner:
        """A fresh scanner for one channel of an answer; a `patient` one where the answer leaves in one piece."""
        return TextScanner(self, longest_match, patient=patient)


def _outermost(hits: list[tuple[int, Span, str]]) -> list[tuple[int, Span, str]]:
    """One hit a rule and place: those inside another of the same rule are dropped."""
    kept: list[tuple[int, Span, str]] = []
    for hit in sorted(hits, key=lambda h: (h[0], h[1].start, -h[1].end)):
        if not kept or kept[-1][0] != hit[0] or hit[1].end > kept[-1][1].end:
            kept.append(hit)
    return sorted(kept, key=lambda h: (h[1].start, h[0]))
