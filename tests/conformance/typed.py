"""Typed event streams as strict SDKs read them: every rule of order is an assertion (wire.md 3.5)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tests.conformance.frames import Tree, frames

TERMINAL = ("response.completed", "response.incomplete", "response.failed")


def events(raw: bytes) -> list[Tree]:
    """The events; each is named by its own type."""
    found = []
    for frame in frames(raw):
        event = json.loads(frame.data)
        assert frame.name == event["type"], "an event's name is its type"
        found.append(event)
    return found


# ── Anthropic


def message_of(raw: bytes) -> Tree:
    """The message that the events spell; `error` stands in it where the stream broke off."""
    started, *rest = events(raw)
    if started["type"] == "error":
        return {"error": started["error"], "content": []}
    assert started["type"] == "message_start", "it begins with message_start"
    message: Tree = started["message"]
    assert message["content"] == [], "the content comes in blocks"
    over = False
    block: _Block | None = None
    for event in rest:
        assert not over, "something comes behind message_stop"
        kind = event["type"]
        if kind == "content_block_start":
            assert block is None, "a block begins inside another"
            assert event["index"] == len(message["content"]), "blocks are numbered without gaps"
            block = _Block(event["content_block"])
        elif kind in ("content_block_delta", "content_block_stop"):
            assert block is not None, "no block is open"
            assert event["index"] == len(message["content"])
            if kind == "content_block_stop":
                message["content"].append(block.ended())
                block = None
            else:
                block.take(event["delta"])
        elif kind == "message_delta":
            assert block is None, "the message ends inside a block"
            message |= event["delta"]
            message |= {n: v for n, v in event.items() if n not in ("type", "delta", "usage")}
        elif kind == "error":
            message["error"] = event["error"]
            over = True
        else:
            assert kind in ("ping", "message_stop") or block is None, "an unknown event inside a block"
            over = kind == "message_stop"
    assert over, "the stream has no end"
    assert "error" in message or message["stop_reason"], "no stop reason"
    return message


class _Block:
    """A content block that grows."""

    FIELDS: Mapping[str, str] = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}

    def __init__(self, block: Tree) -> None:
        self.block = json.loads(json.dumps(block))
        self.pieces = ""

    def take(self, delta: Tree) -> None:
        kind = delta["type"]
        if kind == "input_json_delta":
            self.pieces += delta["partial_json"]
        elif kind == "citations_delta":
            self.block.setdefault("citations", [])
            self.block["citations"] = [*(self.block["citations"] or []), delta["citation"]]
        else:
            field = self.FIELDS[kind]
            assert self.block["type"] in ("text", "thinking"), "a delta of another kind of block"
            self.block[field] = self.block.get(field, "") + delta[field]

    def ended(self) -> Tree:
        if self.pieces:
            self.block["input"] = json.loads(self.pieces)
        return dict(self.block)


# ── Responses


def response_of(raw: bytes) -> tuple[Tree, list[str]]:
    """The response of the last event, checked against everything before it, and the texts that the deltas spell."""
    found = events(raw)
    assert [event["sequence_number"] for event in found] == list(range(len(found))), "numbered without gaps"
    kinds = [event["type"] for event in found]
    assert kinds[0] == "response.created", "it begins with response.created"
    assert kinds[1] == "response.in_progress"
    assert kinds[-1] in TERMINAL, "it ends with a terminal event"
    assert not any(kind in TERMINAL for kind in kinds[:-1]), "two ends"
    spoken = _Spoken()
    for event in found[2:-1]:
        spoken.take(event)
    last: Tree = found[-1]["response"]
    assert kinds[-1] == f"response.{last['status']}", "the status is the event's"
    if last["status"] != "failed":
        assert not spoken.open_items, "an item has not ended"
        assert [item.get("id") for item in last["output"]] == [item.get("id") for item in spoken.items]
        assert last["output"] == spoken.items, "the last event repeats what was said"
    return last, ["".join(pieces) for pieces in spoken.pieces.values()]


class _Spoken:
    """Items, parts and texts in the order of their events."""

    def __init__(self) -> None:
        self.items: list[Tree] = []
        self.open_items: dict[int, Tree] = {}
        self.open_parts: dict[tuple[Any, ...], Tree] = {}
        self.pieces: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)

    def take(self, event: Tree) -> None:
        kind = event["type"].removeprefix("response.")
        at = event.get("output_index")
        if kind == "output_item.added":
            assert at == len(self.items) + len(self.open_items), "items are numbered without gaps"
            self.open_items[at] = event["item"]
            return
        if at is None:
            return
        assert at in self.open_items, f"{kind} outside its item"
        if "item_id" in event:
            assert event["item_id"] == self.open_items[at].get("id"), "an event of another item"
        place = (at, event.get("content_index"), event.get("summary_index"))
        if kind == "output_item.done":
            assert not any(part[0] == at for part in self.open_parts), "a part has not ended"
            self._check_item(at, event["item"])
            self.items.append(event["item"])
            del self.open_items[at]
        elif kind.endswith("_part.added"):
            assert place not in self.open_parts
            self.open_parts[place] = event["part"]
        elif kind.endswith("_part.done"):
            assert place in self.open_parts, "a part ends that never began"
            del self.open_parts[place]
            self._check_part(place, event["part"])
        elif kind.endswith(".delta") and isinstance(event.get("delta"), str):
            self.pieces[(*place, kind.removesuffix(".delta"))].append(event["delta"])
        elif kind.endswith(".done"):
            self._check_done(place, kind.removesuffix(".done"), event)

    def _check_done(self, place: tuple[Any, ...], kind: str, event: Tree) -> None:
        whole = next((event[name] for name in ("text", "refusal", "arguments", "input") if name in event), None)
        if whole is not None:
            assert whole == "".join(self.pieces.get((*place, kind), ())), f"{kind}.done repeats its deltas"

    def _check_part(self, place: tuple[Any, ...], part: Tree) -> None:
        said = [p for key, p in self.pieces.items() if key[:3] == place]
        whole = part.get("text", part.get("refusal"))
        if whole is not None and said:
            assert whole == "".join(piece for pieces in said for piece in pieces), "a part repeats its deltas"

    def _check_item(self, at: int, item: Tree) -> None:
        begun = self.open_items[at]
        assert (begun.get("id"), begun["type"]) == (item.get("id"), item["type"]), "another item ends than began"
