"""What a redaction replaces, and with what. Text in, text out; nothing here knows about streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from guardproxy.core.conversation import Pointer, Segment
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action


@dataclass(frozen=True, slots=True)
class Redaction:
    """The code points of `span` are replaced by `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class PlacedRedaction:
    """The redactions of one text of the body; spans count from the start of that text."""

    pointer: Pointer
    redactions: tuple[Redaction, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A redaction that may still overlap others. `order` is the place of its rule in the policy."""

    span: Span
    text: str
    order: int

    def behind(self, position: int) -> Mark | None:
        """What is left of it behind the position."""
        if position <= self.span.start:
            return self
        return replace(self, span=Span(position, self.span.end)) if position < self.span.end else None

    def __repr__(self) -> str:
        return f"Mark({self.span.start}:{self.span.end}, rule {self.order})"


def redactions(verdicts: Sequence[Verdict], segment: Segment) -> tuple[Redaction, ...]:
    """What the enforced redact verdicts replace in `segment.text`: merged and sorted."""
    own = [
        Mark(finding.span, replacement(verdict, finding), verdict.order)
        for verdict, finding in _acted_on(verdicts)
        if finding.span and finding.segment == segment
    ]
    return merge(own)


def merge(marks: Iterable[Mark], longest: int | None = None) -> tuple[Redaction, ...]:
    """Overlapping spans become one; the replacement of the earlier rule stands, then the earlier span's.

    `longest`: a merged span that has grown so long takes up no more spans, so that a stream need not hold an endless
    chain of them; what is left of the next one is replaced by itself.
    """
    left = sorted((m for m in marks if m.span.start < m.span.end), key=_in_text)
    merged: list[Redaction] = []
    while left:
        first, rest = _first_merged(left, longest)
        merged.append(Redaction(first.span, first.text))
        left = rest
    return tuple(merged)


def _in_text(mark: Mark) -> tuple[Span, int]:
    return mark.span, mark.order


def _first_merged(marks: list[Mark], longest: int | None) -> tuple[Mark, list[Mark]]:
    """The first of the merged spans, and what it leaves of the sorted marks."""
    first = marks[0]
    start, end, best = first.span.start, first.span.end, first
    for at, mark in enumerate(marks):
        if mark.span.start >= end:
            return Mark(Span(start, end), best.text, best.order), marks[at:]
        if longest is not None and end - start >= longest and at:
            rest = [clipped for m in marks[at:] if (clipped := m.behind(end))]
            return Mark(Span(start, end), best.text, best.order), sorted(rest, key=_in_text)
        end = max(end, mark.span.end)
        best = min(best, mark, key=lambda m: m.order)
    return Mark(Span(start, end), best.text, best.order), []


def apply(text: str, redactions: Sequence[Redaction]) -> str:
    """The text with its redactions done. They are sorted and do not overlap."""
    out, at = [], 0
    for redaction in redactions:
        out += [text[at : redaction.span.start], redaction.text]
        at = redaction.span.end
    return "".join([*out, text[at:]])


def by_place(verdicts: Sequence[Verdict], segments: Sequence[Segment]) -> tuple[PlacedRedaction, ...]:
    """The redactions of a request, text by text, in the order of `segments`.

    A span over several pieces of a join is replaced in the first piece it touches and removed from the rest.
    """
    marks: dict[Pointer, list[Mark]] = {p.pointer: [] for segment in segments for p in segment.pieces}
    for verdict, finding in _acted_on(verdicts):
        text = replacement(verdict, finding)
        for pointer, span in _touched(finding):
            marks.setdefault(pointer, []).append(Mark(span, text, verdict.order))
            text = ""
    placed = [PlacedRedaction(pointer, merge(own)) for pointer, own in marks.items()]
    return tuple(p for p in placed if p.redactions)


def unredactable(verdicts: Sequence[Verdict]) -> bool:
    """True when something must be replaced that cannot be."""
    return any(not replaceable(finding) for _, finding in _acted_on(verdicts))


def replaceable(finding: Finding) -> bool:
    """False for the name of a member, and for a finding without a place."""
    return finding.span is not None and not any(pointer.key for pointer in _pointers(finding))


def replacement(verdict: Verdict, finding: Finding) -> str:
    """The rule's own words, else what kind of thing stood there."""
    if verdict.rule.replace_with is not None:
        return verdict.rule.replace_with
    return f"[{finding.evidence.label} removed]" if finding.evidence.label else "[removed]"


def _acted_on(verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, Finding]]:
    """The findings that reached the redact step; a rule also hears weaker ones."""
    for verdict in verdicts:
        if verdict.enforced and verdict.action is Action.REDACT:
            for finding in verdict.findings:
                if finding.score >= verdict.threshold:
                    yield verdict, finding


def _touched(finding: Finding) -> Iterator[tuple[Pointer, Span]]:
    for piece in finding.segment.pieces:
        piece_span = Span(piece.start, piece.end)
        if finding.span and finding.span.overlaps(piece_span):
            start, end = max(finding.span.start, piece.start), min(finding.span.end, piece.end)
            yield piece.pointer, Span(start, end).shifted(-piece.start)


def _pointers(finding: Finding) -> Iterator[Pointer]:
    """The places a finding stands in: all pieces when it has no span."""
    if finding.span is None:
        return (piece.pointer for piece in finding.segment.pieces)
    return (pointer for pointer, _ in _touched(finding))
