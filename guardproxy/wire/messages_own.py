"""What we say ourselves on Anthropic's surface: refusals, notices, errors.

refusal_body(envelope, text, annotation) -> bytes              HTTP 200, plain
refusal_stream(envelope, text, annotation) -> list[bytes]      the same as events
own_message(envelope, **members) -> Tree                       a message of ours
text_block_events(index, pieces) -> list[Tree]                 a block of ours
typed_event(tree) -> bytes                                     one event, named by its type
errors(ErrorAnswer) -> ErrorAnswer                             an error of ours in Anthropic's shape
error_event(code, message, annotation) -> bytes                the same in mid-stream
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.envelope import Envelope, cut_text
from guardproxy.wire.errors import ErrorAnswer

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
REFUSED = "refusal"
_KIND_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
}
_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_OVERLOADED = frozenset({"overloaded", "shutting_down", "upstream_loading"})


def typed_event(tree: Tree) -> bytes:
    """One event; its name is its type, a short word of a list or one that has been looked at."""
    return b"event: " + str(tree["type"]).encode("ascii") + b"\ndata: " + serialise(tree) + b"\n\n"


def no_usage() -> Tree:
    """The counts of an answer that no model gave."""
    return {"input_tokens": 0, "output_tokens": 0}


def counts_of(usage: Any) -> Tree:
    """What of the upstream's usage may stand in an answer of ours: counts under the names everybody knows."""
    return {n: usage[n] for n in _COUNTS if isinstance(usage.get(n), int)} if isinstance(usage, dict) else {}


def own_message(envelope: Envelope, **members: object) -> Tree:
    """A message of ours; `members` replace what they name."""
    own = {"id": envelope.id, "type": "message", "role": "assistant", "model": envelope.model, "content": []}
    return {**own, "stop_reason": None, "stop_sequence": None, "usage": no_usage(), **members}


def refusal_body(envelope: Envelope, text: str, annotation: Tree | None) -> bytes:
    """A refusal without any upstream. There is no other place for it: the surface has no refusal part."""
    said = own_message(envelope, content=[{"type": "text", "text": text}], stop_reason=REFUSED)
    return serialise({**said, **(annotation or {})})


def refusal_stream(envelope: Envelope, text: str, annotation: Tree | None) -> list[bytes]:
    """The same as a stream."""
    events: list[Tree] = [{"type": "message_start", "message": own_message(envelope)}]
    events += text_block_events(0, cut_text(text))
    events += end_events(REFUSED, no_usage(), annotation)
    return [typed_event(event) for event in events]


def text_block_events(index: int, pieces: Sequence[str]) -> list[Tree]:
    """A whole block of ours."""
    return [
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}},
        *text_deltas(index, pieces),
        {"type": "content_block_stop", "index": index},
    ]


def text_deltas(index: int, pieces: Sequence[str]) -> list[Tree]:
    """Text for a block that is open."""
    deltas: list[Tree] = [{"type": "text_delta", "text": piece} for piece in pieces if piece]
    return [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]


def end_events(reason: str, usage: Tree, annotation: Tree | None) -> list[Tree]:
    """The two last events of a stream; the first of them carries our member."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": usage, **(annotation or {})},
        {"type": "message_stop"},
    ]


def errors(answer: ErrorAnswer) -> ErrorAnswer:
    """`type` and `message` are Anthropic's; `code` and `param` stay for whoever looks for the place."""
    inner = orjson.loads(answer.body)["error"]
    kind = _kind(answer.status, inner.get("code"))
    told = {"type": kind, "message": inner["message"], "code": inner.get("code")}
    if inner.get("param") is not None:
        told["param"] = inner["param"]
    return replace(answer, body=serialise({"type": "error", "error": told}))


def error_event(code: str, message: str, annotation: Tree | None) -> bytes:
    """The end of a stream after a fault."""
    inner = {"type": _kind(504 if code == "upstream_timeout" else 500, code), "message": message, "code": code}
    return typed_event({"type": "error", "error": inner, **(annotation or {})})


def _kind(status: int, code: object) -> str:
    if code in _OVERLOADED:
        return "overloaded_error"
    return _KIND_OF_STATUS.get(status, "invalid_request_error" if status < 500 else "api_error")
