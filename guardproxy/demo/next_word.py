"""A real next-word predictor, small enough to read: it continues text the way its corpus went on, and nothing else.

An interpolated back-off n-gram of order 4 over `corpus.txt`. It has no idea of roles, of truth or of manners; that is
the point of showing it. *Mimicry*: words longer than three letters in the prompt (all messages, system text
included) pull on the corpus lines that share them, so it picks up a topic, and a tone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import log
from pathlib import Path
from random import Random
from types import MappingProxyType

import re2

CORPUS = Path(__file__).with_name("corpus.txt")
ORDER = 4
LONGEST_SHARE = 0.97
"""Weight of the longest context that was ever seen; the shorter ones divide the rest the same way."""
USED = 0.02
"""What is left of a line's weight once it was said: base models repeat themselves, but not for ever."""
PULL = 5.0
"""Mimicry for one shared word; overlap counts rare words more (log of lines / lines that hold the word) and cubed,
because against two hundred other lines five times one is still one in forty."""
NEWLINE = "\n"
SENTENCE_ENDS = frozenset(".!?")
_WORD = re2.compile(r"[\pL\pN_][\pL\pN_'@-]*(?:\.[\pL\pN_][\pL\pN_'@-]*)*|[.,!?;:]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the corpus; `topics` are its longer words in lower case without a final s.

    A `foreign` line is in another language than most: it comes up only when the prompt shares a word with it.
    """

    register: str
    words: tuple[str, ...]
    topics: frozenset[str]
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Dials:
    """How a text is continued. `registers` weighs the kinds of lines; from the first line end after `turn_after` words on `then` does.

    `end` is the chance that a finished line is the last one; the rest of the time the model runs on, now and then
    into the user's next turn, as base models do.
    """

    seed: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    mimicry: float = 1.0
    registers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    turn_after: int = 0
    then: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    end: float = 0.6


def words_of(text: str) -> list[str]:
    """Words and punctuation marks, in the spelling of the text."""
    return list(_WORD.findall(text.encode("utf-8", "ignore").decode("utf-8")))


def topics_of(words: list[str] | tuple[str, ...]) -> frozenset[str]:
    """The words that say what a text is about."""
    return frozenset(w.lower().rstrip("s") for w in words if len(w) > 3)


class NextWord:
    """The counts. Made once; `write` is the model at work."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        self.lines = lines
        self._after: dict[tuple[str, ...], list[tuple[str, int]]] = {}
        for at, line in enumerate(lines):
            self._read(at, (NEWLINE, *line.words, NEWLINE))
        holding: dict[str, int] = {}
        for line in lines:
            for topic in line.topics:
                holding[topic] = holding.get(topic, 0) + 1
        self._rarity = {topic: log(len(lines) / held) for topic, held in holding.items()}

    def _read(self, at: int, words: tuple[str, ...]) -> None:
        lower = tuple(w.lower() for w in words)
        for place in range(1, len(words)):
            for length in range(1, min(ORDER - 1, place) + 1):
                self._after.setdefault(lower[place - length : place], []).append((words[place], at))

    def pulls(self, topics: frozenset[str], dials: Dials, registers: Mapping[str, float]) -> list[float]:
        """The weight of each line: its register's, raised by what it shares with the prompt."""
        found = []
        for line in self.lines:
            overlap = sum(self._rarity[t] for t in line.topics & topics)
            base = 0.0 if line.foreign else 1.0
            found.append(registers.get(line.register, 0.0) * (base + PULL * dials.mimicry * overlap**3))
        return found

    def write(self, prompt: list[str], topics: frozenset[str], dials: Dials) -> Iterator[str]:
        """Words that continue `prompt`, without end; NEWLINE is a line end. Equal arguments, equal words."""
        chance = Random(dials.seed)
        weights = self.pulls(topics, dials, dials.registers)
        history = [NEWLINE, *(w.lower() for w in prompt)]
        if history[-1] in SENTENCE_ENDS:
            history.append(NEWLINE)
        written, to_come = 0, dials.then
        while True:
            word, line = self._draw(history, weights, dials, chance)
            weights[line] *= USED if word == NEWLINE else 1.0
            history.append(word.lower())
            written += 1
            if to_come and word == NEWLINE and written > dials.turn_after:
                weights, to_come = self.pulls(topics, dials, to_come), {}
            yield word

    def _draw(self, history: list[str], weights: list[float], dials: Dials, chance: Random) -> tuple[str, int]:
        mixed = self._mixed(tuple(history[1 - ORDER :]), weights)
        if not mixed:
            mixed = self._mixed((NEWLINE,), weights)
        totals: dict[str, float] = {}
        for (word, _), share in mixed.items():
            totals[word] = totals.get(word, 0.0) + share
        word = _sample(totals, dials, chance)
        line = max((at for w, at in mixed if w == word), key=lambda at: mixed[word, at])
        return word, line

    def _mixed(self, context: tuple[str, ...], weights: list[float]) -> dict[tuple[str, int], float]:
        """Shares of each (next word, line) over all contexts that were ever seen, longest first."""
        mixed: dict[tuple[str, int], float] = {}
        left = 1.0
        for start in range(len(context)):
            seen = self._after.get(context[start:], ())
            total = sum(weights[at] for _, at in seen)
            if total <= 0.0:
                continue
            share = left * LONGEST_SHARE / total
            left *= 1.0 - LONGEST_SHARE
            for word, at in seen:
                mixed[word, at] = mixed.get((word, at), 0.0) + share * weights[at]
        return mixed


def _sample(totals: dict[str, float], dials: Dials, chance: Random) -> str:
    """One word: temperature first, then the smallest set that holds `top_p`."""
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    if dials.temperature <= 0.0:
        return ranked[0][0]
    heated = [(word, share ** (1.0 / dials.temperature)) for word, share in ranked]
    whole, kept, held = sum(s for _, s in heated), [], 0.0
    for word, share in heated:
        kept.append((word, share))
        held += share
        if held >= dials.top_p * whole:
            break
    return chance.choices([w for w, _ in kept], [s for _, s in kept])[0]


def read_corpus(text: str) -> tuple[Line, ...]:
    """`[register]` or `[register language]` opens a register; `#` begins a comment; every other line is one line."""
    register, language, found = "", "", []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            register, _, language = line.strip("[]").partition(" ")
            continue
        words = tuple(words_of(line))
        found.append(Line(register, words, topics_of(words), bool(language)))
    return tuple(found)


@cache
def shipped() -> NextWord:
    """The model over the shipped corpus."""
    return NextWord(read_corpus(CORPUS.read_text(encoding="utf-8")))
