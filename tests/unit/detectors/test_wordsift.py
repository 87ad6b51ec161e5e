"""Which words matter: the anchors of phrases in every way of writing them, and no others."""

from __future__ import annotations

import pytest

from guardproxy.detectors import wordsift
from guardproxy.detectors.words import PhraseIndex
from guardproxy.detectors.wordsift import WordSift


def sift_of(*phrases: str) -> WordSift:
    index = PhraseIndex()
    for phrase in phrases:
        index.add(0, phrase)
    return WordSift(index)


def variants(word: str) -> set[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    turned = {word.translate(str.maketrans(letters, letters[k:] + letters[:k])) for k in range(26)}
    return turned | {word[::-1], word.translate(str.maketrans(letters, letters[::-1])), "anternlay"}


@pytest.mark.parametrize("listed", [2000, 0])
def test_every_variant_of_an_anchor_matters(monkeypatch, listed):
    monkeypatch.setattr(wordsift, "LISTED", listed)
    wanted = variants("lantern")
    given = wanted | {"harbour", "ships", "antern", "lanterns"}
    assert sift_of("velvet lantern").plain(given) == wanted


def test_words_are_remembered_for_the_next_reading():
    sift = sift_of("velvet lantern")
    assert sift.plain({"lantern", "ship"}) == {"lantern"}
    assert sift.plain({"ship", "lantern", "nretnal"}) == {"lantern", "nretnal"}
    assert sift.plain({"ship"}) == set()


def test_bones_forwards_and_backwards():
    sift = sift_of("velvet lantern")
    assert sift.bones({"1antern"})
    assert sift.bones({"nret4l", "nretnaaal"})
    assert not sift.bones({"ship", "1antren"})


def test_words_of_letters_and_digits_under_shifts():
    sift = sift_of("velvet lantern")
    assert sift.odd({"a1", "12", "ab", "l4ntern", "a-1"}) == {"a1", "l4ntern"}
    assert sift.rotated("y4agrea")
    assert not sift.rotated("y4agrez")
