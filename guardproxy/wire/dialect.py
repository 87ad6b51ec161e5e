"""What a surface makes of an answer: how one is read, how one is written, how a stream runs.

    Dialect        one surface's: read, collect, render, refusal_body, refusal_stream, stream, event_tree, event_trees
    AnswerStream   one streamed answer: upstream events in, released events out
    Reading        what one event brings: texts for the moderator, ends, tool calls

The flow knows these and no surface. Both are abstract; no I/O.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.commands import Channel, Release
from guardproxy.wire.answer import Answer, Called, Edit
from guardproxy.wire.body import Tree
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.sse import Event, comment


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text of one channel of one choice."""

    choice: int
    channel: Channel
    text: str

    def __repr__(self) -> str:
        return f"Delta({self.choice}, {self.channel.kind}, {len(self.text)} chars)"


@dataclass(frozen=True, slots=True)
class Closed:
    """A channel whose text is complete, although its choice is not: the end of a reasoning block."""

    choice: int
    channel: Channel


@dataclass(frozen=True, slots=True)
class Reading:
    """What one event brings: `deltas` are fed, `closed` channels flushed behind their last, then `finished` choices.

    `called`: tools the model calls in these choices; the flow compares them with the request's.
    """

    deltas: tuple[Delta, ...] = ()
    finished: tuple[int, ...] = ()
    called: tuple[Called, ...] = ()
    closed: tuple[Closed, ...] = ()


class AnswerStream(ABC):
    """One streamed answer. Every method that lets something leave gives the bytes of whole events."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """True when the upstream has said all it had to say; else its stream was cut."""

    @property
    @abstractmethod
    def all_halted(self) -> bool:
        """True when nothing more can come of the upstream: it may be closed."""

    @abstractmethod
    def chunk(self, tree: Tree) -> Reading:
        """Queues one event of the upstream and takes its tree over. Raises UpstreamBadAnswer."""

    @abstractmethod
    def release(self, release: Release) -> list[bytes]:
        """Lets text of a choice leave."""

    @abstractmethod
    def ready(self) -> list[bytes]:
        """After each event: what needs no text (more) to leave."""

    @abstractmethod
    def notice(self, choice: int, text: str, *, before: bool) -> list[bytes]:
        """A notice before the first or after the last text of a choice."""

    @abstractmethod
    def halt(self, choice: int, text: str) -> list[bytes]:
        """The choice is refused: what left is closed cleanly, the refusal follows, later events are dropped."""

    @abstractmethod
    def finish(self, annotation: Tree | None = None) -> list[bytes]:
        """The regular end, also after a refusal."""

    def broke_off(self, choice: int) -> None:  # noqa: B027 - where an answer has one end for all, there is nothing to do
        """The end of this choice has come but could not be judged: after the fault that follows it has not ended."""

    @abstractmethod
    def fault(self, code: str, message: str, annotation: Tree | None = None) -> list[bytes]:
        """The end after a fault of ours or the upstream's; it never looks like a refusal."""

    def heartbeat(self) -> bytes:
        """What keeps the connection alive while text is held."""
        return comment()


class Dialect(ABC):
    """How one surface says an answer. `id_prefix`: of answers that are our own.

    `has_refusal_field`: a refusal can stand beside the text, in a field of its own.
    """

    id_prefix: str
    has_refusal_field: bool = True

    @abstractmethod
    def read(self, raw: bytes, *, structured: bool) -> Answer:
        """A plain answer of the upstream. Raises UpstreamBadAnswer."""

    @abstractmethod
    def collect(self, events: Sequence[Event], *, structured: bool) -> Answer:
        """An event stream that came although none was asked for, as one answer. Raises UpstreamBadAnswer."""

    @abstractmethod
    def render(self, answer: Answer, edits: Sequence[Edit], annotation: Tree, ask: Ask) -> bytes:
        """The answer as the client gets it: the upstream's own tree, patched."""

    @abstractmethod
    def refusal_body(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> bytes:
        """A refusal without any upstream, plain (HTTP 200)."""

    @abstractmethod
    def refusal_stream(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> list[bytes]:
        """The same as a whole stream."""

    @abstractmethod
    def stream(self, envelope: Envelope, ask: Ask) -> AnswerStream:
        """The writer for one streamed answer."""

    @abstractmethod
    def event_tree(self, received: Event) -> Tree:
        """An event of the upstream, as `AnswerStream.chunk` takes it. Raises UpstreamBadAnswer."""

    @abstractmethod
    def event_trees(self, raw: bytes) -> list[Tree]:
        """A plain answer that came although a stream was asked for, as the events of one. Raises UpstreamBadAnswer."""
