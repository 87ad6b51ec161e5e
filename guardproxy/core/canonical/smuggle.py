"""Text hidden in code points that nobody sees: tags, variation selectors, zero-width bits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from guardproxy.core.canonical.offsets import Edit
from guardproxy.core.canonical.plausible import readable

_ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\u180e\u00ad\u034f")
_FEWEST_BITS = 14
_WIDTHS = (8, 7, 16)


def smuggled(text: str) -> list[tuple[str, list[Edit]]]:
    """Alternative readings of what is hidden in the text, in place."""
    out = []
    signs = set(text)
    tags = _tags(text) if any("\U000e0000" <= c <= "\U000e007f" for c in signs) else []
    selectors = any("\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef" for c in signs)
    for name, edits in (
        ("tags", tags),
        ("tags", [Edit(e.start, e.end, f" {e.new} ") for e in tags]),  # a word of its own beside a word
        ("variation-selectors", _selectors(text) if selectors else []),
        ("zero-width", [] if _ZERO_WIDTH.isdisjoint(signs) else _zero_width(text)),
    ):
        if edits:
            out.append((name, edits))
    return out


def _runs(text: str, member: frozenset[str] | None, low: int = 0, high: int = 0) -> Iterator[tuple[int, int]]:
    start = -1
    for at, c in enumerate(text):
        if (c in member) if member else (low <= ord(c) <= high):
            if start < 0:
                start = at
        elif start >= 0:
            yield start, at
            start = -1
    if start >= 0:
        yield start, len(text)


def _tags(text: str) -> list[Edit]:
    """U+E0020 … U+E007E mirror ASCII."""
    return [
        Edit(a, b, "".join(chr(ord(c) - 0xE0000) for c in text[a:b] if 0xE0020 <= ord(c) <= 0xE007E))
        for a, b in _runs(text, None, 0xE0000, 0xE007F)
    ]


def _selectors(text: str) -> list[Edit]:
    """VS1 … VS256 are the bytes 0 … 255."""
    edits = []
    for a, b in _both(text):
        data = bytes(ord(c) - 0xFE00 if ord(c) < 0xFE10 else ord(c) - 0xE0100 + 16 for c in text[a:b])
        hidden = data.decode("utf-8", "ignore")
        if len(data) > 1 and readable(hidden):
            edits.append(Edit(a, b, f" {hidden} "))
    return edits


def _both(text: str) -> Iterator[tuple[int, int]]:
    start = -1
    for at, c in enumerate(text):
        if "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef":
            if start < 0:
                start = at
        elif start >= 0:
            yield start, at
            start = -1
    if start >= 0:
        yield start, len(text)


def _zero_width(text: str) -> list[Edit]:
    edits = []
    for a, b in _runs(text, _ZERO_WIDTH):
        if b - a >= _FEWEST_BITS:
            hidden = _bits(text[a:b])
            if hidden:
                edits.append(Edit(a, b, f" {hidden} "))
    return edits


def _bits(run: str) -> str:
    """Two signs are the bits; a third, if any, parts the bytes; four are two bits each."""
    signs = sorted(set(run))
    if len(signs) == 4:
        return _first(_numbers(run, dict(zip(p, ("00", "01", "10", "11"), strict=True))) for p in permutations(signs))
    if len(signs) not in {2, 3}:
        return ""
    readings = []
    for parting in [*signs, ""] if len(signs) == 3 else [""]:
        zero, one = [s for s in signs if s != parting][:2]
        for a, b in ((zero, one), (one, zero)):
            readings.append(_numbers(run, {a: "0", b: "1"}, parting))
    return _first(iter(readings))


def _first(readings: Iterator[str]) -> str:
    return next((r for r in readings if r and readable(r)), "")


def _numbers(run: str, digits: dict[str, str], parting: str = "") -> str:
    if any(c not in digits and c != parting for c in run):
        return ""
    groups = [g for g in run.split(parting) if g] if parting else [run]
    bits = ["".join(digits[c] for c in g) for g in groups]
    if parting:
        return _decode([int(b, 2) for b in bits if len(b) < 22])
    for width in _WIDTHS:
        if len(bits[0]) % width == 0:
            text = _decode([int(bits[0][i : i + width], 2) for i in range(0, len(bits[0]), width)])
            if readable(text):
                return text
    return ""


def _decode(values: list[int]) -> str:
    if not values:
        return ""
    if max(values) < 256:
        return bytes(values).decode("utf-8", "ignore")
    return "".join(chr(v) for v in values if v < 0xD800)
