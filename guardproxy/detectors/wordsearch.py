"""Looks up the phrases of a `PhraseIndex` in one reading of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from guardproxy.core.canonical.cipher import ATBASH, ROTATIONS
from guardproxy.core.canonical.fixed import fixed
from guardproxy.core.canonical.fold import BREAK, KEY, LEET, SIGNED, is_spaceless, key_words
from guardproxy.core.canonical.readings import Reading
from guardproxy.core.canonical.tables import SYMBOL_LEET
from guardproxy.detectors.runsearch import CIPHERED, SHIFTED, SHORT, Hit, RunSearch, has_triple
from guardproxy.detectors.wordplay import is_joined, pig_latin
from guardproxy.detectors.words import Phrase, PhraseIndex, Place, collapsed, normal_shift, skeleton
from guardproxy.detectors.wordsift import WordSift

_DIGITS = "0123456789"
_ODD_WORDS = 40
_DIGIT = fixed(f"[{_DIGITS}]")
_SIGNS = "".join(SYMBOL_LEET.values())
_ASCII_SIGNS = "".join(sign for sign in _SIGNS if sign.isascii())


Change = Callable[[str], str]
Order = Callable[[list[str], int, Place], "tuple[int, list[str] | None]"]


@dataclass(frozen=True, slots=True)
class KeyWords:
    """Key words of a reading, and the table that made them."""

    reading: Reading
    words: list[str]
    table: dict[int, str]

    def places(self) -> _Places:
        return _Places(self)


class _Places:
    """Where in the view the characters of the key words come from; only made when something was found."""

    def __init__(self, source: KeyWords) -> None:
        self._cells: list[list[int]] = []
        self._ends: list[int] = []
        self._numbers: list[int] = []  # index in `words` → index without breaks
        count = 0
        for word in source.words:
            self._numbers.append(count)
            count += word != BREAK
        cells: list[int] = []
        end = 0
        table = source.table
        for at, c in enumerate(source.reading.view.text):
            out = table[ord(c)]
            if not out and cells:
                end = at + 1
            for x in out:
                if x in " .,":
                    self._close(cells, end)
                    cells = []
                else:
                    cells.append(at)
                    end = at + 1
        self._close(cells, end)

    def _close(self, cells: list[int], end: int) -> None:
        if cells:
            self._cells.append(cells)
            self._ends.append(end)

    def words(self, first: int, last: int) -> tuple[int, int]:
        """View range of the words `first` … `last`, both inside."""
        a, b = self._numbers[first], self._numbers[last]
        return self._cells[a][0], self._ends[b]

    def letters(self, first: int, skip: int, last: int, keep: int) -> tuple[int, int]:
        """View range from the letter `skip` of one word to the letter `keep` (exclusive) of another."""
        a, b = self._numbers[first], self._numbers[last]
        end = self._ends[b] if keep >= len(self._cells[b]) else self._cells[b][keep - 1] + 1
        return self._cells[a][skip], end


@dataclass(frozen=True, slots=True)
class _Way:
    """How text is turned before it is compared: letters, order of words; `least` letters a phrase needs."""

    change: Change
    order: Order
    least: int


class WordSearch:
    """Finds phrases in readings."""

    def __init__(self, index: PhraseIndex) -> None:
        self._index = index
        self._runs = RunSearch(index)
        self._has_spaceless = bool(index.spaceless.keys)

    def find(self, readings: Iterable[Reading]) -> Iterator[Hit]:
        """Every phrase in the readings of one text, in no particular order; the same phrase may come twice."""
        sift = WordSift(self._index)
        empty: set[str] = set()
        for reading in readings:
            if reading.runs:
                yield from self._runs.find(reading, empty)
            else:
                yield from self._in_words(reading, sift)

    def _in_words(self, reading: Reading, sift: WordSift) -> Iterator[Hit]:
        text = reading.view.text
        words = key_words(text)
        if not words:
            return
        source = KeyWords(reading, words, KEY)
        distinct = set(words)
        present = sift.plain(distinct)
        if present:
            yield from self._plainly(source, present)
            for found in pig_latin(words, self._index):
                yield self._hit(source, found.phrase, found.first, found.last)
        if self._has_spaceless and not text.isascii():
            yield from self._without_spaces(source)
        if _distorted(words, text):
            yield from self._distortedly(source, distinct, sift)
        yield from self._in_one_word(source, distinct)
        if has_signs(text):
            signed = key_words(text, SIGNED)
            if signed != words:
                yield from self._distortedly(KeyWords(reading, signed, SIGNED), set(signed), sift)

    # Exact words, also backwards and under ciphers.

    def _plainly(self, source: KeyWords, present: set[str]) -> Iterator[Hit]:
        index = self._index
        anchors = index.exact.anchors.keys()
        for found in anchors & present:
            yield from self._check(source, found, found, _Way(_kept, _forward, 1))
        backwards = {w[::-1]: w for w in present if len(w) > 1}
        for found in anchors & backwards.keys():
            if found != backwards[found] or len(source.words) > 1:
                for order in (_backward, _each_backward):
                    yield from self._check(source, backwards[found], found, _Way(_flipped, order, CIPHERED))
        mirrored = {w.translate(ATBASH): w for w in present}
        for found in anchors & mirrored.keys():
            yield from self._check(source, mirrored[found], found, _Way(_mirrored, _forward, CIPHERED))
        if index.few:
            yield from self._shifted(source, present)
        else:
            turned = {w.translate(ROTATIONS[13]): w for w in present}
            for found in anchors & turned.keys():
                yield from self._check(source, turned[found], found, _Way(_rot13, _forward, CIPHERED))

    def _check(self, source: KeyWords, word: str, anchor: str, way: _Way) -> Iterator[Hit]:
        """Compare the words around each occurrence of an anchor with whole phrases."""
        known = self._index.exact.keys
        for at in _occurrences(source.words, word):
            for place in self._index.exact.anchors[anchor]:
                first, read = way.order(source.words, at, place)
                for number in known.get(" ".join(map(way.change, read)), ()) if read else ():
                    phrase = self._index.phrases[number]
                    if phrase.letters >= way.least:
                        yield self._hit(source, phrase, first, first + place.words - 1)

    def _shifted(self, source: KeyWords, present: set[str]) -> Iterator[Hit]:
        index = self._index
        turned = {normal_shift(w, w[0]): w for w in present}
        common = index.shifts.anchors.keys() & turned.keys()
        if not common:
            return
        for word in present:
            normal = normal_shift(word, word[0])
            if normal not in common:
                continue
            for at in _occurrences(source.words, word):
                for place in index.shifts.anchors[normal]:
                    first, read = _forward(source.words, at, place)
                    if read is None:
                        continue
                    for number in index.shifts.keys.get(normal_shift(" ".join(read), word[0]), ()):
                        phrase = index.phrases[number]
                        by = (ord(word[0]) - ord(phrase.words[place.before][0])) % 26 if word[0].isascii() else 0
                        if by and phrase.letters >= (CIPHERED if by == 13 else SHIFTED):
                            yield self._hit(source, phrase, first, first + place.words - 1)

    def _hit(self, source: KeyWords, phrase: Phrase, first: int, last: int) -> Hit:
        start, end = source.places().words(first, last)
        view = source.reading.view
        return Hit(phrase, view.original(start, end), view.name)

    # Leet, repeated letters.

    def _distortedly(self, source: KeyWords, distinct: set[str], sift: WordSift) -> Iterator[Hit]:
        if sift.bones(distinct):
            yield from self._by_bones(source)
        if not source.reading.depth:
            yield from self._rotated_odd(source, sift.odd(distinct), sift)

    def _by_bones(self, source: KeyWords) -> Iterator[Hit]:
        bones = skeleton(" ".join(source.words)).split(" ")
        lookup = self._index.skeletons
        present = set(bones)
        for found in lookup.anchors.keys() & present:
            yield from self._check_bones(source, bones, found, lookup.anchors[found], _forward)
        for found in lookup.anchors.keys() & {b[::-1] for b in present}:
            for order in (_backward, _each_backward):
                yield from self._check_bones(source, bones, found, lookup.anchors[found], order)

    def _check_bones(
        self, source: KeyWords, bones: list[str], found: str, places: tuple[Place, ...], order: Order
    ) -> Iterator[Hit]:
        flip = order is not _forward
        for at in _occurrences(bones, found[::-1] if flip else found):
            for place in places:
                first, read = order(bones, at, place)
                if read is None:
                    continue
                key = " ".join(b[::-1] for b in read) if flip else " ".join(read)
                for number in self._index.skeletons.keys.get(key, ()):
                    phrase = self._index.phrases[number]
                    _, spelt = order(source.words, at, place)
                    spelled = " ".join(w[::-1] for w in spelt or ()) if flip else " ".join(spelt or ())
                    last = first + place.words - 1
                    if self._same_bones(source, phrase, spelled, (first, last)):
                        yield self._hit(source, phrase, first, last)

    def _same_bones(self, source: KeyWords, phrase: Phrase, spelled: str, ends: tuple[int, int]) -> bool:
        if source.table is KEY and not any(d in spelled for d in _DIGITS):
            start, end = source.places().words(*ends)
            raw = source.reading.view.text[start:end]
            if "I" not in raw and not has_triple(spelled) and raw.isascii():
                return False
        return same_word(spelled, phrase.key)

    def _rotated_odd(self, source: KeyWords, odd: set[str], sift: WordSift) -> Iterator[Hit]:
        """Words of letters and digits under each shift: leet first, cipher on top."""
        places = (i for i, w in enumerate(source.words) if w in odd) if odd else ()
        lookup = self._index.skeletons
        for at in islice(places, _ODD_WORDS):
            if not sift.rotated(source.words[at]):
                continue
            for table in (*ROTATIONS[1:], ATBASH):
                found = skeleton(source.words[at].translate(table))
                for place in lookup.anchors.get(found, ()):
                    first, read = _forward(source.words, at, place)
                    if read is None:
                        continue
                    spelled = " ".join(read).translate(table)
                    for number in lookup.keys.get(skeleton(spelled), ()):
                        phrase = self._index.phrases[number]
                        if phrase.letters >= SHIFTED and same_word(spelled, phrase.key):
                            yield self._hit(source, phrase, first, first + place.words - 1)

    # Scripts without spaces.

    def _without_spaces(self, source: KeyWords) -> Iterator[Hit]:
        text = " ".join(source.words)
        known = self._index.spaceless
        firsts = known.firsts.intersection(text)
        for at in [i for i, c in enumerate(text) if c in firsts] if firsts else ():
            for anchor in (text[at : at + 2], text[at]):
                for before, length in known.anchors.get(anchor, ()):
                    start = at - before
                    key = text[start : start + length] if start >= 0 else ""
                    if key in known.keys and _bounded(text, start, start + length):
                        for number in known.keys[key]:
                            yield self._spaceless_hit(source, text, (start, start + length), number)

    def _spaceless_hit(self, source: KeyWords, text: str, ends: tuple[int, int], number: int) -> Hit:
        first, last = text.count(" ", 0, ends[0]), text.count(" ", 0, ends[1])
        skip = ends[0] - (text.rfind(" ", 0, ends[0]) + 1)
        keep = ends[1] - (text.rfind(" ", 0, ends[1]) + 1)
        start, end = source.places().letters(first, skip, last, keep)
        view = source.reading.view
        return Hit(self._index.phrases[number], view.original(start, end), view.name)

    # Words and letters put together.

    def _in_one_word(self, source: KeyWords, distinct: set[str]) -> Iterator[Hit]:
        """A whole phrase in one word: hyphens were taken out of it, its capitals show it, or it is long."""
        for found in self._index.compact.keys() & distinct:
            for at in _occurrences(source.words, found):
                for number in self._index.compact[found]:
                    phrase = self._index.phrases[number]
                    hit = self._hit(source, phrase, at, at)
                    start, end = source.places().words(at, at)
                    stretched = source.reading.restored and hit.span.end - hit.span.start > len(found)
                    if stretched or is_joined(phrase, source.reading.view.text[start:end]):
                        yield hit


def same_word(spelled: str, key: str) -> bool:
    """Are two keys one phrase, given that their skeletons are equal? Digits alone are no word."""
    if spelled == key:
        return True
    letters = sum(c.isalpha() for c in spelled)
    wanted = sum(c.isalpha() for c in key)
    if not letters or (wanted <= SHORT and 2 * letters < wanted):
        return False
    leet, bones = spelled.translate(LEET), key.translate(LEET)
    return leet == bones or (has_triple(leet) and collapsed(leet) == collapsed(bones))


def _distorted(words: list[str], text: str) -> bool:
    """Can there be leet or repeats at all?"""
    if not text.isascii():
        return True
    line = " ".join(words)
    if _DIGIT.search(line) or has_triple(line):
        return True
    return "I" in text and any("I" in w[1:] and not w.isupper() for w in text.split() if "I" in w)


def has_signs(text: str) -> bool:
    """Is there a sign that may be a letter, touching one?"""
    for sign in _ASCII_SIGNS if text.isascii() else _SIGNS:
        at = text.find(sign)
        while at >= 0:
            before, after = text[at - 1 : at], text[at + 1 : at + 2]
            if before.isalnum() and after.isalnum():
                return True
            if sign not in "!|+#" or (sign in "+|" and before.isalnum()) or (sign != "|" and after.isalpha()):
                return True
            at = text.find(sign, at + 1)
    return False


def _kept(word: str) -> str:
    return word


def _flipped(word: str) -> str:
    return word[::-1]


def _mirrored(word: str) -> str:
    return word.translate(ATBASH)


def _rot13(word: str) -> str:
    return word.translate(ROTATIONS[13])


def _occurrences(words: list[str], word: str) -> Iterator[int]:
    at = -1
    for _ in range(words.count(word)):
        at = words.index(word, at + 1)
        yield at


def _forward(words: list[str], at: int, place: Place) -> tuple[int, list[str] | None]:
    first = at - place.before
    read = words[first : first + place.words] if first >= 0 else []
    return first, read if len(read) == place.words else None


def _backward(words: list[str], at: int, place: Place) -> tuple[int, list[str] | None]:
    first = at - (place.words - 1 - place.before)
    read = words[first : first + place.words] if first >= 0 else []
    return first, read[::-1] if len(read) == place.words else None


def _each_backward(words: list[str], at: int, place: Place) -> tuple[int, list[str] | None]:
    return _forward(words, at, place)


def _bounded(text: str, start: int, end: int) -> bool:
    """Boundaries are asked for at ends written in a script with spaces."""
    left = is_spaceless(text[start]) or start == 0 or text[start - 1] in {" ", BREAK}
    return left and (is_spaceless(text[end - 1]) or end == len(text) or text[end] in {" ", BREAK})
