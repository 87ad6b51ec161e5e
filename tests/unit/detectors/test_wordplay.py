"""Pig latin, and phrases written as one word."""

from __future__ import annotations

import pytest

from guardproxy.detectors.wordplay import is_joined, pig_keys, pig_latin, straightened
from guardproxy.detectors.words import Phrase, PhraseIndex


@pytest.mark.parametrize(
    ("spoken", "meant"),
    [
        ("elvetvay", "velvet"),
        ("anternlay", "lantern"),
        ("orderway", "order"),
        ("orderyay", "order"),
        ("iverquay", "quiver"),
    ],
)
def test_straightened(spoken, meant):
    assert meant in straightened(spoken)


@pytest.mark.parametrize("word", ["day", "monday", "velvet", "today"])
def test_ordinary_words_mean_nothing_else(word):
    assert straightened(word) == []


def test_digits_stay_and_alone_are_nothing():
    assert "velvet 12" in list(pig_keys(["elvetvay", "12"]))
    assert list(pig_keys(["12", "13"])) == []


def test_phrases_said_in_pig_latin():
    index = PhraseIndex()
    index.add(0, "velvet lantern")
    found = list(pig_latin(["so", "elvetvay", "anternlay", "it"], index))
    assert {(f.first, f.last) for f in found} == {(1, 2)}
    assert list(pig_latin(["so", "elvetvay", "it"], index)) == []


@pytest.mark.parametrize(
    ("words", "raw", "joined"),
    [
        (("blue", "finch"), "BlueFinch", True),
        (("blue", "finch"), "bluefinch", False),
        (("blue", "finch"), "BLUEFINCH", False),
        (("the", "rapist"), "therapist", False),
        (("zebra", "marmalade", "protocol"), "zebramarmaladeprotocol", True),
    ],
)
def test_one_word_is_a_phrase_by_its_capitals_or_its_length(words, raw, joined):
    assert is_joined(Phrase(0, words), raw) is joined
