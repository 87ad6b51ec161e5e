"""Games with whole words: pig latin, and phrases written as one word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from guardproxy.detectors.words import Phrase, PhraseIndex

LETTERS = 4
"""Letters a phrase needs to be looked for in pig latin."""
_VOWELS = "aeiouy"
_ENDS = ("way", "yay", "hay")
_MOST_MOVED = 4
_MOST_KEYS = 500
_SURE_WORDS, _SURE_LETTERS = 3, 12  # "therapist" is one word; nobody writes three as one by chance


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phrase, and the first and last of the words that spell it."""

    phrase: Phrase
    first: int
    last: int


def straightened(word: str) -> list[str]:
    """The words that `word` may be the pig latin of; none for a word that does not end so."""
    if len(word) < 4 or not word.endswith("ay"):
        return []
    body = word[:-2]
    found = []
    for moved in range(1, min(_MOST_MOVED, len(body) - 1) + 1):
        tail = body[-moved:]
        if any(c in "aeio" for c in tail) or ("u" in tail and tail not in {"u", "qu", "squ"}):
            break
        if tail == "u":
            continue
        if body[0] in _VOWELS:
            found.append(tail + body[:-moved])
    if word.endswith(_ENDS) and body[0] in _VOWELS:
        found.append(body[:-1])
    return [*found, body] if body[0] in "aeiou" else found


def pig_keys(words: Sequence[str]) -> Iterator[str]:
    """What a row of words may say in pig latin: keys of phrases. Words of digits stay as they are."""
    rows = [[w] if w.isdigit() else straightened(w) for w in words]
    if all(rows) and not all(map(str.isdigit, words)):
        yield from map(" ".join, islice(product(*rows), _MOST_KEYS))


def pig_latin(words: list[str], index: PhraseIndex) -> Iterator[Stretch]:
    """Phrases said in pig latin."""
    for word in {w for w in words if w.endswith("ay")}:
        for anchor in straightened(word):
            for place in index.exact.anchors.get(anchor, ()):
                for at in (i for i, w in enumerate(words) if w == word):
                    first = at - place.before
                    read = words[first : first + place.words] if first >= 0 else []
                    for key in pig_keys(read) if len(read) == place.words else ():
                        for number in index.exact.keys.get(key, ()):
                            if index.phrases[number].letters >= LETTERS:
                                yield Stretch(index.phrases[number], first, first + place.words - 1)


def is_joined(phrase: Phrase, raw: str) -> bool:
    """Is the one word `raw` the phrase, by its capitals (`BlueFinch`) or its length?"""
    if len(phrase.words) >= _SURE_WORDS and phrase.letters >= _SURE_LETTERS:
        return True
    at = 0
    borders = []
    for word in phrase.words[:-1]:
        at += len(word)
        borders.append(at)
    return (
        len(raw) == phrase.letters
        and not raw.isupper()
        and all(raw[b].isupper() and raw[b - 1].islower() for b in borders)
    )
