"""What every disguise is made of: a way to write a phrase otherwise, named by its parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Twist = Callable[[Random, str], str]
"""A source of chance and a phrase → the phrase in disguise."""


@dataclass(frozen=True, slots=True)
class Disguise:
    """One way to disguise a phrase.

    `family` groups ways of one kind, `parameter` says which one. `latin`: only for phrases of ASCII letters, signs
    and digits; `lettered`: and without digits. `promised`: must be found; else its rate is measured.
    `least_words`: words the phrase needs.
    """

    family: str
    parameter: str
    twist: Twist
    latin: bool = True
    lettered: bool = False
    least_words: int = 1
    promised: bool = True

    def fits(self, phrase: str) -> bool:
        """Can this phrase be written so?"""
        if len(phrase.split()) < self.least_words:
            return False
        return not (self.latin and not phrase.isascii()) and not (self.lettered and any(map(str.isdigit, phrase)))


def each(change: Callable[[str], str]) -> Twist:
    """Letter by letter."""
    return lambda _, phrase: "".join(map(change, phrase))


def whole(change: Callable[[str], str]) -> Twist:
    """The phrase at once, without chance."""
    return lambda _, phrase: change(phrase)


def table(plain: str, written: str) -> dict[int, str]:
    """A translation table from two strings of one length."""
    return {ord(a): b for a, b in zip(plain, written, strict=True)}
