"""The reader's fixed patterns are linear: eight times the text costs about eight times as much, however nasty it is."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time

import pytest

from guardproxy import detectors
from guardproxy.core import canonical
from guardproxy.core.canonical.fixed import fixed, fixed_bytes

SMALL, LARGE = 600, 4_800
SLOW = 0.02  # seconds; below, nothing quadratic hides in so long a text
FACTOR = 30  # eight times as long; a quadratic pattern takes sixty-four times as much


def patterns() -> dict[str, re.Pattern]:
    found = {}
    for package in (canonical, detectors):
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if info.name.endswith((".wordsearch", ".runsearch")) or package is canonical:
                for name, value in vars(importlib.import_module(info.name)).items():
                    if isinstance(value, re.Pattern):
                        found[f"{info.name.rsplit('.')[-1]}.{name}"] = value
    return found


NASTY = ["'", "-", "+", "(", "_", "a", "A", "0", "1 ", "a ", "-'", "a'", "1+", "+h", "\\/", ".-"]
ENDS = ["", "\x00x", "é"]
STARTS = ["", "a-b", "1 2 ", "\x1b["]
WHOLE = {"groups._IS_ORDINARY", "runs._LETTERS47", "plausible._TEXT", "groups._WORD_BEHIND"}
"""Asked of a whole text or at one place only, never looked for."""


def cost(pattern: re.Pattern, text: str, *, whole: bool = False) -> float:
    given = text.encode() if isinstance(pattern.pattern, bytes) else text
    began = time.process_time()
    if whole:
        pattern.fullmatch(given)
        pattern.match(given)
    else:
        sum(1 for _ in pattern.finditer(given))
    return time.process_time() - began


def test_there_are_patterns_to_try():
    assert len(patterns()) > 15


@pytest.mark.parametrize("name", sorted(patterns()))
def test_linear(name):
    pattern = patterns()[name]
    for start in STARTS:
        for sign in NASTY:
            for end in ENDS:
                texts = [start + sign * (size // len(sign)) + end for size in (SMALL, LARGE)]
                if cost(pattern, texts[1], whole=name in WHOLE) > SLOW:
                    small, large = (min(cost(pattern, t, whole=name in WHOLE) for _ in range(5)) for t in texts)
                    assert large < FACTOR * small, (start, sign, end)


def test_the_test_sees_a_quadratic_pattern():
    bad, text = fixed(r"a*c"), "a" * SMALL
    assert cost(bad, text * 8) > FACTOR * min(cost(bad, text) for _ in range(5))


def test_bytes():
    assert fixed_bytes(rb"[a-z]+").fullmatch(b"abc")
