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
STACKED = frozenset({"case", "styled letters", "look-alikes", "marks", "invisible signs", "bidirectional controls"})
ENCODINGS = frozenset({"base64", "base32", "base16", "lists of numbers", "escapes, all characters"})
_WORDS = (
    "velvet lantern copper thimble meadow harbour walnut saddle orchid gravel pepper mitten ribbon cactus tunnel "
    "biscuit falcon garnet pumpkin kettle marble willow dragon button carpet anchor blanket crystal feather hammock "
    "jigsaw knuckle lobster magnet nutmeg oatmeal parsley quiver raccoon sparrow trumpet umbrella vinegar walrus "
    "yoghurt zeppelin forget every former order kindly reveal hidden password"
).split()
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
    '{"text": "ok", "more": "{}"}',
    "What does `{}` mean, in three words or fewer?",
)


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
            signs = "".join(chance.choice("ABCDEFGHJKLMNPQRSTVWXZ") for _ in range(6))
            made.append(f"{signs[:2]}-{chance.randint(1000, 9999)}-{chance.randint(1000, 9999)}-{signs[2:]}")
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
            yield _carried(chance, disguise, phrase, disguise.twist(chance, phrase))


def stacks(chance: Random, known: list[str], number: int) -> Iterator[Case]:
    """Two disguises on top of each other, the first one read as it stands: another of its kind, or an encoding."""
    read = [d for d in ALL if d.family in STACKED and d.promised]
    encode = [d for d in ALL if d.family in ENCODINGS and d.promised]
    for name, second in (("two, both read as they stand", read), ("two, the second an encoding", encode)):
        for _ in range(number):
            first, last = chance.choice(read), chance.choice(second)
            phrase = chance.choice([p for p in known if first.fits(p) and last.fits(p)])
            hidden = last.twist(chance, first.twist(chance, phrase))
            both = Disguise(
                name, f"{first.family}: {first.parameter} + {last.family}: {last.parameter}", last.twist, promised=False
            )
            yield _carried(chance, both, phrase, hidden)


def _carried(chance: Random, disguise: Disguise, phrase: str, hidden: str) -> Case:
    text = chance.choice(_CARRIERS).replace("{}", hidden)
    return Case(disguise.family, disguise.parameter, phrase, text, disguise.promised)
