"""What a scripted upstream says on the two surfaces whose streams are typed events.

message(*blocks) -> Script, message_stream(*blocks) -> Script          Anthropic's /v1/messages
    a block: text · a list of pieces of one text · thinking(text) · tool_use(name, input) · any mapping
response(*items) -> Script, response_stream(*items) -> Script          OpenAI's /v1/responses
    an item: text · a list of pieces of one text · says(part, …) · reasoning(text) · function_call(name, arguments)
    · custom_call(name, text) · any mapping; parts: output_text(text) · refusal_part(text)
typed_frame(event) -> bytes                                            one event of either stream

Streams: one segment for each event, so that a test cuts a stream with `replace(script, segments=…)`. A list of pieces
gives one delta for each piece; other texts are cut every `size` characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from guardproxy.testing.scripts import SSE, Script, answer

Event = dict[str, Any]
Said = str | Sequence[str] | Mapping[str, Any]

SIZE = 8
TEXT_IN = {"text": "text", "thinking": "thinking"}
"""Kind of an Anthropic block → the field that holds its text."""
CALLS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
"""Kind of a Responses item → the field that holds its text, and what its events are called."""
PARTS = {
    "output_text": ("text", "response.output_text"),
    "refusal": ("refusal", "response.refusal"),
    "reasoning_text": ("text", "response.reasoning_text"),
}
"""Kind of a part → the same."""


def typed_frame(event: Mapping[str, Any]) -> bytes:
    """One event, named by its own `type`."""
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _events(events: Iterator[Event]) -> Script:
    return Script(tuple(typed_frame(event) for event in events), content_type=SSE)


def _whole(said: Said) -> str | Mapping[str, Any]:
    return said if isinstance(said, str | Mapping) else "".join(said)


def _pieces(said: Said, text: str, size: int) -> list[str]:
    if isinstance(said, str | Mapping):
        return [text[at : at + size] for at in range(0, len(text), size)]
    return list(said)


# ── Anthropic


def thinking(text: str, signature: str = "c2lnbmVk") -> Event:
    """A block of thoughts with its signature."""
    return {"type": "thinking", "thinking": text, "signature": signature}


def tool_use(name: str, arguments: Mapping[str, Any], call: str = "toolu_1") -> Event:
    """A call of a tool."""
    return {"type": "tool_use", "id": call, "name": name, "input": dict(arguments)}


def _block(said: Said) -> Event:
    whole = _whole(said)
    return {"type": "text", "text": whole} if isinstance(whole, str) else dict(whole)


def _message(content: list[Event], **more: Any) -> Event:
    usage = {"input_tokens": 3, "output_tokens": 5}
    top = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content}
    return {**top, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage, **more}


def message(*blocks: Said, **top: Any) -> Script:
    """A plain answer; `top` replaces or adds top-level fields, such as `stop_reason`."""
    return answer(_message([_block(block) for block in blocks], **top))


def message_stream(*blocks: Said, size: int = SIZE, stop_reason: str = "end_turn") -> Script:
    """The same as a stream, with a ping after the start as the real service sends it."""
    return _events(_message_events(blocks, size, stop_reason))


def _message_events(blocks: Sequence[Said], size: int, stop_reason: str) -> Iterator[Event]:
    empty = _message([], stop_reason=None, usage={"input_tokens": 3, "output_tokens": 1})
    yield {"type": "message_start", "message": empty}
    for index, said in enumerate(blocks):
        started, *rest = _block_events(said, index, size)
        yield from [started, {"type": "ping"}, *rest] if index == 0 else [started, *rest]
    end = {"stop_reason": stop_reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


def _block_events(said: Said, index: int, size: int) -> Iterator[Event]:
    block = _block(said)
    kind = block["type"]
    start, deltas = block, []
    if kind == "tool_use":
        start = {**block, "input": {}}
        whole = json.dumps(block["input"], ensure_ascii=False)
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(block, whole, size)]
    elif kind in TEXT_IN:
        field = TEXT_IN[kind]
        start = {**block, field: ""} | ({"signature": ""} if kind == "thinking" else {})
        deltas = [{"type": f"{kind}_delta", field: piece} for piece in _pieces(said, block[field], size)]
    if kind == "thinking":
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


# ── Responses


def output_text(text: str) -> Event:
    """A part with text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def refusal_part(text: str) -> Event:
    """A part in which the model refuses."""
    return {"type": "refusal", "refusal": text}


