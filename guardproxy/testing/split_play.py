"""One run of texts through a moderator: cut, interleaved and answered as chance has it, or in one piece each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from guardproxy.core.commands import Channel, Command, Fault, Halt, Inspect, Release, Window
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.moderator import Moderator, Plan

Classifier = Callable[[Window], tuple[list[Finding], list[Failure]]]


@dataclass(frozen=True, slots=True)
class Said:
    """One text of one channel of one choice."""

    choice: int
    channel: Channel
    text: str


@dataclass(slots=True)
class Outcome:
    """What became of one text, and of its choice.

    `exposed`: characters that left although a flagged window had shown them for the first time. `held`: most
    characters held while nothing was left to answer. `sound`: releases followed one another, nothing came after the
    end, the choice was settled.
    """

    text: str = ""
    end: int = 0
    fed: int = 0
    held: int = 0
    exposed: int = 0
    sound: bool = True
    halted: bool = False
    faulted: bool = False
    decision: Decision | None = None

    def same_end(self, other: Outcome) -> bool:
        """The choice ended alike, for the same reasons."""
        if self.faulted or other.faulted:
            return self.faulted and other.faulted
        return (self.halted, _reasons(self.decision)) == (other.halted, _reasons(other.decision))

    def same_text(self, other: Outcome) -> bool:
        """The same text has left."""
        return (self.text, self.end) == (other.text, other.end)


def _reasons(decision: Decision | None) -> object:
    if decision is None:
        return None
    verdicts = [
        (v.rule.id, v.action, v.enforced, len({(f.segment.at, f.span) for f in v.findings})) for v in decision.verdicts
    ]
    return decision.action, decision.would_have, decision.rule_name, verdicts


@dataclass(slots=True)
class Run:
    """Plays the texts once. Without `chance` in one piece each, answered at once and in order."""

    plan: Plan
    said: Sequence[Said]
    classify: Classifier
    chance: Random | None = None
    loose: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    _waiting: list[Window] = field(default_factory=list)
    _flagged: list[Window] = field(default_factory=list)
    _over: set[int] = field(default_factory=set)

    def play(self) -> list[Outcome]:
        """The outcome of each text."""
        self.outcomes = [Outcome() for _ in self.said]
        moderator = Moderator(self.plan)
        at = {(said.choice, said.channel): outcome for said, outcome in zip(self.said, self.outcomes, strict=True)}
        left = [_pieces(said.text, self.chance) for said in self.said]
        now = 0.0
        while turn := self._next(left):
            said = self.said[turn - 1]
            piece = left[turn - 1].pop()
            own = at[said.choice, said.channel]
            own.fed += len(piece)
            self._take(moderator, at, moderator.feed(said.choice, said.channel, piece))
            if not self._waiting and said.choice not in self._over and not said.channel.whole:
                own.held = max(own.held, own.fed - own.end)
            if not any(p for p, s in zip(left, self.said, strict=True) if s.choice == said.choice):
                self._take(moderator, at, moderator.flush(said.choice))
            elif self.loose and self.chance and self.chance.random() < 0.2:
                now += 1000.0
                early = [c for c in moderator.tick(now) if self.chance.random() < 0.5]  # some are never answered
                self._take(moderator, at, early)
        self.chance = None  # the last answers come now
        self._take(moderator, at, [])
        self._close(moderator, at)
        return self.outcomes

    def _next(self, left: list[list[str]]) -> int:
        """Whose piece comes next, counted from 1; 0 when all is said."""
        open_texts = [i for i, pieces in enumerate(left, 1) if pieces]
        if not open_texts or self.chance is None:
            return open_texts[0] if open_texts else 0
        if self.loose:
            return self.chance.choice(open_texts)
        first: dict[int, int] = {}
        for i in open_texts:
            first.setdefault(self.said[i - 1].choice, i)
        return self.chance.choice(list(first.values()))

    def _take(self, moderator: Moderator, at: dict[tuple[int, Channel], Outcome], commands: list[Command]) -> None:
        self._note(at, commands)
        chance = self.chance
        while self._waiting and (chance is None or chance.random() < 0.6):
            window = self._waiting.pop(0 if chance is None else chance.randrange(len(self._waiting)))
            findings, failures = self.classify(window)
            if any(finding.span is None for finding in findings):
                self._flagged.append(window)
            self._note(at, moderator.answer(window.id, findings, failures))

    def _note(self, at: dict[tuple[int, Channel], Outcome], commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Inspect):
                self._waiting.append(command.window)
            elif isinstance(command, Release):
                own = at[command.choice, command.channel]
                own.sound = own.sound and own.end == command.start and command.choice not in self._over
                own.text += command.text
                own.end = command.end
            elif isinstance(command, Halt):
                self._over.add(command.choice)
                for (choice, _), own in at.items():
                    if choice == command.choice:
                        own.sound = own.sound and not own.halted
                        own.halted = True
            elif isinstance(command, Fault):
                self._over |= {choice for choice, _ in at}
                for own in at.values():
                    own.faulted = True

    def _close(self, moderator: Moderator, at: dict[tuple[int, Channel], Outcome]) -> None:
        for (choice, _), own in at.items():
            own.decision = moderator.decision(choice)
            own.sound = own.sound and moderator.settled(choice)
            own.held = 0 if choice in self._over else own.held
        for window in self._flagged:
            own = at[window.choice, window.channel]
            own.exposed += max(0, own.end - window.start - len(window.context)) if not window.channel.whole else own.end


def played(
    plan: Plan, said: Sequence[Said], classify: Classifier, chance: Random | None = None, *, loose: bool = False
) -> list[Outcome]:
    """Plays the texts once."""
    return Run(plan, said, classify, chance, loose).play()


def _pieces(text: str, chance: Random | None) -> list[str]:
    """The text in pieces, last first."""
    if chance is None:
        return [text]
    if chance.random() < 0.04:
        return list(reversed(text))
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice((1, 2, 2, 3, 5, 8))))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)][::-1]
