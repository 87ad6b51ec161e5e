"""One readable reading of a text, for classifiers that were trained on ordinary spelling."""

from __future__ import annotations

import unicodedata

from guardproxy.core.canonical.fold import FOLD, is_invisible
from guardproxy.core.canonical.plausible import quality
from guardproxy.core.canonical.readings import readings
from guardproxy.core.canonical.tables import MARKS

_BELIEVED = 0.85
_MOST_MARKS = 2  # of one letter in ordinary spelling (Vietnamese)


def canonical_text(text: str) -> str:
    """Folded where a word is disguised, unmarked, single letters joined, with what is plainly encoded opened.

    The text itself when nothing about it is odd: letters of other alphabets and accents are no disguise.
    """
    base = text if text.isascii() else _natural(text)
    found = readings(base).all
    deepest = max((r for r in found if r.likely), key=lambda r: r.depth)
    if deepest.depth and quality(deepest.view.text) >= _BELIEVED:
        return deepest.view.text
    shown = [r for r in found if not (r.depth or r.runs or r.restored) and r.view.name in {"unmarked", "joined"}]
    return shown[-1].view.text if shown else base


def _natural(text: str) -> str:
    """Word by word: folded if disguised, else as it stands."""
    out = []
    at = 0
    for chunk in text.split():
        start = text.index(chunk, at)
        out.append(text[at:start])
        out.append(chunk if chunk.isascii() or _is_natural(chunk) else chunk.translate(FOLD))
        at = start + len(chunk)
    return "".join([*out, text[at:]])


def _is_natural(chunk: str) -> bool:
    """True for a word whose odd letters are accented ones, or that is written in one alphabet throughout."""
    latin = any(c.isascii() and c.isalpha() for c in chunk)
    marks = 0
    for c in chunk:
        marks = marks + 1 if _is_mark(c) else 0
        if (is_invisible(c) and latin) or marks > _MOST_MARKS:
            return False
        if FOLD[ord(c)] == c or _is_mark(c) or is_invisible(c):
            continue
        name = unicodedata.name(c, "")
        if not c.isalpha():
            if "LATIN" in name:
                return False
            continue
        if unicodedata.normalize("NFKC", c) != c:
            return False
        accented = unicodedata.normalize("NFD", c)[0].isascii() or "LATIN" in name
        if latin and not accented:
            return False
    return True


def _is_mark(c: str) -> bool:
    return any(first <= ord(c) <= last for first, last in MARKS)
