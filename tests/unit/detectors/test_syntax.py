"""Expressions as trees: the beginnings of their matches, and the same read backwards."""

from __future__ import annotations

import pytest
import re2

from guardproxy.detectors.syntax import backwards, endless, growing, parse, written

CASES = [
    (r"\bHX-[0-9]{4}-[A-Z]{4}\b", "HX-2031-ABCD"),
    (r"(?i)foo(bar|baz)+?x", "FooBARbazx"),
    (r"[^]a]b{2,}\p{L}\pN", "xbbbé7"),
    (r"\Qa.b\E\x{263a}", "a.b☺"),
    (r"(?P<n>a|(?i:b))c$", "Bc"),
    (r"[[:alpha:]\]]+\d*?z", "ab]12z"),
    (r"\x41\101|\.{2,3}", "AA"),
    (r"a(?:bc?|d){1,3}e", "abcbde"),
]


@pytest.mark.parametrize(("source", "match"), CASES)
def test_every_beginning_grows(source, match):
    grows = re2.compile(f"(?:{growing(parse(source))})\\z")
    for end in range(len(match) + 1):
        assert grows.search(match[:end]).start() == 0


@pytest.mark.parametrize(("source", "match"), CASES)
def test_written_and_backwards(source, match):
    tree = parse(source)
    assert re2.compile(written(tree)).search(match).span() == (0, len(match))
    assert re2.compile(backwards(tree)).search(match[::-1]).span() == (0, len(match))


def test_other_text_does_not_grow():
    grows = re2.compile(f"(?:{growing(parse(r'HX-[0-9]{4}'))})\\z")
    assert grows.search("see HY-20").start() == len("see HY-20")
    assert grows.search("see HX-20").start() == 4


@pytest.mark.parametrize(("source", "answer"), [("a+", True), ("a{2,}", True), ("(a|b*)c", True), ("a{2,9}b?", False)])
def test_endless(source, answer):
    assert endless(parse(source)) is answer
