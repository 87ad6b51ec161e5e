"""`python -m guardproxy.testing.split_law`: random answers, cut at random, must leave as if they had come in one piece.

Two answers run side by side as two choices of one moderator; windows are answered late and in any order. Counted
against one feed of the whole text, and against a plain look at the text: characters leaked, answers in which text
was lost, answers with another result. Exit 1 unless all are zero. One split is one cutting of one answer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from time import perf_counter

from guardproxy.core.commands import CONTENT, Channel, Command, Halt, Inspect, Release, Window
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Finding, Span
from guardproxy.core.holdback import Scan, Scanner
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule, Streaming

REFUSED = (("no_zorp", "zorp blick"), ("no_aba", "ababac"))
REPLACED = (("hide_1", "quux"), ("hide_2", "uxen fim"), ("hide_3", "rarara"))
LOGGED = (("note_blick", "blick"),)
WINDOW_REFUSED = "drelm vok"
WINDOW_REPLACED = "sniv tarn"
WORDS = ("ab", "a", "rar", "zor", "zorp", "bli", "qu", "ux", "fim", "drelm", "sniv", "ta", "stone.", "Leaf!", "moss\n")
PLANTED = (*(p for _, p in REFUSED), *(p for _, p in REPLACED), "quuxen fim", WINDOW_REFUSED, WINDOW_REPLACED)
_CUTTINGS = 20  # of each pair of answers
_STREAMING = Streaming(first=24, characters=40, overlap=12)


class PhraseScanner:
    """Finds literal phrases, every occurrence. Holds from the first place where a phrase may have begun."""

    def __init__(self, phrases: Sequence[tuple[str, str]]) -> None:
        self._phrases = phrases
        self._beginnings = {p[:n] for _, p in phrases for n in range(1, len(p))}
        self._longest = max(len(p) for _, p in phrases)
        self._tail = ""
        self._at = 0

    def feed(self, text: str) -> Scan:
        """The next piece of the channel."""
        self._tail += text
        found = []
        safe = self._first_beginning()
        for rule, phrase in self._phrases:
            at = self._tail.find(phrase)
            while at >= 0:
                if at + len(phrase) > len(self._tail) - len(text):  # else it was reported by an earlier feed
                    found.append((at, rule, phrase))
                at = self._tail.find(phrase, at + 1)
        findings = tuple(_finding(self._at + at, rule, phrase) for at, rule, phrase in found)
        self._tail, self._at = self._tail[safe:], self._at + safe
        return Scan(findings, self._at)

    def flush(self) -> Scan:
        """The channel has ended; what was only begun is nothing."""
        return Scan((), self._at + len(self._tail))

    def _first_beginning(self) -> int:
        size = len(self._tail)
        for at in range(max(0, size - self._longest + 1), size):
            if self._tail[at:] in self._beginnings:
                return at
        return size


def _finding(start: int, rule: str, phrase: str) -> Finding:
    segment = Segment(phrase, Stage.OUTPUT, Scope.MODEL, at=start)
    return Finding("words", "custom", 1.0, segment, Span(start, start + len(phrase)), rule)


def classified(window: Window) -> list[Finding]:
    """A made-up classifier: one phrase without a place, one with."""
    segment = window.segment()
    found = []
    if WINDOW_REFUSED in segment.text:
        found.append(Finding("fake.refusing", "custom", 0.9, segment))
    at = segment.text.find(WINDOW_REPLACED)
    while at >= 0:
        found.append(Finding("fake.replacing", "custom", 0.9, segment, Span(at, at + len(WINDOW_REPLACED))))
        at = segment.text.find(WINDOW_REPLACED, at + 1)
    return found


def _rule(name: str, kind: Kind, target: str, action: Action, *, shadow: bool = False) -> Rule:
    ladder = Ladder((LadderStep(action, 0.5),))
    mode = Mode.SHADOW if shadow else Mode.ENFORCE
    return Rule(name, kind, target, ladder, mode=mode, replace_with=f"<{name}>" if action is Action.REDACT else None)


def plan_of(*, classifies: bool) -> Plan:
    """The rules of this test; with `classifies` also those that listen to windows."""
    rules = [_rule(name, Kind.WORDS, "", Action.REFUSE) for name, _ in REFUSED]
    rules += [_rule(name, Kind.WORDS, "", Action.REDACT) for name, _ in REPLACED]
    rules += [_rule(name, Kind.WORDS, "", Action.REFUSE, shadow=True) for name, _ in LOGGED]
    if classifies:
        rules.append(_rule("w_refuse", Kind.DETECTOR, "fake.refusing", Action.REFUSE))
        rules.append(_rule("w_replace", Kind.DETECTOR, "fake.replacing", Action.REDACT))
    policy = Policy(PolicyRef("split-law", 1, "0"), tuple(rules), streaming=_STREAMING)

    def scanners(_channel: Channel) -> tuple[Scanner, ...]:
        return (PhraseScanner((*REFUSED, *LOGGED)), PhraseScanner(REPLACED))

    return Plan(policy, Context(), scanners, classifies, lambda _failure: True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one answer."""

    text: str
    end: int
    halted: bool
    decision: Decision
    settled: bool

    def same_as(self, other: Outcome) -> bool:
        """The same text has left, and the same decision was made for the same reasons."""
        return (self.text, self.end, self.halted, _reasons(self.decision)) == (
            other.text,
            other.end,
            other.halted,
            _reasons(other.decision),
        )


