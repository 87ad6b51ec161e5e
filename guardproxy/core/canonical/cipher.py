"""Letter for letter: ROT13, ROT47, Atbash, turned letters, backspaces, reversal."""

from __future__ import annotations

import string

from guardproxy.core.canonical.offsets import Edit, Offsets, View, edited
from guardproxy.core.canonical.tables import MIXED, TURNED, TURNED_SIGNS
from guardproxy.core.findings import Span

_LOW, _UP = string.ascii_lowercase, string.ascii_uppercase


def shifted(by: int) -> dict[int, int]:
    """A translation table that undoes a Caesar shift by `by`."""
    return str.maketrans(_LOW + _UP, _LOW[-by:] + _LOW[:-by] + _UP[-by:] + _UP[:-by]) if by % 26 else {}


ROTATIONS = tuple(shifted(by) for by in range(26))
ATBASH = str.maketrans(_LOW + _UP, _LOW[::-1] + _UP[::-1])
ROT47 = {c: 33 + (c - 33 + 47) % 94 for c in range(33, 127)}


class Backwards:
    """Offsets of a reversed text."""

    __slots__ = ("_length", "_ups")

    def __init__(self, length: int, parent: Offsets) -> None:
        self._length = length
        self._ups = parent

    def span(self, start: int, end: int) -> Span:
        return self._ups.span(self._length - end, self._length - start)


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
    """Cyrillic letters among Latin ones read as Latin; the same view when no word mixes the two."""
    text = view.text
    if text.isascii() or MIXED.keys().isdisjoint(text):
        return view
    edits = []
    for start, end in _chunks(text):
        found = [i for i in range(start, end) if text[i].lower() in MIXED]
        if found and any(c.isalpha() and not "\u0400" <= c <= "\u052f" for c in text[start:end]):
            edits += [Edit(i, i + 1, MIXED[text[i].lower()]) for i in found]
    return edited(view, "mixed", edits) if edits else view


def _chunks(text: str) -> list[tuple[int, int]]:
    found, at = [], 0
    for chunk in text.split():
        at = text.index(chunk, at)
        found.append((at, at + len(chunk)))
        at += len(chunk)
    return found


def erased(view: View) -> View:
    """Letters that a backspace rubs out are gone, never past white space; the same view without backspaces."""
    text = view.text
    if "\b" not in text and "\x7f" not in text:
        return view
    kept: list[int] = []
    edits: list[Edit] = []
    for at, c in enumerate(text):
        if c not in "\b\x7f":
            kept.append(at)
            continue
        edits.append(Edit(at, at + 1, ""))
        if kept and not text[kept[-1]].isspace():
            gone = kept.pop()
            edits.append(Edit(gone, gone + 1, ""))
    return edited(view, "erased", sorted(edits, key=lambda e: e.start))
