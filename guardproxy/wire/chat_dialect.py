"""Chat completions and the legacy completions as a `Dialect`: one moderated shape, `wire.shape` tells them apart."""

from __future__ import annotations

from collections.abc import Sequence

from guardproxy.wire.answer import Answer, Edit
from guardproxy.wire.answer_fields import load_answer
from guardproxy.wire.body import Tree
from guardproxy.wire.chat_answer import answer_of, read_answer, render
from guardproxy.wire.chat_stream import ChatStream, read_chunk
from guardproxy.wire.conversion import Collector, as_chunks
from guardproxy.wire.dialect import AnswerStream, Dialect
from guardproxy.wire.envelope import Ask, Envelope, refusal_body, refusal_stream
from guardproxy.wire.shape import Shape
from guardproxy.wire.sse import Event


class ChatDialect(Dialect):
    """See `Dialect`; envelopes are made in the surface's shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.id_prefix = shape.id_prefix
        self.has_refusal_field = shape.roles

    def read(self, raw: bytes, *, structured: bool) -> Answer:
        """See `Dialect`."""
        return read_answer(raw, structured=structured, shape=self.shape)

    def collect(self, events: Sequence[Event], *, structured: bool) -> Answer:
        """See `Dialect`; nothing behind `[DONE]` counts."""
        collector = Collector()
        for event in events:
            if event.done:
                break
            collector.add(read_chunk(event, self.shape))
        return answer_of(collector.tree(), structured=structured)

    def render(self, answer: Answer, edits: Sequence[Edit], annotation: Tree, ask: Ask) -> bytes:
        """See `Dialect`."""
        return render(answer, edits, annotation, in_field=ask.in_field, shape=self.shape, logprobs=ask.logprobs)

    def refusal_body(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> bytes:
        """See `Dialect`."""
        return refusal_body(self._shaped(envelope), text, annotation, ask)

    def refusal_stream(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> list[bytes]:
        """See `Dialect`."""
        return refusal_stream(self._shaped(envelope), text, annotation, ask)

    def stream(self, envelope: Envelope, ask: Ask) -> AnswerStream:
        """See `Dialect`."""
        return ChatStream(self._shaped(envelope), ask)

    def event_tree(self, received: Event) -> Tree:
        """See `Dialect`."""
        return read_chunk(received, self.shape)

    def event_trees(self, raw: bytes) -> list[Tree]:
        """See `Dialect`."""
        return as_chunks(self.shape.inward(load_answer(raw), "message"))

    def _shaped(self, envelope: Envelope) -> Envelope:
        return Envelope(envelope.id, envelope.created, envelope.model, self.shape)
