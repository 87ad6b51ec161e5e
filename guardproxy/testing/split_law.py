"""`python -m guardproxy.testing.split_law`: random answers, cut at random, must leave as if they had come in one piece.

Choices run side by side, each with one channel or with several that speak one after the other; windows are answered
late and in any order. Every cutting is held against one feed of the whole text, and against a plain look at the text
that knows no scanners, windows or rules. In *loose* plays channels take turns and time passes, which may find more:
there only leaks and losses count. One split is one cutting of one text. Exit 1 unless nothing leaked, nothing was
lost, nothing differed and never more was held than may be.

`--real` plays the phrases and patterns of real rules, disguised, through `detectors.textrules`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random
from time import perf_counter

from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind, Window
from guardproxy.core.findings import Failure, Finding
from guardproxy.testing import real_rules, stand_ins
from guardproxy.testing.plain_look import Expected, expected
from guardproxy.testing.split_play import Outcome, Said, played
from guardproxy.testing.stand_ins import STREAMING, classified, plan_of

TOOL = Channel(ChannelKind.TOOL, "0", whole=True)
MOST_HELD = STREAMING.characters + max(stand_ins.LONGEST_VALUE, *(len(n.phrase) for n in stand_ins.REFUSED))
CUTTINGS = 16

_WORDS = (
    "ab", "a", "rar", "zor", "zorp", "bli", "qu", "ux", "fim", "drelm", "sniv", "ta", "stone.", "Leaf!", "moss\n",
    "kx-1", "to", "tok", "k", "tok=",
)  # fmt: skip
_PLANTED = (
    *(n.phrase for n in (*stand_ins.REFUSED, *stand_ins.REPLACED, *stand_ins.REPLACED)), "quuxen fim", "kx-47-11",
    "tok=" + "v" * 40, "tok=ab", stand_ins.WINDOW_REFUSED, stand_ins.WINDOW_REPLACED,
)  # fmt: skip


@dataclass(slots=True)
class Counts:
    """The figures of a run. `leaked` and `lost` are characters, `differing` decisions."""

    splits: int = 0
    documents: int = 0
    planted: int = 0
    leaked: int = 0
    lost: int = 0
    differing: int = 0
    held: int = 0

    def add(self, other: Counts) -> None:
        """Sums up."""
        self.splits += other.splits
        self.documents += other.documents
        self.planted += other.planted
        self.leaked += other.leaked
        self.lost += other.lost
        self.differing += other.differing
        self.held = max(self.held, other.held)

    @property
    def clean(self) -> bool:
        """Nothing leaked, was lost or differed."""
        return not (self.leaked or self.lost or self.differing)


def written(chance: Random) -> str:
    """A text of made-up words; most hold a phrase, some several."""
    words = [chance.choice(_WORDS) for _ in range(chance.randint(3, 30))]
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        words.insert(chance.randrange(len(words) + 1), chance.choice(_PLANTED))
    return chance.choice((" ", " ", "")).join(words)


def conversation(chance: Random) -> list[Said]:
    """The texts of one play. A text that breaks the classifier ends all choices, so it comes alone."""
    if chance.random() < 0.05:
        words = [*written(chance).split(" "), stand_ins.BREAKS, *written(chance).split(" ")]
        return [Said(0, CONTENT, " ".join(words))]
    said = []
    for choice in range(chance.choice((1, 2, 2, 3))):
        if chance.random() < 0.3:
            said.append(Said(choice, REASONING, written(chance)))
        said.append(Said(choice, CONTENT, written(chance)))
        if chance.random() < 0.1:
            leaves = {"to": written(chance), "about": [written(chance), 7]}
            said.append(Said(choice, TOOL, json.dumps(leaves)))
    return said


@dataclass(frozen=True, slots=True)
class Law:
    """What must become of each text of a play."""

    said: Sequence[Said]
    whole: Sequence[Outcome]
    laws: Sequence[Expected | None]

    def ending(self, choice: int) -> int:
        """The first text in which the choice must end, as an index; the number of texts when it must not."""
        ends = (i for i, s in enumerate(self.said) if s.choice == choice and self._ends(i))
        return next(ends, len(self.said))

    def _ends(self, index: int) -> bool:
        law = self.laws[index]
        return law.ends if law else self.whole[index].halted and not self.whole[index].end

    def check(self, outcomes: Sequence[Outcome], counts: Counts, *, loose: bool) -> None:
        """One cutting of all texts."""
        for index, (said, outcome) in enumerate(zip(self.said, outcomes, strict=True)):
            law, ending = self.laws[index], self.ending(said.choice)
            counts.splits += 1
            counts.leaked += outcome.exposed
            counts.lost += not outcome.sound
            if law is not None:
                counts.planted += law.planted
                counts.held = max(counts.held, outcome.held)
                counts.leaked += leaked(outcome, law, law.scanned if loose else law.refused)
                counts.leaked += ending < len(self.said) and not (outcome.halted or outcome.faulted)
                if not loose and index <= ending:
                    counts.lost += lost(outcome, law, to_the_end=ending in (index, len(self.said)))
            if not loose:
                same = outcome.same_end(self.whole[index])
                counts.differing += not (same and (index > ending or outcome.same_text(self.whole[index])))


def leaked(outcome: Outcome, law: Expected, refused: int | None) -> int:
    """Characters at or behind the first refused phrase, and of phrases that were to be replaced.

    In loose plays a window's phrase may be cut by a turn; then what a flagged window showed first is what counts.
    """
    behind = max(0, outcome.end - refused) if refused is not None else 0
    return behind + sum(len(phrase) for phrase in law.hidden if phrase in outcome.text)


def lost(outcome: Outcome, law: Expected, *, to_the_end: bool) -> int:
    """Characters that should have left and did not, or left otherwise. A channel that spoke before the one that ends
    the choice need not have left `to_the_end`: what its scanners held stays.
    """
    if law.until is not None and to_the_end:
        return 0 if outcome.text == law.kept else max(1, abs(len(law.kept) - len(outcome.text)))
    return not law.replaced.startswith(outcome.text)


def run(splits: int, seed: int) -> Counts:
    """At least this many splits in this process."""
    chance, counts = Random(seed), Counts()  # noqa: S311 - seeded on purpose, so that a run can be repeated
    plans = {classifies: plan_of(classifies=classifies) for classifies in (False, True)}
    while counts.splits < splits:
        classifies = chance.random() < 0.5
        plan, said = plans[classifies], conversation(chance)
        laws = [None if s.channel.whole else expected(s.text, classifies=classifies) for s in said]
        law = Law(said, played(plan, said, classified), laws)
        counts.documents += len(said)
        for _ in range(CUTTINGS):
            loose = chance.random() < 0.1
            law.check(played(plan, said, classified, chance, loose=loose), counts, loose=loose)
    return counts


def run_real(splits: int, seed: int) -> Counts:
    """The same over real scanners: against one feed of the whole text, and against the look at inputs."""
    chance, counts = Random(seed), Counts()  # noqa: S311 - as above
    plan, rules = real_rules.plan(), real_rules.text_rules()
    while counts.splits < splits:
        said = [Said(0, CONTENT, real_rules.written(chance))]
        whole = played(plan, said, _blind)
        refused = real_rules.first_match(rules, said[0].text)
        counts.documents += 1
        for _ in range(CUTTINGS):
            outcome = played(plan, said, _blind, chance)[0]
            counts.splits += 1
            counts.planted += refused is not None
            counts.held = max(counts.held, outcome.held)
            counts.leaked += max(0, outcome.end - refused) if refused is not None else 0
            counts.lost += not outcome.sound
            counts.lost += len(said[0].text) - len(outcome.text) if not outcome.halted else 0
            counts.differing += not (outcome.same_end(whole[0]) and outcome.same_text(whole[0]))
    return counts


def _blind(_window: Window) -> tuple[list[Finding], list[Failure]]:
    return [], []


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; 1 unless all are as they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--real", action="store_true")
    asked = parser.parse_args(arguments)
    started, counts = perf_counter(), Counts()
    share = -(-asked.splits // asked.jobs)
    with ProcessPoolExecutor(asked.jobs) as pool:
        seeds = [asked.seed * 1000 + job for job in range(asked.jobs)]
        for part in pool.map(run_real if asked.real else run, [share] * asked.jobs, seeds):
            counts.add(part)
    most = real_rules.LONGEST_MATCH if asked.real else MOST_HELD
    sys.stdout.write(
        f"seed {asked.seed}: {counts.splits} splits of {counts.documents} documents, {counts.planted} with something "
        f"planted, in {perf_counter() - started:.1f} s\nleaked characters {counts.leaked}, lost characters "
        f"{counts.lost}, differing decisions {counts.differing}, most held {counts.held} (of {most})\n"
    )
    return 0 if counts.clean and counts.held <= most else 1


if __name__ == "__main__":
    sys.exit(main())
