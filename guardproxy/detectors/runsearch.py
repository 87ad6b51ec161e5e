"""Looks for phrases in runs of single letters, where the gaps between words are lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from guardproxy.core.canonical.cipher import ATBASH, ROTATIONS
from guardproxy.core.canonical.fixed import fixed
from guardproxy.core.canonical.fold import KEY, LEET
from guardproxy.core.canonical.readings import Reading
from guardproxy.core.findings import Span
from guardproxy.detectors.words import HEAD, Phrase, PhraseIndex, skeleton

CIPHERED = 4
"""Letters a phrase needs to be looked for backwards, under ROT13 or Atbash …"""
SHIFTED = 6
"""… and under another Caesar shift: short words turn into each other."""
SHORT = 4
"""Letters up to which a phrase must be the whole run, and half letters when digits stand in for some."""
_ROTATED_RUN = 2000
_MARKS = {ord(mark): None for mark in " .,"}
_TRIPLE = fixed(r"([a-z0-9])\1\1")
_TRIPLES = tuple(c * 3 for c in "abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found, at a place of the original text."""

    phrase: Phrase
    span: Span
    view: str


class RunSearch:
    """Finds phrases in the runs of a reading."""

    def __init__(self, index: PhraseIndex) -> None:
        self._index = index
        self._shortest = {least: _shortest(index, least) for least in (1, CIPHERED, SHIFTED)}
        self._short_heads = any(len(head) < HEAD for head in index.heads)

    def find(self, reading: Reading, empty: set[str]) -> Iterator[Hit]:
        """Every phrase in the runs; the same phrase may come twice.

        `empty`: letters known to hold none, from other readings of the text; those of this one are added.
        """
        text = reading.view.text
        for run in reading.runs:
            keyed = [KEY[ord(text[at])] for at in run]
            letters = "".join(keyed).translate(_MARKS)
            if letters in empty:
                continue
            cells = [at for at, key in zip(run, keyed, strict=True) for x in key if x not in " .,"]
            found = list(self._in_run(reading, letters, cells))
            yield from found
            if not found:
                empty.add(letters)

    def _in_run(self, reading: Reading, letters: str, cells: list[int]) -> Iterator[Hit]:
        if len(letters) < self._shortest[1]:
            return
        yield from self._in_letters(reading, letters, cells, 1)
        if len(letters) < max(CIPHERED, self._shortest[CIPHERED]):
            return
        yield from self._in_letters(reading, letters[::-1], cells[::-1], CIPHERED)
        if not SHIFTED <= len(letters) <= _ROTATED_RUN:
            return
        tables = (*ROTATIONS[1:], ATBASH)
        if len(letters) < self._shortest[SHIFTED]:
            yield from self._in_letters(reading, letters.translate(ROTATIONS[13]), cells, CIPHERED)
            yield from self._in_letters(reading, letters.translate(ATBASH), cells, CIPHERED)
        elif not letters.isascii() or self._begins("\n".join([letters.translate(table) for table in tables])):
            for by, table in enumerate(tables, 1):
                least = CIPHERED if by in {13, 26} else SHIFTED
                yield from self._in_letters(reading, letters.translate(table), cells, least)

    def _begins(self, lines: str) -> bool:
        """May a phrase begin anywhere in the letters, which are ASCII?"""
        bones = skeleton(lines) + "\n"
        triples = map("".join, zip(bones, bones[1:], bones[2:], strict=False))
        return self._short_heads or not self._index.heads.keys().isdisjoint(triples)

    def _in_letters(self, reading: Reading, letters: str, cells: list[int], least: int) -> Iterator[Hit]:
        """Phrases anywhere in a run of single letters; short ones only as the whole run."""
        leet = letters.translate(LEET)
        kept = [i for i, c in enumerate(leet) if not i or c != leet[i - 1] or not c.isalnum()]
        bones = "".join([leet[i] for i in kept])
        kept.append(len(letters))
        index = self._index
        for at in range(len(bones)):
            for length in index.heads_at(bones, at):
                if at + length > len(bones):
                    continue
                for number in index.bare.get(bones[at : at + length], ()):
                    phrase = index.phrases[number]
                    a, b = kept[at], kept[at + length]
                    whole = a == 0 and b == len(letters)
                    spelled = letters[a:b]
                    if phrase.letters < max(least, 0 if whole else SHORT) or not same_run(
                        spelled, "".join(phrase.words)
                    ):
                        continue
                    ends = sorted((cells[a], cells[b - 1]))
                    yield Hit(phrase, reading.view.original(ends[0], ends[1] + 1), reading.view.name)


def _shortest(index: PhraseIndex, least: int) -> int:
    """Letters of the shortest skeleton of a phrase of `least` letters and more: no shorter run holds one."""
    sizes = (len(bare) for bare, found in index.bare.items() if any(index.phrases[n].letters >= least for n in found))
    return min(sizes, default=sys.maxsize)


def same_run(spelled: str, letters: str) -> bool:
    """The same for the letters of a run; edges may carry a neighbour's equal letter."""
    if letters in spelled:
        return True
    leet, bones = spelled.translate(LEET), letters.translate(LEET)
    return any(c.isalpha() for c in spelled) and (bones in leet or has_triple(leet))


def has_triple(key: str) -> bool:
    """Does a letter or digit stand three times in a row?"""
    if not key.isascii():
        return any(a == b == c for a, b, c in zip(key, key[1:], key[2:], strict=False))
    return _TRIPLE.search(key) is not None if len(key) < _ROTATED_RUN else any(t in key for t in _TRIPLES)
