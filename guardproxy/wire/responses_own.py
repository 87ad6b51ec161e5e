"""What of an answer of `POST /v1/responses` is ours: frames, refusals, notices (wire.md 4.1).

own_response(envelope) -> Tree                          a response without output, in progress
text_part(text), refusal_part(text) -> Tree             parts of a message
own_message(id, parts, status) -> Tree
refused(response, item, in_field) -> Tree               the response as it ends after a refusal
part_events(place, part, index) -> list[Tree]           a part as a stream tells it
annotated(response, annotation) -> Tree                 with our members, in this surface's shapes
frame(event, number) -> bytes                           one event with its number
refusal_body(envelope, text, annotation, ask) -> bytes
refusal_stream(envelope, text, annotation, ask) -> list[bytes]

A refusal is an `output_text` part, which every client shows, and the response `incomplete` for `content_filter`; where
JSON or a forced tool was asked for it is a `refusal` part, which `.parse()` understands, and the response `completed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.envelope import Ask, Envelope, cut_text
from guardproxy.wire.inline_moderation import NAME

ID_PREFIX = "resp_"
PARTS = {
    "output_text": ("text", "response.output_text"),
    "refusal": ("refusal", "response.refusal"),
    "reasoning_text": ("text", "response.reasoning_text"),
    "summary_text": ("text", "response.reasoning_summary_text"),
}
"""Kind of a part → the member that holds its text, and what the events with its text are called."""


def no_usage() -> Tree:
    """Nothing was used."""
    counts: Tree = {"input_tokens": 0, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 0}
    return {**counts, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0}


def own_response(envelope: Envelope) -> Tree:
    """The frame of an answer that is our own."""
    return {
        "id": envelope.id,
        "object": "response",
        "created_at": envelope.created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": envelope.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def message_id(response_id: Any, at: int = 0) -> str:
    """The id of a message of ours at a place of the output, made from the response's; no upstream makes such ids."""
    return f"msg_guardproxy_{str(response_id).removeprefix(ID_PREFIX)}_{at}"


def text_part(text: str) -> Tree:
    """A part that clients show."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def refusal_part(text: str) -> Tree:
    """A part that says that there is no answer."""
    return {"type": "refusal", "refusal": text}


def own_message(item_id: str, parts: Sequence[Tree], status: str) -> Tree:
    """A message of these parts."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": list(parts)}


def ending(in_field: bool) -> Tree:  # noqa: FBT001 - one bit, named by `Ask`
    """How a refused response ends."""
    if in_field:
        return {"status": "completed", "error": None, "incomplete_details": None}
    return {"status": "incomplete", "error": None, "incomplete_details": {"reason": "content_filter"}}


def refused_message(response_id: Any, text: str, *, in_field: bool) -> Tree:
    """A refusal as the only item of an output."""
    part = refusal_part(text) if in_field else text_part(text)
    return own_message(message_id(response_id), [part], "completed" if in_field else "incomplete")


def refusal_body(envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> bytes:
    """A refusal without any upstream, HTTP 200."""
    output = [refused_message(envelope.id, text, in_field=ask.in_field)]
    body = {**own_response(envelope), **ending(ask.in_field), "output": output, "usage": no_usage()}
    return serialise(annotated(body, annotation))


def refusal_stream(envelope: Envelope, text: str, annotation: Tree, ask: Ask) -> list[bytes]:
    """The same as a stream."""
    start = own_response(envelope)
    item = refused_message(envelope.id, text, in_field=ask.in_field)
    last = annotated({**start, **ending(ask.in_field), "output": [item], "usage": no_usage()}, annotation)
    events: list[Tree] = [
        {"type": "response.created", "response": start},
        {"type": "response.in_progress", "response": start},
        *message_events(item, 0),
        {"type": f"response.{last['status']}", "response": last},
    ]
    return [frame(event, number) for number, event in enumerate(events)]


def annotated(response: Tree, annotation: Tree | None) -> Tree:
    """A response with our members. Where chat lists the results of a stage's choices, this surface has the one."""
    own = dict(annotation or {})
    if NAME in own:
        own[NAME] = {stage: _one_result(found) for stage, found in own[NAME].items()}
    return {**response, **own}


def _one_result(found: Tree) -> Tree:
    results = found.get("results")
    one: Tree = results[0] if isinstance(results, list) and results else found
    return one


def message_events(item: Tree, at: int) -> list[Tree]:
    """A message of ours as a stream tells it; `at` is its place in the output."""
    events: list[Tree] = [added(at, {**item, "status": "in_progress", "content": []})]
    for index, part in enumerate(item["content"]):
        events += part_events({"item_id": item["id"], "output_index": at}, part, index)
    return [*events, {"type": "response.output_item.done", "output_index": at, "item": item}]


def added(at: int, item: Tree) -> Tree:
    """The event with which an item starts."""
    return {"type": "response.output_item.added", "output_index": at, "item": item}


def part_events(place: Tree, part: Tree, index: int) -> list[Tree]:
    """A part of ours, its text in a few pieces."""
    name, kind = PARTS[part["type"]]
    where: Tree = {**place, "content_index": index}
    start: Tree = {"type": "response.content_part.added", **where, "part": {**part, name: ""}}
    return [start, *text_deltas(where, kind, part[name]), *part_ends(where, part)]


def text_deltas(where: Tree, kind: str, text: str) -> list[Tree]:
    """The pieces of a text."""
    noted: Tree = {"logprobs": []} if kind == "response.output_text" else {}
    return [{"type": f"{kind}.delta", **where, "delta": piece, **noted} for piece in cut_text(text)]


def part_ends(where: Tree, part: Tree, *, text_told: bool = False) -> list[Tree]:
    """How a part ends. `text_told`: the whole text has been said once more already."""
    name, kind = PARTS.get(str(part.get("type")), ("", ""))
    holder = "reasoning_summary_part" if part.get("type") == "summary_text" else "content_part"
    end: Tree = {"type": f"response.{holder}.done", **where, "part": part}
    if text_told or not kind:
        return [end]
    noted: Tree = {"logprobs": []} if kind == "response.output_text" else {}
    return [{"type": f"{kind}.done", **where, name: part.get(name, ""), **noted}, end]


def frame(event: Tree, number: int) -> bytes:
    """One event, named by its own type and numbered."""
    kind = event["type"]
    rest = {name: value for name, value in event.items() if name not in {"type", "sequence_number"}}
    body = serialise({"type": kind, "sequence_number": number, **rest})
    return b"event: " + str(kind).encode("ascii") + b"\ndata: " + body + b"\n\n"
