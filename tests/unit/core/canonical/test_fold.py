"""Letters as a reader sees them."""

from __future__ import annotations

import pytest

from guardproxy.core.canonical import fold_key
from guardproxy.core.canonical.fold import BREAK, FOLD, folded, key_words, plain
from guardproxy.core.canonical.offsets import View
from guardproxy.core.findings import Span


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ⓑⓛⓤⓔ", "blue"),
        ("𝐛𝐥𝐮𝐞", "blue"),
        ("🅑🅛🅤🅔", "blue"),
        ("ʙʟᴜᴇ", "blue"),
        ("🇧🇱🇺🇪", "blue"),
        ("blu\u0435", "blue"),
        ("b\u0301l\u0336u\u200be", "blue"),
        ("ľúé", "lue"),
        ("⒝⒧", "bl"),
        ("ß", "ß"),
        ("가각", "가각"),
        ("が", "が"),
        ("วันนี้", "วันนี้"),
        ("plain text, 2nd!", "plain text, 2nd!"),
    ],
)
def test_fold(text, seen):
    assert text.translate(FOLD) == seen


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Привет", "ПРИВЕТ"),
        ("GRÜNSPECHT AKTE", "grünspecht akte"),
        ("Straße", "STRASSE"),
        ("copper heron", "Copper  Heron"),
        ("copper-heron", "copper heron"),
        ("Καλημέρα", "ΚΑΛΗΜΈΡΑ"),
    ],
)
def test_equal_keys(one, other):
    assert fold_key(one) == fold_key(other)


def test_a_phrase_of_invisible_characters_is_empty():
    assert fold_key("\u200b\u200d\ufeff") == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The pipes are copper. Heron", ["the", "pipes", "are", "copper", BREAK, "heron"]),
        ("foo...bar", ["foo", "bar"]),
        ("foo" + "-" * 8 + "bar", ["foo", "bar"]),
        ("foo" + "-" * 9 + "bar", ["foo", BREAK, "bar"]),
        ("wait!? yes", ["wait", BREAK, "yes"]),
    ],
)
def test_gaps(text, words):
    assert key_words(text) == words


def test_offsets_take_removed_marks_in():
    view = folded(View("plain", "xb\u0301l\u0301u\u0301y"))
    assert view.text == "xbluy"
    assert view.original(1, 4) == Span(1, 7)


def test_plain_composes_and_maps_back():
    view = plain("Tie\u0302\u0301ng x")
    assert view.text == "Tiếng x"
    assert view.original(2, 3) == Span(2, 5)
    assert view.original(6, 7) == Span(8, 9)