def _reasons(decision: Decision) -> object:
    places = [
        (v.rule.id, v.action, sorted({(f.segment.at, f.span or Span(0, 0)) for f in v.findings}))
        for v in decision.verdicts
    ]
    return decision.action, decision.would_have, decision.rule_name, places


def played(plan: Plan, texts: Sequence[str], chance: Random | None) -> list[Outcome]:
    """Runs the texts as choices of one answer; without `chance` in one piece each, answered at once."""
    moderator, done, waiting = Moderator(plan), list[Command](), list[Window]()

    def take(commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Inspect):
                waiting.append(command.window)
            else:
                done.append(command)
        while waiting and (chance is None or chance.random() < 0.6):
            window = waiting.pop(0 if chance is None else chance.randrange(len(waiting)))
            take(moderator.answer(window.id, classified(window)))

    left = [_pieces(text, chance) for text in texts]
    while any(left):
        choice = next(i for i, p in enumerate(left) if p) if chance is None else chance.randrange(len(left))
        if left[choice]:
            take(moderator.feed(choice, CONTENT, left[choice].pop()))
            if not left[choice]:
                take(moderator.flush(choice))
    chance = None  # the last answers come now
    take([])
    return [_outcome(moderator, choice, done) for choice in range(len(texts))]


def _outcome(moderator: Moderator, choice: int, done: Sequence[Command]) -> Outcome:
    own = [c for c in done if isinstance(c, Release | Halt) and c.choice == choice]
    released = [c for c in own if isinstance(c, Release)]
    in_order = all(a.end == b.start for a, b in pairwise(released))
    halted = bool(own) and isinstance(own[-1], Halt)
    clean = in_order and sum(isinstance(c, Halt) for c in own) == halted
    text = "".join(r.text for r in released)
    end = released[-1].end if released else 0
    return Outcome(text, end, halted, moderator.decision(choice), clean and moderator.settled(choice))


def _pieces(text: str, chance: Random | None) -> list[str]:
    """The text in pieces, last first."""
    if chance is None:
        return [text]
    if chance.random() < 0.05:
        return list(reversed(text))
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice((1, 2, 2, 3, 5, 8))))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)][::-1]


