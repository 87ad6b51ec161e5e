"""An upstream of Anthropic's surface that answers the other way than asked: JSON for a stream, or a stream for JSON.

as_events(tree) -> list[Tree]                a plain answer as the events of a stream
Collector().add(event), .tree() -> Tree      the events of a stream as one plain answer
typed_tree(Event) -> Tree                    the JSON of an event, with its type
message_of(raw) -> Tree                      a plain answer; raises errors.UpstreamBadAnswer, as the others do
"""

from __future__ import annotations

from typing import Any

import orjson

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import load_answer
from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.messages_leaves import SERVER_CALLS
from guardproxy.wire.sse import Event

_CALLS = SERVER_CALLS | {"tool_use"}
_JOINED = {"text_delta": "text", "thinking_delta": "thinking"}


def typed_tree(received: Event) -> Tree:
    """Clients go by the type in the JSON; some servers give it in the event's name alone."""
    tree = load_answer(received.data)
    if tree.get("type") is None and received.name:
        tree["type"] = received.name
    return tree


def message_of(raw: bytes) -> Tree:
    """The answer, an object with a list of blocks."""
    tree = load_answer(raw)
    if tree.get("error") is not None or tree.get("type") == "error":
        raise UpstreamBadAnswer("the upstream reports an error inside its answer")
    content = tree.get("content")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise UpstreamBadAnswer("the upstream's answer has no list of content blocks")
    return tree


def as_events(tree: Tree) -> list[Tree]:
    """Each text in one piece. Blocks without pieces come whole in their start."""
    out: list[Tree] = []
    end = {"stop_reason": tree.get("stop_reason") or "end_turn", "stop_sequence": tree.get("stop_sequence")}
    start = {**tree, "content": [], "stop_reason": None, "stop_sequence": None}
    usage = tree["usage"] if isinstance(tree.get("usage"), dict) else {}
    out.append({"type": "message_start", "message": start})
    for index, block in enumerate(tree["content"]):
        bare, deltas = _taken_apart(block)
        out.append({"type": "content_block_start", "index": index, "content_block": bare})
        out += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        out.append({"type": "content_block_stop", "index": index})
    return [*out, {"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]


def _taken_apart(block: Tree) -> tuple[Tree, list[Tree]]:
    kind, bare, deltas = block.get("type"), dict(block), []
    if kind == "text" and isinstance(block.get("text"), str):
        deltas.append({"type": "text_delta", "text": block["text"]})
        bare["text"] = ""
        if isinstance(block.get("citations"), list):
            deltas += [{"type": "citations_delta", "citation": citation} for citation in block["citations"]]
            bare["citations"] = []
    elif kind == "thinking" and isinstance(block.get("thinking"), str):
        deltas.append({"type": "thinking_delta", "thinking": block["thinking"]})
        bare["thinking"] = ""
        if block.get("signature"):
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            bare["signature"] = ""
    elif kind in _CALLS and isinstance(block.get("input"), dict | list):
        deltas.append({"type": "input_json_delta", "partial_json": serialise(block["input"]).decode()})
        bare["input"] = {}
    return bare, deltas


class Collector:
    """Joins events, as client libraries do."""

    def __init__(self) -> None:
        self._message: Tree = {}
        self._blocks: list[Tree] = []
        self._open: dict[Any, Tree] = {}
        self._json: dict[int, list[str]] = {}
        self._ended = False

    def add(self, event: Tree) -> None:
        """One event more. Raises UpstreamBadAnswer on an error."""
        if event.get("type") == "error" or event.get("error") is not None:
            raise UpstreamBadAnswer("the upstream reports an error inside its answer")
        delta = event.get("delta")
        match event.get("type"):
            case "message_start" if isinstance(event.get("message"), dict):
                self._message = {**event["message"], "content": []}
            case "content_block_start" if isinstance(event.get("content_block"), dict):
                self._open[event.get("index")] = dict(event["content_block"])
                self._blocks.append(self._open[event.get("index")])
            case "content_block_delta" if isinstance(delta, dict) and event.get("index") in self._open:
                self._join(self._open[event["index"]], delta)
            case "message_delta" if isinstance(delta, dict):
                self._message.update(delta)
                self._ended = self._ended or delta.get("stop_reason") is not None
                if isinstance(event.get("usage"), dict):
                    usage = self._message.get("usage")
                    self._message["usage"] = {**(usage if isinstance(usage, dict) else {}), **event["usage"]}

    def tree(self) -> Tree:
        """The answer. Raises UpstreamBadAnswer when it has no end: half an answer is no answer."""
        if not self._ended:
            raise UpstreamBadAnswer("the upstream's stream was cut")
        for at, block in enumerate(self._blocks):
            if text := "".join(self._json.get(id(block), [])):
                self._blocks[at] = {**block, "input": _parsed(text)}
        return {**self._message, "content": self._blocks}

    def _join(self, block: Tree, delta: Tree) -> None:
        kind = str(delta.get("type"))
        name = _JOINED.get(kind)
        if name is not None and isinstance(delta.get(name), str):
            held = block.get(name)
            block[name] = (held if isinstance(held, str) else "") + delta[name]
        elif kind == "input_json_delta" and isinstance(delta.get("partial_json"), str):
            self._json.setdefault(id(block), []).append(delta["partial_json"])
        elif kind == "citations_delta":
            held = block.get("citations")
            block["citations"] = [*(held if isinstance(held, list) else []), delta.get("citation")]
        elif name is None:
            for member, value in delta.items():
                held = block.get(member)
                joins = isinstance(held, str) and isinstance(value, str) and kind != "signature_delta"
                if member != "type":
                    block[member] = held + value if joins else value


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise UpstreamBadAnswer("the upstream calls a tool with something that is not JSON") from None
