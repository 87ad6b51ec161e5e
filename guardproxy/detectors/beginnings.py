"""Do the last words of a text begin a phrase? The streaming half of `wordsearch`: every way of matching has its line."""

from __future__ import annotations

from collections.abc import Iterator

from guardproxy.core.canonical.cipher import ATBASH, ROTATIONS
from guardproxy.core.canonical.fold import BREAK, KEY, SIGNED, is_spaceless, key_words
from guardproxy.core.canonical.readings import Reading
from guardproxy.detectors.wordplay import pig_keys
from guardproxy.detectors.words import PhraseIndex, normal_shift, skeleton
from guardproxy.detectors.wordsearch import KeyWords, has_signs


class Beginnings:
    """Finds where a phrase may have begun that the end of the text leaves unfinished."""

    def __init__(self, index: PhraseIndex) -> None:
        self._index = index
        self._reach = index.most_words - 1

    def start(self, reading: Reading) -> int | None:
        """Offset in the original of the earliest unfinished phrase, or None."""
        if reading.runs:
            return None
        starts = [self._by_words(reading, KEY)]
        if has_signs(reading.view.text):
            starts.append(self._by_words(reading, SIGNED))
        return min((s for s in starts if s is not None), default=None)

    def _by_words(self, reading: Reading, table: dict[int, str]) -> int | None:
        words = key_words(reading.view.text, table)
        tail = words[max(0, len(words) - self._reach) :] if self._reach else []
        if BREAK in tail:
            tail = tail[len(tail) - tail[::-1].index(BREAK) :]
        starts = []
        length = self._longest(tail) if tail else 0
        if length:
            first = KeyWords(reading, words, table).places().words(len(words) - length, len(words) - 1)[0]
            starts.append(reading.view.original(first, first + 1).start)
        if self._index.spaceless.keys:
            starts += self._spaceless(reading, words, table)
        return min(starts, default=None)

    def _longest(self, tail: list[str]) -> int:
        """Number of words at the end that begin a phrase in some way of reading, the most of them."""
        line = " ".join(tail)
        bones = skeleton(line).split(" ")
        mirrored = skeleton(line.translate(ATBASH)).split(" ")
        odd = any(not w.isalpha() and not w.isdigit() for w in tail)
        for size in range(len(tail), 0, -1):
            if self._begins(tail[-size:], bones[-size:], mirrored[-size:]) or (odd and self._rotated(tail[-size:])):
                return size
        return 0

    def _begins(self, words: list[str], bones: list[str], mirrored: list[str]) -> bool:
        lookup = self._index.skeletons
        key = " ".join(bones)
        return (
            key in lookup.prefixes
            or key[::-1] in lookup.suffixes
            or " ".join(mirrored) in lookup.prefixes
            or normal_shift(" ".join(words), words[0][0]) in self._index.shifts.prefixes
            or " ".join(b[::-1] for b in bones) in lookup.prefixes
            or any(skeleton(spoken) in lookup.prefixes for spoken in pig_keys(words))
        )

    def _rotated(self, words: list[str]) -> bool:
        line = " ".join(words)
        return any(skeleton(line.translate(table)) in self._index.skeletons.prefixes for table in ROTATIONS[1:])

    def _spaceless(self, reading: Reading, words: list[str], table: dict[int, str]) -> Iterator[int]:
        line = " ".join(words)
        known = self._index.spaceless
        for at in range(max(0, len(line) - known.longest), len(line)):
            if line[at:] in known.prefixes and (is_spaceless(line[at]) or not at or line[at - 1] == " "):
                word, skip = line.count(" ", 0, at), at - (line.rfind(" ", 0, at) + 1)
                first = KeyWords(reading, words, table).places().letters(word, skip, word, skip + 1)[0]
                yield reading.view.original(first, first + 1).start
                return
