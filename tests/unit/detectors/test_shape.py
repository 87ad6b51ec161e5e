"""Shapes: `grow` matches exactly the beginnings of what `full` matches."""

from __future__ import annotations

import itertools

import pytest

from guardproxy.detectors.shape import (
    Shape,
    anchored,
    any_case,
    chars,
    compiled,
    either,
    maybe,
    seq,
    times,
    word,
    words,
)

SHAPES = {
    "word": word("aba"),
    "words": words("ab", "ba"),
    "seq": seq(chars("[ab]"), word("b"), maybe(chars("c"))),
    "times": seq(times(word("ab"), 1, 2), chars("c")),
    "endless": seq(word("a"), times(either(word("b"), word("cc")), 0), word("a")),
    "any_case": any_case(word("ab")),
}


@pytest.mark.parametrize("name", SHAPES)
def test_grow_matches_the_beginnings(name):
    shape: Shape = SHAPES[name]
    full, grow = compiled(shape.full), compiled(shape.grow)
    texts = ["".join(t) for n in range(7) for t in itertools.product("abcA", repeat=n)]
    whole = [text for text in texts if full.fullmatch(text)]
    beginnings = {text[:n] for text in whole for n in range(len(text) + 1)}
    assert whole
    for text in texts:
        if len(text) <= 4:  # longer beginnings may belong to words longer than the texts tried
            assert bool(grow.fullmatch(text)) == (text in beginnings), text


def test_anchored_counts_from_its_anchor_on():
    shape = anchored(word("ab"), seq(word("c"), word("d")))
    full = compiled(shape.full)
    assert [bool(full.fullmatch(t)) for t in ("a", "ab", "abc", "abcd", "abcde")] == [False, True, True, True, False]
    assert compiled(shape.grow).fullmatch("a")


def test_matches_are_the_longest():
    (match,) = compiled("a|ab|abc").finditer("xabcx")
    assert match.span() == (1, 4)
