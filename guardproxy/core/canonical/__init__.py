"""The canonicaliser: every reading of a text with the way back to the original's code points.

`views` for those who search, `canonical_text` for those who read, `fold_key` to compare phrases. Linear in
the length of the text; decode work is bounded (`codecs.Budget`).
"""

from __future__ import annotations

from guardproxy.core.canonical.fold import fold_key
from guardproxy.core.canonical.legible import canonical_text
from guardproxy.core.canonical.offsets import View
from guardproxy.core.canonical.readings import Reading, Readings, ciphers, readings

__all__ = ["Reading", "Readings", "View", "canonical_text", "ciphers", "fold_key", "readings", "views"]


def views(text: str) -> tuple[View, ...]:
    """All readings, plain first; equal ones are given once. Includes ROT13, Atbash and reversal."""
    read = readings(text).all
    found = [r.view for r in read]
    found += [c for r in read if not r.runs for c in ciphers(r.view)]
    unique: dict[str, View] = {}
    for view in found:
        unique.setdefault(view.text, view)
    return tuple(unique.values())
