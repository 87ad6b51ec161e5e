"""Decides what of an answer may leave. No I/O, no clock: text and answers go in, commands come out.

    feed(choice, channel, text)  more text               answer(window_id, findings, failures)  somebody has looked
    flush(choice)                the choice is complete  tick(now_ms)                           time has passed

Every call returns what follows from it, in order. `core.channels` holds the law for one channel; here are the
choices: the first channel that stops ends its choice, other choices go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count

from guardproxy.core.channels import Place, StreamChannel, WholeChannel
from guardproxy.core.commands import Channel, Command, Fault, Halt, Inspect
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.rules import Release
from guardproxy.core.weighing import Plan, Weighed, outcome
from guardproxy.core.windows import END

__all__ = ["Moderator", "Plan"]


class _Choice:
    """The channels of one choice, in the order in which they appeared."""

    def __init__(self, plan: Plan, index: int) -> None:
        self._plan = plan
        self._index = index
        self._buffers = plan.policy.streaming.release is Release.BUFFER
        self._flushed = False
        self.channels: dict[Channel, StreamChannel | WholeChannel] = {}
        self.halt: Decision | None = None

    @property
    def settled(self) -> bool:
        return self.halt is not None or (self._flushed and all(c.done for c in self.channels.values()))

    def flush(self) -> list[Command]:
        if self._flushed:
            return []
        self._flushed = True
        asked = [command for channel in self.channels.values() for command in channel.flush()]
        return asked + self.advance()

    def advance(self) -> list[Command]:
        """What may leave, and the halt if there is one.

        After the flush channels leave in their order, so that a late answer cannot change what has left
        before a halt.
        """
        out: list[Command] = []
        if self._buffers and not self._may_leave():
            return self._halted()
        for channel in self.channels.values():
            out += channel.releases()
            if channel.halts:
                return out + self._halted()
            if self._flushed and not channel.done:
                break
        return out

    def decision(self) -> Decision:
        if self.halt is not None:
            return self.halt
        return outcome(self._plan, chain.from_iterable(c.found for c in self.channels.values()))

    def _may_leave(self) -> bool:
        """`release: buffer`: nothing leaves before all of the choice is cleared, and nothing when it is refused."""
        return self._flushed and all(c.passed == END and c.stop is None for c in self.channels.values())

    def _halted(self) -> list[Command]:
        for channel in self.channels.values():
            if channel.halts:
                self.halt = outcome(self._plan, self._counted(channel))
                return [Halt(self._index, self.halt)]
        return []

    def _counted(self, halting: StreamChannel | WholeChannel) -> list[Weighed]:
        """The findings that stand before the halt: none that only a longer delta would have shown."""
        counted: list[Weighed] = []
        for channel in self.channels.values():
            if channel is halting and channel.stop is not None:
                counted += [w for w in channel.found if w.at <= channel.stop]
            else:
                counted += [w for w in channel.found if w.at < channel.passed]
        return counted


class Moderator:
    """One for each answer. After a `Fault` nothing more comes; after a `Halt` nothing more of that choice."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._choices: dict[int, _Choice] = {}
        self._asked: dict[int, tuple[_Choice, Channel]] = {}
        self._ids = count(1)
        self._faulted = False

    def feed(self, choice: int, channel: Channel, text: str) -> list[Command]:
        """More text of one channel. Text of a choice that has halted or was flushed is dropped."""
        own = self._choice(choice)
        if self._faulted or own.halt is not None:
            return []
        stream = own.channels.get(channel)
        if stream is None:
            place = Place(choice, channel, self._ids)
            stream = WholeChannel(self._plan, place) if channel.whole else StreamChannel(self._plan, place)
            own.channels[channel] = stream
        return self._noted(own, stream.feed(text) + own.advance())

    def answer(self, window_id: int, findings: Sequence[Finding], failures: Sequence[Failure] = ()) -> list[Command]:
        """What was found in a window that an `Inspect` asked for. Spans count from the window's segment.

        Answers come in any order; one for a halted choice, or a second one, is ignored.
        """
        asked = self._asked.pop(window_id, None)
        if asked is None or self._faulted or asked[0].halt is not None:
            return []
        fatal = next((failure for failure in failures if self._plan.fatal(failure)), None)
        if fatal is not None:
            self._faulted = True
            return [Fault(fatal)]
        own, channel = asked
        return own.channels[channel].answer(window_id, findings) + own.advance()

    def tick(self, now_ms: float) -> list[Command]:
        """Time has passed. Nothing depends on it yet: text is held until it is cleared, however long that takes."""
        del now_ms
        return []

    def flush(self, choice: int) -> list[Command]:
        """The choice is complete; what is still held leaves as soon as it is cleared."""
        own = self._choice(choice)
        if self._faulted or own.halt is not None:
            return []
        return self._noted(own, own.flush())

    def settled(self, choice: int) -> bool:
        """True once nothing more can come of the choice: it halted, or it was flushed and has left."""
        return self._faulted or self._choice(choice).settled

    def decision(self, choice: int) -> Decision:
        """The output decision of the choice: final once it is settled, until then over what was found so far."""
        return self._choice(choice).decision()

    def _choice(self, index: int) -> _Choice:
        if index not in self._choices:
            self._choices[index] = _Choice(self._plan, index)
        return self._choices[index]

    def _noted(self, own: _Choice, commands: list[Command]) -> list[Command]:
        """Remembers who asked. A choice that has just halted asks nothing."""
        if own.halt is not None:
            return [command for command in commands if not isinstance(command, Inspect)]
        for command in commands:
            if isinstance(command, Inspect):
                self._asked[command.window.id] = (own, command.window.channel)
        return commands
