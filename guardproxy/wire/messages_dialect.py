"""Anthropic's `/v1/messages` as a `Dialect`: one message, no choices."""

from __future__ import annotations

from collections.abc import Sequence

from guardproxy.wire.answer import Answer, Edit
from guardproxy.wire.body import Tree
from guardproxy.wire.dialect import AnswerStream, Dialect
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.messages_answer import answer_of, render
from guardproxy.wire.messages_conversion import Collector, as_events, message_of, typed_tree
from guardproxy.wire.messages_own import refusal_body, refusal_stream
from guardproxy.wire.messages_stream import MessagesStream
from guardproxy.wire.sse import Event


class MessagesDialect(Dialect):
    """See `Dialect`. A refusal is a text block whatever was asked for: the surface has no refusal part."""

    id_prefix = "msg_"
    has_refusal_field = False

    def read(self, raw: bytes, *, structured: bool) -> Answer:
        """See `Dialect`."""
        return answer_of(message_of(raw), structured=structured)

    def collect(self, events: Sequence[Event], *, structured: bool) -> Answer:
        """See `Dialect`."""
        collector = Collector()
        for event in events:
            if event.done:
                break
            collector.add(typed_tree(event))
        return answer_of(collector.tree(), structured=structured)

    def render(self, answer: Answer, edits: Sequence[Edit], annotation: Tree, ask: Ask) -> bytes:
        """See `Dialect`."""
        del ask
        (edit,) = edits
        return render(answer, edit, annotation)

    def refusal_body(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> bytes:
        """See `Dialect`."""
        del ask
        return refusal_body(envelope, text, annotation)

    def refusal_stream(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> list[bytes]:
        """See `Dialect`."""
        del ask
        return refusal_stream(envelope, text, annotation)

    def stream(self, envelope: Envelope, ask: Ask) -> AnswerStream:
        """See `Dialect`."""
        return MessagesStream(envelope, ask)

    def event_tree(self, received: Event) -> Tree:
        """See `Dialect`."""
        return typed_tree(received)

    def event_trees(self, raw: bytes) -> list[Tree]:
        """See `Dialect`."""
        return as_events(message_of(raw))
