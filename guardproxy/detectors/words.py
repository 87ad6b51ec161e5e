"""Phrases of rules, any number of them at one price: words are looked up, not searched for.

A reading of a text becomes a list of key words (`canonical.fold.key_words`). Each phrase has an anchor, its
longest word; one set intersection says which anchors are there at all, whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from guardproxy.core.canonical.cipher import ATBASH, ROTATIONS
from guardproxy.core.canonical.fold import BREAK, LEET, VISIBLE, is_spaceless, key_words

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "å": "aa", "ø": "oe"})
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_NORMAL = {c: str.maketrans(_ALPHABET, _ALPHABET[-by:] + _ALPHABET[:-by]) for by, c in enumerate(_ALPHABET)}
_DOUBLED = tuple(c + c for c in _ALPHABET + "0123456789")
HEAD = 3
"""First letters of a skeleton by which phrases are found in a run of single letters."""
_MANY = 300
LISTED = 2000
"""Up to so many phrases every variant of an anchor is kept in one set: at 28 strings each, some megabytes."""
FEW = 20_000
"""Up to so many phrases each Caesar shift is looked for; above, ROT13 and Atbash only."""


def collapsed(key: str) -> str:
    """Repeated letters as one."""
    for pair in _DOUBLED:
        while pair in key:
            key = key.replace(pair, pair[0])
    letters = "" if key.isascii() else "".join(set(key))
    if len(letters) > _MANY:
        return "".join(c for c, before in zip(key, "\0" + key, strict=False) if c != before or not c.isalpha())
    for c in letters:
        while c > "\x7f" and c + c in key and c.isalpha():
            key = key.replace(c + c, c)
    return key


def skeleton(key: str) -> str:
    """Leet read as letters, repeats as one: what distorted spellings of one phrase have in common."""
    return collapsed(key.translate(LEET))


def normal_shift(key: str, first: str) -> str:
    """The key turned so that `first` becomes `a`: equal for all Caesar shifts of a phrase."""
    table = _NORMAL.get(first)
    return key.translate(table) if table else key


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of one rule; `rule` is the rule's place in the list given to the index."""

    rule: int
    words: tuple[str, ...]

    @property
    def key(self) -> str:
        """Words joined by one space."""
        return " ".join(self.words)

    @property
    def letters(self) -> int:
        """Letters and digits in it."""
        return sum(len(w) for w in self.words)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a phrase's anchor stands among its words."""

    before: int
    words: int


@dataclass(slots=True)
class Lookup:
    """One way to compare: anchor → places, whole key → phrases, beginnings and ends of phrases."""

    anchors: dict[str, tuple[Place, ...]] = field(default_factory=dict)
    keys: dict[str, tuple[int, ...]] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)
    suffixes: dict[str, int] = field(default_factory=dict)

    def add(self, words: Sequence[str], anchor: int, phrase: int) -> None:
        """Enter a phrase."""
        key = " ".join(words)
        self.keys[key] = (*self.keys.get(key, ()), phrase)
        place = Place(anchor, len(words))
        places = self.anchors.get(words[anchor], ())
        if place not in places:
            self.anchors[words[anchor]] = (*places, place)


@dataclass(slots=True)
class Spaceless:
    """Phrases that begin or end in a script without spaces: found by two characters, wherever they stand."""

    anchors: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    keys: dict[str, tuple[int, ...]] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)
    longest: int = 0
    firsts: set[str] = field(default_factory=set)
    """First characters of the anchors."""

    def add(self, key: str, phrase: int) -> None:
        """Enter a phrase; call again with the reversed key."""
        first = next(i for i, c in enumerate(key) if is_spaceless(c))
        pair = key[first : first + 2]
        anchor = pair if len(pair) == 2 and pair[1] != " " else pair[0]
        self.anchors.setdefault(anchor, set()).add((first, len(key)))
        self.firsts.add(anchor[0])
        self.keys[key] = (*self.keys.get(key, ()), phrase)
        self.longest = max(self.longest, len(key))
        for end in range(1, len(key)):
            self.prefixes.setdefault(key[:end], phrase)


