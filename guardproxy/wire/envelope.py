"""What frames an answer of our own: ids, refusals, notices (contract.md 4).

Envelope(id, created, model, shape=CHAT)                              made by the flow, which has the clock
refusal_body(envelope, text, annotation, ask) -> bytes                       HTTP 200, plain
refusal_stream(envelope, text, annotation, ask) -> list[bytes]               role, text, finish, usage, [DONE]
cut_text(text) -> list[str]                                           1 to 8 pieces at word borders
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.inline_moderation import NAME
from guardproxy.wire.logprobs import Logprobs
from guardproxy.wire.shape import CHAT, Shape
from guardproxy.wire.sse import DONE, event

NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
MOST_PIECES = 8


@dataclass(frozen=True, slots=True)
class Envelope:
    """`id` as in `chatcmpl-…`, `created` in seconds since 1970, `model` as the client wrote it.

    `shape`: what the client's surface makes of an answer; all of ours are made in chat's.
    """

    id: str
    created: int
    model: str
    shape: Shape = CHAT

    def body(self, choices: Sequence[Tree]) -> Tree:
        """A whole answer."""
        return {**self._head("chat.completion"), "choices": list(choices), "usage": dict(NO_USAGE)}

    def chunk(self, choices: Sequence[Tree]) -> Tree:
        """One chunk of a stream."""
        return {**self._head("chat.completion.chunk"), "choices": list(choices)}

    def frame(self, chunk: Tree) -> bytes:
        """A chunk as an event of the client's stream."""
        return event(self.shape.outward(chunk))

    def _head(self, kind: str) -> Tree:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


@dataclass(frozen=True, slots=True)
class Ask:
    """What the client asked for: how many choices, the usage chunk, JSON or a forced tool.

    `refusal_field`: a refusal stands in a field of its own although prose was asked for (the route's `refusal_style`).
    `logprobs`: what of them the route lets through.
    """

    n: int = 1
    include_usage: bool = False
    structured: bool = False
    refusal_field: bool = False
    logprobs: Logprobs = "chosen"

    @property
    def in_field(self) -> bool:
        """A refusal has a field of its own and ends as `stop`: a client that parses JSON looks there."""
        return self.structured or self.refusal_field


def refused_choice(index: int, text: str, *, in_field: bool) -> Tree:
    """A refusal as one choice of a plain answer: text and `content_filter`; `in_field`: in the refusal field."""
    message: Tree = {"role": "assistant", "content": None if in_field else text}
    if in_field:
        message["refusal"] = text
    return {"index": index, "message": message, "logprobs": None, "finish_reason": refused_finish(in_field)}


def refused_finish(in_field: bool) -> str:  # noqa: FBT001 - one bit, named by the function
    """The finish reason that goes with a refusal."""
    return "stop" if in_field else "content_filter"


def refusal_body(envelope: Envelope, text: str, annotation: Tree | None, ask: Ask = Ask()) -> bytes:
    """A refusal without any upstream, HTTP 200."""
    body = envelope.body([refused_choice(at, text, in_field=ask.in_field) for at in range(ask.n)])
    return serialise(envelope.shape.outward({**body, **(annotation or {})}))


def refusal_stream(envelope: Envelope, text: str, annotation: Tree | None, ask: Ask = Ask()) -> list[bytes]:
    """The same as a stream."""
    out: list[Tree] = []
    for at in range(ask.n):
        start: list[Tree] = [{"role": "assistant", "content": None if ask.in_field else ""}]
        deltas = [*(start if envelope.shape.roles else []), *refusal_deltas(text, ask.in_field)]
        out += [envelope.chunk([delta_choice(at, delta)]) for delta in deltas]
    for at in range(ask.n):
        out.append(envelope.chunk([delta_choice(at, {}, refused_finish(ask.in_field))]))
    out[-1].update(annotation or {})
    if annotation and NAME in annotation:
        out.append({**envelope.chunk([]), NAME: annotation[NAME]})
    if ask.include_usage:
        out.append({**envelope.chunk([]), "usage": dict(NO_USAGE)})
    return [*(envelope.frame(chunk) for chunk in out), DONE]


def refusal_deltas(text: str, in_field: bool) -> list[Tree]:  # noqa: FBT001
    """The refusal's text as deltas."""
    return [{"refusal" if in_field else "content": piece} for piece in cut_text(text)]


def delta_choice(index: int, delta: Tree, finish: str | None = None) -> Tree:
    """One choice of a chunk."""
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def cut_text(text: str, most: int = MOST_PIECES) -> list[str]:
    """The text in 1 to `most` pieces that join back to it, cut after spaces."""
    words = text.split(" ")
    step = -(-len(words) // most)
    groups = [" ".join(words[at : at + step]) for at in range(0, len(words), step)]
    return [piece for piece in [*(group + " " for group in groups[:-1]), groups[-1]] if piece]
