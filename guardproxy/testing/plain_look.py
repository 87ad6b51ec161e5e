"""What the stream's law says of a text of the stand-ins, found by looking at the whole of it, without scanners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guardproxy.testing import stand_ins

_SAME = str.maketrans("0123456789\n\t", "0" * 10 + "  ")


@dataclass(frozen=True, slots=True)
class Expected:
    """By a plain look at one text.

    `refused`: where the first refused phrase begins, `scanned`: the first that needs no window. `until`: how far the text must leave, if that does not depend
    on where a window opens. `replaced`: the text with the other phrases replaced; `kept` what of it stands before
    `until`. `hidden`: phrases that must not be read in what left. `planted`: there is something to find.
    """

    refused: int | None
    scanned: int | None
    breaks: bool
    until: int | None
    replaced: str
    kept: str
    hidden: tuple[str, ...]
    planted: bool

    @property
    def ends(self) -> bool:
        """Must the choice end in this text?"""
        return self.refused is not None or self.breaks


def expected(text: str, *, classifies: bool) -> Expected:
    """The law for one text that leaves while it grows."""
    plain = text.translate(_SAME)
    scanned = [at for named in stand_ins.REFUSED for at in _places(plain, named.phrase)]
    scanned += _values(plain)
    shown = _places(text, stand_ins.WINDOW_REFUSED) if classifies else []
    breaks = classifies and stand_ins.BREAKS in text
    refused = min([*scanned, *shown], default=None)
    spans = _merged(text, plain, classifies=classifies)
    until = None if shown or breaks else len(text) if refused is None else _before(spans, refused)
    hidden = [n.phrase for n in stand_ins.REPLACED] + ([stand_ins.WINDOW_REPLACED] if classifies else [])
    return Expected(
        refused,
        min(scanned, default=None),
        breaks,
        until,
        _written(text, spans, len(text)),
        _written(text, spans, until or 0),
        tuple(hidden),
        bool(spans) or breaks or refused is not None,
    )


def _places(text: str, phrase: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(phrase, at)]


def _values(plain: str) -> Iterator[int]:
    at = plain.find(stand_ins.VALUE.phrase)
    while at >= 0:
        end = stand_ins.value_end(plain, at)
        if end > at + len(stand_ins.VALUE.phrase):
            yield at
        at = plain.find(stand_ins.VALUE.phrase, end)


@dataclass(slots=True)
class _Stretch:
    start: int
    end: int
    order: int


def _merged(text: str, plain: str, *, classifies: bool) -> list[_Stretch]:
    spans = [
        _Stretch(at, at + len(named.phrase), order)
        for order, named in enumerate(stand_ins.REPLACED)
        for at in _places(plain, named.phrase)
    ]
    if classifies:
        size, order = len(stand_ins.WINDOW_REPLACED), len(stand_ins.REPLACED)
        spans += [_Stretch(at, at + size, order) for at in _places(text, stand_ins.WINDOW_REPLACED)]
    merged: list[_Stretch] = []
    for span in sorted(spans, key=lambda s: s.start):
        if merged and span.start < merged[-1].end:
            merged[-1].end = max(merged[-1].end, span.end)
            merged[-1].order = min(merged[-1].order, span.order)
        else:
            merged.append(span)
    return merged


def _before(spans: list[_Stretch], place: int) -> int:
    """A stretch that is replaced does not leave in part."""
    return next((s.start for s in spans if s.start < place < s.end), place)


def _written(text: str, spans: list[_Stretch], until: int) -> str:
    names = [*(f"<{n.rule}>" for n in stand_ins.REPLACED), "<w_replace>"]
    out, at = [], 0
    for span in spans:
        if span.end <= until:
            out += [text[at : span.start], names[span.order]]
            at = span.end
    return "".join([*out, text[at:until]])
