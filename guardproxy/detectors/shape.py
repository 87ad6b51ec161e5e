"""Shapes of text, written once, that also know how they look half grown.

A `Shape` is a pair of RE2 sources: `full` matches whole words of the shape, `grow` matches every beginning of
one, the empty and the whole word included. In a stream, a stretch that ends the text so far and matches `grow`
is held back; everything before the leftmost such stretch is settled. Because `grow` is derived from the same
parts as `full`, the two cannot disagree: text before the leftmost growing stretch cannot be part of a later
match, whatever follows (tests/property/test_spanscan.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import re2

MEMORY = 64 << 20
"""Bytes RE2 may use for one automaton before it falls back to the slower (still linear) engine."""


@dataclass(frozen=True, slots=True)
class Shape:
    """RE2 sources of the whole word (`full`) and of its beginnings (`grow`)."""

    full: str
    grow: str


def chars(one: str) -> Shape:
    """One character of a class, such as `[0-9]`."""
    return Shape(one, f"{one}?")


def word(text: str) -> Shape:
    """Exactly this text."""
    grow = ""
    for char in reversed(text):
        grow = f"(?:{re2.escape(char)}{grow})?"
    return Shape(re2.escape(text), grow)


def seq(*parts: Shape) -> Shape:
    """One after the other."""
    *before, last = parts
    grow = last.grow
    for part in reversed(before):
        grow = f"(?:{part.full}{grow}|{part.grow})"
    return Shape("".join(part.full for part in parts), grow)


def either(*parts: Shape) -> Shape:
    """Any one of them."""
    return Shape(f"(?:{'|'.join(p.full for p in parts)})", f"(?:{'|'.join(p.grow for p in parts)})")


def times(part: Shape, least: int, most: int | None = None) -> Shape:
    """`least` to `most` of them; no `most`: as many as there are."""
    full = f"(?:{part.full})"
    if most is None:
        return Shape(f"{full}{{{least},}}", f"{full}*{part.grow}")
    return Shape(f"{full}{{{least},{most}}}", f"{full}{{0,{most - 1}}}{part.grow}")


def maybe(part: Shape) -> Shape:
    """It, or nothing."""
    return times(part, 0, 1)


def any_case(part: Shape) -> Shape:
    """Without regard to case."""
    return Shape(f"(?i:{part.full})", f"(?i:{part.grow})")


def words(*texts: str) -> Shape:
    """Any one of these texts."""
    return either(*(word(text) for text in texts))


def anchored(anchor: Shape, rest: Shape) -> Shape:
    """A stretch that counts as soon as its anchor is there: `full` is the anchor and any beginning of `rest`.

    For values without an upper length: `full` then measures how far the stretch grows, complete or not.
    """
    return Shape(f"{anchor.full}{rest.grow}", seq(anchor, rest).grow)


def compiled(source: str) -> re2._Regexp:
    """Compiled with leftmost-longest matches: where a match ends is a fact of the text, not of the spelling."""
    options = re2.Options()
    options.longest_match = True
    options.max_mem = MEMORY
    return re2.compile(source, options)
