"""The channels of one choice, and the one end they share.

The text of a choice is what its channels say, in the order in which it came. A choice ends at the earliest place of
that text where one of its channels ends. Before the end is told, the channels that spoke before that place are looked
at to their own end, so that none of them would have ended the choice earlier; what came later is dropped.

Channels that speak one after the other (reasoning, then the answer, then a tool call) end alike however they were
cut, and as if each had come in one piece. When channels take turns in small pieces, an extra window at a turn may
find more than the one piece would have shown, never less.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from guardproxy.core.channels import StreamChannel
from guardproxy.core.commands import Channel, ChannelKind, Command, Fault, Halt
from guardproxy.core.decide import Decision
from guardproxy.core.sighting import Found, sightings
from guardproxy.core.weighing import Terms, Weighed, outcome
from guardproxy.core.whole_channel import WholeChannel
from guardproxy.core.windows import END, Origin


class Line:
    """A channel and where its text stands in the text of the choice: runs of neighbouring characters."""

    def __init__(self, channel: StreamChannel | WholeChannel, *, held_whole: bool = False) -> None:
        self.channel = channel
        self.held_whole = held_whole
        self.closed = False
        self._starts: list[int] = []
        self._places: list[int] = []
        self._size = 0

    def grow(self, size: int, place: int) -> None:
        """The next characters of the channel stand at this place of the choice."""
        if not self._places or self._places[-1] + self._size - self._starts[-1] != place:
            self._starts.append(self._size)
            self._places.append(place)
        self._size += size

    def place(self, at: int) -> int:
        """The place of an offset of the channel; END for what has not come yet."""
        if at >= self._size:
            return END
        run = bisect_right(self._starts, at) - 1
        return self._places[run] + at - self._starts[run]


class Choice:
    """One choice of the answer."""

    def __init__(self, terms: Terms, index: int, ids: Iterator[int]) -> None:
        self._terms = terms
        self._index = index
        self._ids = ids
        self._size = 0
        self._flushed = False
        self._ending = False
        self._lines: dict[Channel, Line] = {}
        self._live: list[Line] = []  # those that something may still come of
        self._speaks: Channel | None = None
        self.halt: Decision | None = None

    @property
    def settled(self) -> bool:
        """True once nothing more can come of it."""
        return self.halt is not None or (self._flushed and all(line.channel.done for line in self._live))

    def feed(self, channel: Channel, text: str) -> list[Command]:
        """More text of one channel; dropped once the choice ends."""
        if self._flushed or self._ending or not text:
            return []
        line = self._lines.get(channel)
        if line is None:
            make = WholeChannel if channel.whole else StreamChannel
            line = self._lines[channel] = Line(
                make(self._terms, Origin(self._index, channel, self._ids)), held_whole=channel.whole
            )
            self._live.append(line)
        asked: list[Command] = []
        if channel is not self._speaks and channel != self._speaks and channel.kind is not ChannelKind.OTHER:
            if self._speaks is not None:
                asked = self._lines[self._speaks].channel.turn()
            self._speaks = channel
        line.grow(len(text), self._size)
        self._size += len(text)
        asked += line.channel.feed(text)
        return asked + self.advance()

    def flush(self) -> list[Command]:
        """The choice is complete."""
        if self._flushed or self.halt is not None:
            return []
        self._flushed = True
        asked = [] if self._ending else [c for line in self._live for c in line.channel.flush()]
        return asked + self.advance()

    def close(self, channel: Channel) -> list[Command]:
        """One channel is complete. What it held leaves once it is cleared, for no later end can have cut it.

        A text that leaves whole waits for the other channels all the same.
        """
        line = self._lines.get(channel)
        if line is None or line.closed or self._flushed or self._ending:
            return []
        line.closed = True
        return line.channel.flush() + self.advance()

    @property
    def waits(self) -> bool:
        """One of its texts waits for a window."""
        return not (self._flushed or self._ending) and any(line.channel.waits for line in self._live)

    def tick(self, now_ms: float) -> list[Command]:
        """Time has passed."""
        if self._flushed or self._ending:
            return []
        return [c for line in self._live for c in line.channel.tick(now_ms)]

    def advance(self) -> list[Command]:
        """What may leave, and the end if there is one."""
        end = self._first_end()
        if end is None:
            out = self._releases(None)
            self._live = [line for line in self._live if not (line.closed and line.channel.done)]
            return out
        asked = self._close_before(end)
        end = self._first_end() or end
        if self._is_certain(end):
            return [*self._releases(end), self._told(end)]
        return asked + self._releases(end)

    def answered(self, channel: Channel) -> StreamChannel | WholeChannel:
        """The channel that asked for a window."""
        return self._lines[channel].channel

    def decision(self) -> Decision:
        """Final once the choice is settled, until then over what was found so far."""
        if self.halt is not None:
            return self.halt
        return self._outcome([(line, w) for line in self._lines.values() for w in line.channel.found])

    def _first_end(self) -> Line | None:
        """The line whose end comes first in the text of the choice."""
        ends = [line for line in self._live if line.channel.ends_at is not None]
        return min(ends, key=_end_place, default=None)

    def _close_before(self, end: Line) -> list[Command]:
        """The channels that spoke before the end of one of them are looked at to their own."""
        self._ending = True
        at = _end_place(end)
        asked: list[Command] = []
        for line in self._live:
            if line.channel.ends_at is None and line.place(line.channel.passed) <= at:
                asked += line.channel.flush()
        return asked

    def _is_certain(self, end: Line) -> bool:
        at = _end_place(end)
        return end.channel.end is not None and all(
            line.channel.end is not None or line.place(line.channel.passed) > at for line in self._live
        )

    def _releases(self, end: Line | None) -> list[Command]:
        """What may leave; once the choice ends, nothing of a channel that begins behind the end."""
        cleared = end is None and self._flushed and all(line.channel.passed == END for line in self._live)
        if self._terms.buffers and not cleared:
            return []
        out: list[Command] = []
        for line in self._live:
            if end is None or line.place(0) <= _end_place(end):
                complete = line.closed and not line.held_whole and line.channel.passed == END
                out += line.channel.releases(tail=cleared or complete or line is end)
        return out

    def _told(self, end: Line) -> Command:
        ending = end.channel.end
        if ending is None:
            raise AssertionError("an end was told before it was known; this is a bug")
        if ending.failure is not None:
            return Fault(ending.failure)
        self.halt = self._outcome(self._counted(end, ending.at))
        return Halt(self._index, self.halt)

    def _counted(self, end: Line, at: int) -> list[tuple[Line, Weighed]]:
        """The findings at or before the end: none that only other deltas would have shown."""
        place = end.place(at)
        counted: list[tuple[Line, Weighed]] = []
        for line in self._lines.values():
            if line is end:
                counted += [(line, w) for w in line.channel.found if w.at <= at]
            else:
                counted += [(line, w) for w in line.channel.found if line.place(w.at) <= place]
        return counted

    def _outcome(self, counted: Sequence[tuple[Line, Weighed]]) -> Decision:
        """The decision over these findings, with what it can be made from again."""
        decision = outcome(self._terms.plan, [weighed for _, weighed in counted])
        if not counted:
            return decision
        found = [
            Found(w.finding, min(line.place(w.at), self._size), w.finding.span is not None and not w.stuck)
            for line, w in counted
        ]
        return replace(decision, seen=sightings(self._terms.plan.policy, found))


def _end_place(line: Line) -> int:
    ends_at = line.channel.ends_at
    return END if ends_at is None else line.place(ends_at)