def written(chance: Random) -> str:
    """An answer of made-up words; most hold a phrase, some several."""
    words = [chance.choice(WORDS) for _ in range(chance.randint(4, 34))]
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        words.insert(chance.randrange(len(words) + 1), chance.choice(PLANTED))
    return chance.choice((" ", " ", "")).join(words)


@dataclass(frozen=True, slots=True)
class Expected:
    """By a plain look at the text: where the first refused phrase begins, the text with the others replaced.

    `hidden` are the phrases that must not be read in what left.
    """

    refused: int | None
    replaced: str
    hidden: tuple[str, ...]
    planted: bool


def expected(text: str, *, classifies: bool) -> Expected:
    """What the law says of one text, found without scanners, windows or rules."""
    refused = [p for _, p in REFUSED] + ([WINDOW_REFUSED] if classifies else [])
    starts = [text.find(p) for p in refused if p in text]
    names = [*REPLACED, *([("w_replace", WINDOW_REPLACED)] if classifies else [])]
    spans = sorted(
        (at, at + len(p), order)
        for order, (_, p) in enumerate(names)
        for at in range(len(text))
        if text.startswith(p, at)
    )
    out, at = [], 0
    while spans:
        start, end, order = spans.pop(0)
        while spans and spans[0][0] < end:
            _, more, other = spans.pop(0)
            end, order = max(end, more), min(order, other)
        out += [text[at:start], f"<{names[order][0]}>"]
        at = end
    replaced = "".join([*out, text[at:]])
    first = min(starts, default=None)
    return Expected(first, replaced, tuple(p for _, p in names), first is not None or replaced != text)


@dataclass(slots=True)
class Counts:
    """The figures of a run."""

    splits: int = 0
    planted: int = 0
    leaked: int = 0
    lost: int = 0
    differing: int = 0

    def add(self, other: Counts) -> None:
        """Sums up."""
        self.splits += other.splits
        self.planted += other.planted
        self.leaked += other.leaked
        self.lost += other.lost
        self.differing += other.differing

    def check(self, outcome: Outcome, whole: Outcome, law: Expected) -> None:
        """One cutting of one answer."""
        self.splits += 1
        self.planted += law.planted
        if law.refused is not None:
            self.leaked += max(0, outcome.end - law.refused) + (not outcome.halted)
        else:
            self.lost += outcome.text != law.replaced or outcome.halted
        self.leaked += sum(phrase in outcome.text for phrase in law.hidden)
        self.lost += not outcome.settled
        self.differing += not outcome.same_as(whole)


def run(splits: int, seed: int) -> Counts:
    """At least this many splits in this process."""
    chance, counts = Random(seed), Counts()  # noqa: S311 - seeded on purpose, so that a run can be repeated
    plans = {classifies: plan_of(classifies=classifies) for classifies in (False, True)}
    while counts.splits < splits:
        classifies = chance.random() < 0.5
        plan = plans[classifies]
        texts = [written(chance), written(chance)]
        whole = played(plan, texts, None)
        laws = [expected(text, classifies=classifies) for text in texts]
        for _ in range(_CUTTINGS):
            for outcome, one, law in zip(played(plan, texts, chance), whole, laws, strict=True):
                counts.check(outcome, one, law)
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; 1 unless nothing leaked, nothing was lost and nothing differed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args(arguments)
    started, counts = perf_counter(), Counts()
    share = -(-asked.splits // asked.jobs)
    with ProcessPoolExecutor(asked.jobs) as pool:
        seeds = [asked.seed * 1000 + job for job in range(asked.jobs)]
        for part in pool.map(run, [share] * asked.jobs, seeds):
            counts.add(part)
    sys.stdout.write(
        f"seed {asked.seed}: {counts.splits} splits ({counts.planted} with something planted) in "
        f"{perf_counter() - started:.1f} s; leaked {counts.leaked}, lost {counts.lost}, differing {counts.differing}\n"
    )
    return 1 if counts.leaked or counts.lost or counts.differing else 0


if __name__ == "__main__":
    sys.exit(main())
