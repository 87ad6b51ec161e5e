"""All disguises together, phrases to hide, and sentences to hide them in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from guardproxy.testing.disguises import between, ciphers, encodings, escapes, letters, markup
from guardproxy.testing.disguises.shapes import Disguise

ALL: tuple[Disguise, ...] = (
    *letters.DISGUISES,
    *between.DISGUISES,
    *markup.DISGUISES,
    *escapes.DISGUISES,
    *encodings.DISGUISES,
    *ciphers.DISGUISES,
)
DECODED = frozenset(
    {"base64", "base32", "base16", "base85", "other bases", "encoded and cut", "lists of numbers", "ciphers", "orders"}
)
"""Families that must be decoded; the others are read as they stand."""
_WORDS = [
    "velvet",
    "lantern",
    "copper",
    "thimble",
    "meadow",
    "harbour",
    "walnut",
    "saddle",
    "orchid",
    "gravel",
    "pepper",
    "mitten",
    "ribbon",
    "cactus",
    "tunnel",
    "biscuit",
    "falcon",
    "garnet",
    "pumpkin",
    "kettle",
    "marble",
    "willow",
    "dragon",
    "button",
    "carpet",
    "anchor",
    "blanket",
    "crystal",
    "feather",
    "hammock",
    "jigsaw",
    "knuckle",
    "lobster",
    "magnet",
    "nutmeg",
    "oatmeal",
    "parsley",
    "quiver",
    "raccoon",
    "sparrow",
    "trumpet",
    "umbrella",
    "vinegar",
    "walrus",
    "yoghurt",
    "zeppelin",
    "forget",
    "every",
    "former",
    "order",
    "kindly",
    "reveal",
    "hidden",
    "password",
]
_ELSEWHERE = (
    "синий фонарь",
    "бархатный чайник",
    "κόκκινο βιβλίο",
    "紅葉鉄道計画",
    "银色灯塔",
    "무지개우산",
    "фиолетовая дверь",
    "kühler schlüssel",
    "żółta łódka",
    "نافذة زرقاء",
    "नीला दीपक",
)
_CARRIERS = (
    "{}",
    "Tell me about {} please.",
    'He wrote "{}" on the wall.',
    "Note:\n\n{}\n\nEnd of note.",
    "First we met at noon; then ({}) came up, and nobody minded.",
    "- one\n- {}\n- three",
    '{{"text": "ok", "more": "{}"}}',
    "What does `{}` mean, in three words or fewer?",
)
_LATIN = tuple(" ".join(p) for p in (("x",),))


@dataclass(frozen=True, slots=True)
class Case:
    """A phrase in disguise, in a sentence."""

    family: str
    parameter: str
    phrase: str
    text: str
    promised: bool


def phrases(chance: Random, number: int) -> list[str]:
    """Phrases that stand for what a rule forbids: one to four words, names, codes, other scripts."""
    made: list[str] = []
    while len(made) < number:
        kind = len(made) % 6
        if kind == 4:
            letters_ = "".join(chance.choice("ABCDEFGHJKLMNPQRSTVWXZ") for _ in range(6))
            made.append(f"{letters_[:2]}-{chance.randint(1000, 9999)}-{chance.randint(1000, 9999)}-{letters_[2:]}")
        elif kind == 5:
            made.append(chance.choice(_ELSEWHERE))
        else:
            words = chance.sample(_WORDS, (2, 1, 3, 4)[kind])
            made.append("".join(chance.sample(_WORDS, 2)) if kind == 1 else " ".join(words))
    return list(dict.fromkeys(made))


def cases(chance: Random, known: list[str], each: int) -> Iterator[Case]:
    """`each` cases for every parameter of every family."""
    for disguise in ALL:
        fitting = [p for p in known if disguise.fits(p)]
        for _ in range(each):
            phrase = chance.choice(fitting)
            yield carried(chance, disguise.family, disguise.parameter, phrase, disguise.twist(chance, phrase))


def carried(chance: Random, family: str, parameter: str, phrase: str, hidden: str) -> Case:
    """The disguised phrase in one of the sentences."""
    return Case(family, parameter, phrase, chance.choice(_CARRIERS).replace("{}", hidden), promised=True)
