"""The stream moderator on stage: what happens, and what must come of it, line by line.

    play(moderator(first=30, characters=40, overlap=10),
         feed("Here is a calm first sentence. "),  asks(window(1)),
         clear(1),                                 releases("Here is a calm first"),
         feed("Now the other thing begins here."), asks(window(2)),
         findings(2, weapons=0.95),                halts(rule="weapons-instructions"),
         feed("Step one"),                         nothing())

Every command must be expected, in its order; an event without an expectation must bring none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from guardproxy.core.commands import CONTENT, Channel, Command, Fault, Halt, Inspect, Release, Window
from guardproxy.core.findings import Failure, FailureKind, Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule, Streaming
from guardproxy.testing.stand_ins import Named, PhraseScanner

WEAPONS = Rule("weapons-instructions", Kind.HAZARD, "weapons", Ladder((LadderStep(Action.REFUSE, 0.8),)))
BROKEN = Failure("classifier", FailureKind.TIMEOUT, "output")


@dataclass(slots=True)
class Scene:
    """A moderator and the windows it has asked for, by number."""

    moderator: Moderator
    windows: dict[int, Window] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """Something happens."""

    name: str
    act: Callable[[Scene], list[Command]]


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something must come of it: `take` says how many of the commands are what is meant, None when they are not."""

    name: str
    take: Callable[[Sequence[Command]], int | None]


def play(scene: Scene, *lines: Event | Expectation) -> None:
    """Plays the lines; AssertionError at the first that does not hold."""
    event, left = "the beginning", list[Command]()
    for line in lines:
        if isinstance(line, Event):
            _expect_nothing(event, left)
            event, left = line.name, line.act(scene)
            scene.windows.update({c.window.id: c.window for c in left if isinstance(c, Inspect)})
            continue
        taken = line.take(left)
        if taken is None:
            raise AssertionError(f"after {event}: expected {line.name}, got {[told(c) for c in left]}")
        left = left[taken:]
    _expect_nothing(event, left)


def _expect_nothing(event: str, left: Sequence[Command]) -> None:
    if left:
        raise AssertionError(f"after {event}: nobody expected {[told(c) for c in left]}")


def told(command: Command) -> str:
    """A command as one word; the texts here are made up, so they may be shown."""
    match command:
        case Inspect(window):
            return f"asks {window.id}: {window.context}|{window.fresh}"
        case Release(choice, channel, start, end, text):
            return f"releases {choice} {channel.kind} {start}:{end} {text!r}"
        case Halt(choice, decision):
            return f"halts {choice} by {decision.rule_name}"
        case Fault(failure):
            return f"faults by {failure.detector}"


def moderator(*rules: Rule, phrases: Sequence[Named] = (), streaming: Streaming | None = None, **cut: int) -> Scene:
    """A moderator of these rules (the weapons rule when there are none) and of the phrases of word rules.

    `cut`: sizes of the windows and of `longest_hold_ms`, in place of those of `streaming`.
    """
    rules = rules or (WEAPONS,)
    how = replace(streaming or Streaming(first=30, characters=40, overlap=10, cut_at_sentence=False), **cut)  # type: ignore[arg-type]
    classifies = any(r.kind in (Kind.HAZARD, Kind.DETECTOR) for r in rules)

    def scanners(_channel: Channel) -> tuple[PhraseScanner, ...]:
        return (PhraseScanner(phrases),) if phrases else ()

    policy = Policy(PolicyRef("play", 1, "0"), rules, streaming=how)
    return Scene(Moderator(Plan(policy, Context(), scanners, classifies, lambda failure: failure == BROKEN)))


def feed(text: str, channel: Channel = CONTENT, choice: int = 0) -> Event:
    """More text."""
    return Event(f"feed({text!r})", lambda scene: scene.moderator.feed(choice, channel, text))


def flush(choice: int = 0) -> Event:
    """The choice is complete."""
    return Event(f"flush({choice})", lambda scene: scene.moderator.flush(choice))


def close(channel: Channel = CONTENT, choice: int = 0) -> Event:
    """The channel is complete."""
    return Event(f"close({channel.kind})", lambda scene: scene.moderator.close(choice, channel))


def tick(now_ms: float) -> Event:
    """Time has passed."""
    return Event(f"tick({now_ms})", lambda scene: scene.moderator.tick(now_ms))


def clear(number: int) -> Event:
    """Nothing was found in the window."""
    return Event(f"clear({number})", lambda scene: scene.moderator.answer(number, []))


def findings(number: int, span: Span | None = None, **scores: float) -> Event:
    """Hazards were found in the window."""

    def act(scene: Scene) -> list[Command]:
        segment = scene.windows[number].segment()
        found = [Finding("classifier", hazard, score, segment, span) for hazard, score in scores.items()]
        return scene.moderator.answer(number, found)

    return Event(f"findings({number})", act)


def fails(number: int, failure: Failure = BROKEN) -> Event:
    """Nobody could look at the window."""
    return Event(f"fails({number})", lambda scene: scene.moderator.answer(number, [], [failure]))


@dataclass(frozen=True, slots=True)
class Shown:
    """A window by its number, and by its text where that matters."""

    number: int
    context: str | None = None
    fresh: str | None = None

    def is_shown_by(self, command: Command) -> bool:
        """Does the command ask for it?"""
        return (
            isinstance(command, Inspect)
            and command.window.id == self.number
            and self.context in (None, command.window.context)
            and self.fresh in (None, command.window.fresh)
        )


def window(number: int, context: str | None = None, fresh: str | None = None) -> Shown:
    """The window of this number."""
    return Shown(number, context, fresh)


def asks(*windows: Shown) -> Expectation:
    """These windows are to be looked at."""

    def take(commands: Sequence[Command]) -> int | None:
        fits = len(commands) >= len(windows) and all(
            w.is_shown_by(c) for w, c in zip(windows, commands[: len(windows)], strict=True)
        )
        return len(windows) if fits else None

    return Expectation(f"asks{windows}", take)


def releases(text: str, channel: Channel = CONTENT, choice: int = 0) -> Expectation:
    """This text leaves, in one piece or several."""

    def take(commands: Sequence[Command]) -> int | None:
        said, taken = "", 0
        for command in commands:
            if not isinstance(command, Release) or (command.choice, command.channel) != (choice, channel):
                break
            said, taken = said + command.text, taken + 1
        return taken if said == text and taken else None

    return Expectation(f"releases({text!r})", take)


def halts(rule: str, choice: int = 0, action: Action = Action.REFUSE) -> Expectation:
    """The choice ends because of this rule."""

    def take(commands: Sequence[Command]) -> int | None:
        match commands[:1]:
            case [Halt(ended, decision)] if (ended, decision.rule_name, decision.action) == (choice, rule, action):
                return 1
        return None

    return Expectation(f"halts(rule={rule!r})", take)


def faults() -> Expectation:
    """The exchange ends, and not as a refusal."""
    return Expectation("faults()", lambda commands: 1 if commands and isinstance(commands[0], Fault) else None)


def nothing() -> Expectation:
    """Nothing comes of it."""
    return Expectation("nothing()", lambda commands: None if commands else 0)
