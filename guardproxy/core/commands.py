"""What the stream moderator asks for and hands out. Plain data between `core` and the rooms above."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure


class ChannelKind(StrEnum):
    """Which text of a choice a channel is."""

    CONTENT = "content"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    TOOL = "tool"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Channel:
    """One text of one choice. `key` tells tools apart ("0", "1" …) and names the path of other leaves.

    `whole`: the text is held until it is complete, its decoded JSON leaves are looked at, and it is
    released or dropped as one (tool arguments, structured output).
    """

    kind: ChannelKind
    key: str = ""
    whole: bool = False


CONTENT = Channel(ChannelKind.CONTENT)
REASONING = Channel(ChannelKind.REASONING)
REFUSAL = Channel(ChannelKind.REFUSAL)


@dataclass(frozen=True, slots=True)
class Window:
    """What one inspection shows: `context` was seen before, `fresh` is new. `start` is the offset of
    `context` in its channel, in code points of the channel's text.
    """

    id: int
    choice: int
    channel: Channel
    context: str
    fresh: str
    start: int

    def segment(self, exchange: str = "") -> Segment:
        """The text to look at; `exchange` is the last user text, for detectors that judge pairs."""
        return Segment(self.context + self.fresh, Stage.OUTPUT, Scope.MODEL, at=self.start, context=exchange)

    def __repr__(self) -> str:
        return f"Window({self.id}, choice {self.choice}, {self.channel.kind}, {len(self.context)}+{len(self.fresh)})"


@dataclass(frozen=True, slots=True)
class Inspect:
    """Please let the detectors look at this window and `answer`."""

    window: Window


@dataclass(frozen=True, slots=True)
class Release:
    """The source text `[start, end)` of the channel may leave, as `text` (equal to the source unless
    something was redacted).
    """

    choice: int
    channel: Channel
    start: int
    end: int
    text: str

    def __repr__(self) -> str:
        return f"Release({self.choice}, {self.channel.kind}, {self.start}:{self.end}, {len(self.text)} chars)"


@dataclass(frozen=True, slots=True)
class Halt:
    """The choice is refused; nothing more of it leaves."""

    choice: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that fails closed could not be judged: the whole exchange ends, and not as a refusal."""

    failure: Failure


Command = Inspect | Release | Halt | Fault