class PhraseIndex:
    """All phrases of all word rules, ready for look-ups."""

    def __init__(self) -> None:
        self.phrases: list[Phrase] = []
        self.exact = Lookup()
        self.skeletons = Lookup()
        self.shifts = Lookup()
        self.spaceless = Spaceless()
        self.compact: dict[str, tuple[int, ...]] = {}
        self.bare: dict[str, tuple[int, ...]] = {}
        self.heads: dict[str, set[int]] = {}
        self.most_words = 1
        self.lengths: set[int] = set()
        self.variants: set[str] = set()
        """What each anchor is as it stands, backwards, in Atbash and under each shift; of the first `LISTED` phrases."""

    def __bool__(self) -> bool:
        return bool(self.phrases)

    def add(self, rule: int, phrase: str) -> None:
        """Enter a phrase as written in a rule, with its spelling without umlauts."""
        seen = phrase.translate(VISIBLE)
        spellings = {seen, seen.translate(_UMLAUTS)} if not seen.isascii() else {seen}
        for spelling in sorted(spellings):
            words = key_words(spelling)
            for variant in (words, [w for w in words if w != BREAK]) if BREAK in words else (words,):
                if variant and variant[0] != BREAK and variant[-1] != BREAK:
                    self._enter(rule, variant)

    def _enter(self, rule: int, words: list[str]) -> None:
        key = " ".join(words)
        known = (*self.exact.keys.get(key, ()), *self.spaceless.keys.get(key, ()))
        if any(self.phrases[n].rule == rule for n in known):
            return
        number = len(self.phrases)
        self.phrases.append(Phrase(rule, tuple(words)))
        self.most_words = max(self.most_words, len(words))
        bare = skeleton("".join(w for w in words if w != BREAK))
        self.bare[bare] = (*self.bare.get(bare, ()), number)
        self.heads.setdefault(bare[:HEAD], set()).add(len(bare))
        if is_spaceless(words[0][0]) or is_spaceless(words[-1][-1]):
            for reading in dict.fromkeys((key, key[::-1])):
                self.spaceless.add(reading, number)
            return
        self._look_ups(words, number)
        if len(words) > 1:
            compact = "".join(words)
            self.compact[compact] = (*self.compact.get(compact, ()), number)

    def _look_ups(self, words: list[str], number: int) -> None:
        anchor = max(range(len(words)), key=lambda i: (len(words[i]), words[i].isalpha()))
        self.exact.add(words, anchor, number)
        self.lengths.add(len(words[anchor]))
        bones = skeleton(" ".join(words)).split(" ")
        self.skeletons.add(bones, anchor, number)
        if number >= FEW:
            self._beginnings(words, bones, number)
            return
        turned = normal_shift(" ".join(words), words[anchor][0]).split(" ")
        self.shifts.add(turned, anchor, number)
        if number < LISTED:
            word = words[anchor]
            self.variants.update((word, word[::-1], word.translate(ATBASH)))
            self.variants.update(turned[anchor].translate(table) for table in ROTATIONS)
        self._beginnings(words, bones, number)
        for end in range(1, len(words)):
            self.shifts.prefixes.setdefault(normal_shift(" ".join(words[:end]), words[0][0]), number)

    def _beginnings(self, words: list[str], bones: list[str], number: int) -> None:
        for end in range(1, len(words)):
            self.skeletons.prefixes.setdefault(" ".join(bones[:end]), number)
            self.skeletons.suffixes.setdefault(" ".join(bones[end:]), number)

    @property
    def few(self) -> bool:
        """Is the list short enough for every Caesar shift?"""
        return len(self.phrases) <= FEW

    def heads_at(self, run: str, at: int) -> set[int]:
        """Lengths of the phrases that may begin at this place of a run of single letters."""
        return self.heads.get(run[at : at + HEAD], _NONE)


_NONE: set[int] = set()
