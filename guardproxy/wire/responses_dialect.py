"""`POST /v1/responses` as a `Dialect`: what an answer is, plain and streamed."""

from __future__ import annotations

from collections.abc import Sequence

from guardproxy.wire.answer import Answer, Edit
from guardproxy.wire.answer_fields import load_answer
from guardproxy.wire.body import Tree
from guardproxy.wire.dialect import AnswerStream, Dialect
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.responses_answer import answer_of, as_events, collected, read_answer, render
from guardproxy.wire.responses_own import ID_PREFIX, refusal_body, refusal_stream
from guardproxy.wire.responses_stream import ResponsesStream
from guardproxy.wire.sse import Event


class ResponsesDialect(Dialect):
    """See `Dialect`."""

    id_prefix = ID_PREFIX

    def read(self, raw: bytes, *, structured: bool) -> Answer:
        """See `Dialect`."""
        return read_answer(raw, structured=structured)

    def collect(self, events: Sequence[Event], *, structured: bool) -> Answer:
        """See `Dialect`; nothing behind the last event counts."""
        return answer_of(collected(map(self.event_tree, events)), structured=structured)

    def render(self, answer: Answer, edits: Sequence[Edit], annotation: Tree, ask: Ask) -> bytes:
        """See `Dialect`; there is one choice."""
        (edit,) = edits
        return render(answer, edit, annotation, in_field=ask.in_field)

    def refusal_body(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> bytes:
        """See `Dialect`."""
        return refusal_body(envelope, text, annotation, ask)

    def refusal_stream(self, envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> list[bytes]:
        """See `Dialect`."""
        return refusal_stream(envelope, text, annotation, ask)

    def stream(self, envelope: Envelope, ask: Ask) -> AnswerStream:
        """See `Dialect`."""
        return ResponsesStream(envelope, ask)

    def event_tree(self, received: Event) -> Tree:
        """See `Dialect`. A server may name an event on its `event:` line only."""
        tree = load_answer(received.data)
        return tree if "type" in tree or not received.name else {"type": received.name, **tree}

    def event_trees(self, raw: bytes) -> list[Tree]:
        """See `Dialect`."""
        return as_events(load_answer(raw))
