"""Letter for letter: ROT13, ROT47, Atbash, turned and drawn letters, reversal."""

from __future__ import annotations

import string

from guardproxy.core.canonical.fixed import CHUNK, fixed, literal
from guardproxy.core.canonical.fold import FOLD
from guardproxy.core.canonical.offsets import Edit, Offsets, View, edited
from guardproxy.core.canonical.tables import MIXED, STYLED, TURNED, TURNED_SIGNS, WIDE_LEET
from guardproxy.core.findings import Span

_LOW, _UP = string.ascii_lowercase, string.ascii_uppercase


def shifted(by: int) -> dict[int, int]:
    """A translation table that undoes a Caesar shift by `by`."""
    return str.maketrans(_LOW + _UP, _LOW[-by:] + _LOW[:-by] + _UP[-by:] + _UP[:-by]) if by % 26 else {}


ROTATIONS = tuple(shifted(by) for by in range(26))
ATBASH = str.maketrans(_LOW + _UP, _LOW[::-1] + _UP[::-1])
_DRAWN = {sign: letter for signs in WIDE_LEET.values() for sign, letter in signs}
_DRAWINGS = fixed("|".join(literal(sign) for signs in WIDE_LEET.values() for sign, _ in signs))
ROT47 = {c: 33 + (c - 33 + 47) % 94 for c in range(33, 127)}


class Backwards:
    """Offsets of a reversed text."""

    __slots__ = ("_length", "_ups")

    def __init__(self, length: int, parent: Offsets) -> None:
        self._length = length
        self._ups = parent

    def span(self, start: int, end: int) -> Span:
        return self._ups.span(self._length - end, self._length - start)

    def shown(self, place: Span) -> Span:
        above = self._ups.shown(place)
        return Span(self._length - above.end, self._length - above.start)


def translated(view: View, name: str, table: dict[int, int]) -> View:
    """One letter for another; offsets stay."""
    return View(name, view.text.translate(table), view.offsets)


def reversed_view(view: View) -> View:
    """Last character first."""
    return View("decoded:reversed", view.text[::-1], Backwards(len(view.text), view.offsets))


def turned(view: View) -> View:
    """Upside-down letters read upright; the same view when there are none."""
    if view.text.isascii() or TURNED_SIGNS.isdisjoint(view.text):
        return view
    edits = []
    for start, end in _chunks(view.text):
        if not TURNED_SIGNS.isdisjoint(view.text[start:end]):
            edits += [Edit(i, i + 1, TURNED[view.text[i]]) for i in range(start, end) if view.text[i] in TURNED]
    return edited(view, "turned", edits) if edits else view


def mixed(view: View) -> View:
    """Cyrillic and Greek letters among Latin ones read as Latin; the same view when no word mixes them."""
    text = view.text
    if text.isascii() or MIXED.keys().isdisjoint(text):
        return view
    edits = []
    for start, end in _chunks(text):
        found = [i for i in range(start, end) if text[i].lower() in MIXED]
        if found and any(c.isalpha() and not "\u0370" <= c <= "\u052f" for c in text[start:end]):
            edits += [Edit(i, i + 1, MIXED[text[i].lower()]) for i in found]
    return edited(view, "mixed", edits) if edits else view


def styled(view: View) -> View:
    """Letters of other scripts drawn for Latin ones, in words made of nothing else; the same view without any."""
    text = view.text
    if text.isascii() or STYLED.keys().isdisjoint(text):
        return view
    edits = []
    for start, end in _chunks(text):
        chunk = text[start:end]
        if is_drawn(chunk):
            edits += [Edit(i, i + 1, STYLED[text[i]]) for i in range(start, end) if text[i] in STYLED]
    return edited(view, "styled", edits) if edits else view


def is_drawn(chunk: str) -> bool:
    """Is every letter of the chunk one that fancy alphabets draw, or a look-alike, and one at least of the former?"""
    drawn = not STYLED.keys().isdisjoint(chunk)
    return drawn and all(not c.isalnum() or c in STYLED or FOLD[ord(c)].isascii() for c in chunk)


def wide_leet(view: View) -> View:
    """Several signs that draw one letter, as `|-|`, in words with letters; the same view when there are none."""
    text = view.text
    if not _DRAWINGS.search(text):
        return view
    edits: list[Edit] = []
    for start, end in _chunks(text):
        found = [Edit(m.start(), m.end(), _DRAWN[m[0]]) for m in _DRAWINGS.finditer(text, start, end)]
        if len(found) > 2 or (found and any(c.isalpha() for c in text[start:end])):
            edits += found
    return edited(view, "leet", edits) if edits else view


def _chunks(text: str) -> list[tuple[int, int]]:
    return [m.span() for m in CHUNK.finditer(text)]
