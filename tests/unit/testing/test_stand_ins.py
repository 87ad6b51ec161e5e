"""The stand-ins keep the law of `core.holdback.Scanner`: cut anywhere, same findings."""

from __future__ import annotations

from random import Random

import pytest

from guardproxy.testing.split_law import written
from guardproxy.testing.stand_ins import LOGGED, REFUSED, REPLACED, PhraseScanner, ValueScanner

SCANNERS = [lambda: PhraseScanner((*REFUSED, *LOGGED)), lambda: PhraseScanner(REPLACED), ValueScanner]


def scanned(scanner, text, places):
    safe, found = 0, []
    for start, end in zip([0, *places], [*places, len(text)], strict=True):
        scan = scanner.feed(text[start:end])
        assert safe <= scan.safe <= end
        assert all(f.span.start >= safe for f in scan.findings)
        safe, found = scan.safe, found + list(scan.findings)
    scan = scanner.flush()
    assert scan.safe == len(text)
    assert all(f.span.start >= safe for f in scan.findings)
    return sorted((f.span.start, f.span.end, f.rule) for f in (*found, *scan.findings))


@pytest.mark.parametrize("made", SCANNERS)
def test_cut_anywhere(made):
    chance = Random(3)
    for _ in range(150):
        text = written(chance)
        whole = scanned(made(), text, [])
        assert scanned(made(), text, list(range(1, len(text)))) == whole
        for _ in range(4):
            places = sorted(chance.randrange(len(text) + 1) for _ in range(3))
            assert scanned(made(), text, places) == whole


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a tok=abc d", [(2, 9)]),
        ("tok= x", []),
        ("tok=" + "v" * 30, [(0, 24)]),
        ("tok=tok=a", [(0, 9)]),
    ],
)
def test_values(text, found):
    assert [(s, e) for s, e, _ in scanned(ValueScanner(), text, [])] == found
