"""Decides what of an answer may leave. No I/O, no clock: text and answers go in, commands come out.

    feed(choice, channel, text)  more text               answer(window_id, findings, failures)  somebody has looked
    flush(choice)                the choice is complete  tick(now_ms)                           time has passed
    close(choice, channel)       the channel is complete

Every call returns what follows from it, in order. `core.channels` holds the law for one channel, `core.choice` what
the channels of a choice do together; choices do not know one another. One law for every cutting of the text and
every order of answers: the earliest in the text wins. Exempt are a `Fault`, which ends other choices wherever they
are, and what other channels of a halted choice had released by then (never more than was cleared).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from guardproxy.core.choice import Choice
from guardproxy.core.commands import Channel, Command, Fault, Inspect
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.weighing import Plan, Terms

__all__ = ["Moderator", "Plan"]


class Moderator:
    """One for each answer. After a `Fault` nothing more comes; after a `Halt` nothing more of that choice."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._terms = Terms.of(plan)
        self._choices: dict[int, Choice] = {}
        self._asked: dict[int, tuple[Choice, Channel]] = {}
        self._ids = count(1)
        self._faulted = False

    def feed(self, choice: int, channel: Channel, text: str) -> list[Command]:
        """More text of one channel. Text of a choice that has ended or was flushed is dropped."""
        own = self._choice(choice)
        return [] if self._faulted else self._noted(own, own.feed(channel, text))

    def answer(self, window_id: int, findings: Sequence[Finding], failures: Sequence[Failure] = ()) -> list[Command]:
        """What was found in a window that an `Inspect` asked for. Spans count from the window's segment.

        Answers come in any order; one for a halted choice, or a second one, is ignored. A failure that is fatal
        counts where its window stands: a refusal at or before that place is still a refusal.
        """
        asked = self._asked.pop(window_id, None)
        if asked is None or self._faulted or asked[0].halt is not None:
            return []
        fatal = next((failure for failure in failures if self._plan.fatal(failure)), None)
        own, channel = asked
        return self._noted(own, own.answered(channel).answer(window_id, findings, fatal) + own.advance())

    @property
    def waits(self) -> bool:
        """A text waits for a window: `tick` has something to do, if not now then soon."""
        return not self._faulted and any(own.waits for own in self._choices.values())

    def tick(self, now_ms: float) -> list[Command]:
        """Time has passed: text that has waited for `longest_hold` is looked at early; nothing leaves for that."""
        if self._faulted:
            return []
        return [c for own in self._choices.values() for c in self._noted(own, own.tick(now_ms))]

    def flush(self, choice: int) -> list[Command]:
        """The choice is complete; what is still held leaves as soon as it is cleared."""
        own = self._choice(choice)
        return [] if self._faulted else self._noted(own, own.flush())

    def close(self, choice: int, channel: Channel) -> list[Command]:
        """One channel is complete, its choice goes on; more text of the channel is dropped from now on."""
        own = self._choice(choice)
        return [] if self._faulted else self._noted(own, own.close(channel))

    def settled(self, choice: int) -> bool:
        """True once nothing more can come of the choice: it ended, or it was flushed, has left and is recorded."""
        return self._faulted or self._choice(choice).settled

    def decision(self, choice: int) -> Decision:
        """The output decision of the choice: final once it is settled, until then over what was found so far."""
        return self._choice(choice).decision()

    def _choice(self, index: int) -> Choice:
        own = self._choices.get(index)
        if own is None:
            own = self._choices[index] = Choice(self._terms, index, self._ids)
        return own

    def _noted(self, own: Choice, commands: list[Command]) -> list[Command]:
        """Remembers who asked. A choice that has just ended asks nothing."""
        if not commands:
            return commands
        self._faulted = isinstance(commands[-1], Fault)
        if self._faulted or own.halt is not None:
            return [command for command in commands if not isinstance(command, Inspect)]
        for command in commands:
            if isinstance(command, Inspect):
                self._asked[command.window.id] = (own, command.window.channel)
        return commands