def says(*parts: Mapping[str, Any], status: str = "completed") -> Event:
    """A message of these parts."""
    return {"type": "message", "status": status, "role": "assistant", "content": [dict(part) for part in parts]}


def reasoning(text: str = "", summary: str = "") -> Event:
    """Thoughts in the open, as a summary, or both."""
    content = {"content": [{"type": "reasoning_text", "text": text}]} if text else {}
    shown = [{"type": "summary_text", "text": summary}] if summary else []
    return {"type": "reasoning", "summary": shown, **content}


def function_call(name: str, arguments: str, call: str = "call_1") -> Event:
    """A call of a function; `arguments` is JSON in a string."""
    return {"type": "function_call", "status": "completed", "call_id": call, "name": name, "arguments": arguments}


def custom_call(name: str, text: str, call: str = "call_1") -> Event:
    """A call of a custom tool, whose input is free text."""
    return {"type": "custom_tool_call", "status": "completed", "call_id": call, "name": name, "input": text}


def _item(said: Said, index: int) -> Event:
    whole = _whole(said)
    made = says(output_text(whole)) if isinstance(whole, str) else whole
    return {"id": f"item_{index}", **made}


def _response(output: list[Event], **more: Any) -> Event:
    details = {"input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}}
    usage = {"input_tokens": 3, **details, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": "m",
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {**usage, "total_tokens": 8},
        **more,
    }


def response(*items: Said, **top: Any) -> Script:
    """A plain answer; `top` replaces or adds top-level fields, such as `status`."""
    return answer(_response([_item(said, index) for index, said in enumerate(items)], **top))


def response_stream(*items: Said, size: int = SIZE, **top: Any) -> Script:
    """The same as a stream; it ends with `response.<status>`. No `[DONE]`: this surface has none."""
    bare = _response_events(items, size, top)
    return _events({"sequence_number": number, **event} for number, event in enumerate(bare))


def _response_events(items: Sequence[Said], size: int, top: Mapping[str, Any]) -> Iterator[Event]:
    empty = _response([], **{**top, "status": "in_progress", "usage": None, "incomplete_details": None, "error": None})
    yield {"type": "response.created", "response": empty}
    yield {"type": "response.in_progress", "response": empty}
    for index, said in enumerate(items):
        yield from _item_events(said, index, size)
    last = _response([_item(said, index) for index, said in enumerate(items)], **top)
    yield {"type": f"response.{last['status']}", "response": last}


def _item_events(said: Said, index: int, size: int) -> Iterator[Event]:
    item = _item(said, index)
    place = {"item_id": item["id"], "output_index": index}
    empty = dict(item)
    for field in ("content", "summary"):
        if field in item:
            empty[field] = []
    if "status" in item:
        empty["status"] = "in_progress"
    inner: list[Event] = []
    if item["type"] in CALLS:
        field, name = CALLS[item["type"]]
        empty[field] = ""
        inner = [*_text_events(place, name, field, _pieces(said, item[field], size))]
    for at, part in enumerate(item.get("summary", [])):
        inner += _summary_events(place | {"summary_index": at}, part, size)
    for at, part in enumerate(item.get("content", [])):
        inner += _part_events(place | {"content_index": at}, part, _pieces(said, part[PARTS[part["type"]][0]], size))
    yield {"type": "response.output_item.added", "output_index": index, "item": empty}
    yield from inner
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _text_events(place: Mapping[str, Any], name: str, field: str, pieces: Sequence[str]) -> Iterator[Event]:
    noted: Event = {"logprobs": []} if name == PARTS["output_text"][1] else {}
    for piece in pieces:
        yield {"type": f"{name}.delta", **place, "delta": piece, **noted}
    yield {"type": f"{name}.done", **place, field: "".join(pieces), **noted}


def _part_events(place: Mapping[str, Any], part: Event, pieces: Sequence[str]) -> Iterator[Event]:
    field, name = PARTS[part["type"]]
    yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
    yield from _text_events(place, name, field, pieces)
    yield {"type": "response.content_part.done", **place, "part": part}


def _summary_events(place: Mapping[str, Any], part: Event, size: int) -> Iterator[Event]:
    yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
    pieces = _pieces(part, part["text"], size)
    yield from _text_events(place, "response.reasoning_summary_text", "text", pieces)
    yield {"type": "response.reasoning_summary_part.done", **place, "part": part}
