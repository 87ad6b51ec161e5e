"""The canonicaliser: every reading of a text with the way back to the original's code points.

`views` for those who search, `canonical_text` for those who read, `fold_key` to compare phrases. Linear in
the length of the text; decode work is bounded (`codecs.Budget`).
"""

from __future__ import annotations

from guardproxy.core.canonical.fold import fold_key
from guardproxy.core.canonical.offsets import View
from guardproxy.core.canonical.readings import Reading, Readings, ciphers, readings

__all__ = ["Reading", "Readings", "View", "canonical_text", "ciphers", "fold_key", "readings", "views"]


def views(text: str) -> tuple[View, ...]:
    """All readings, plain first; equal ones are given once. Includes ROT13, Atbash and reversal."""
    found = [r.view for r in readings(text).all]
    found += [c for r in readings(text).all if not r.runs for c in ciphers(r.view)]
    unique: dict[str, View] = {}
    for view in found:
        unique.setdefault(view.text, view)
    return tuple(unique.values())


def canonical_text(text: str) -> str:
    """One readable reading for classifiers: folded, unmarked, joined, with what is plainly encoded opened.

    The text itself when nothing about it is odd.
    """
    found = readings(text).all
    if len(found) == 1:
        return text
    deepest = max(found, key=lambda r: (r.depth, not r.runs))
    level = [r for r in found if r.depth == deepest.depth and not r.runs]
    return level[-1].view.text
