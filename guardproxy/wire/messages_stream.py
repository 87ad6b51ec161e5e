"""A stream of Anthropic's surface: upstream events in, released events out. No I/O.

    MessagesStream(envelope, ask)      an AnswerStream with the one choice 0

Every text of a known event holds it (`typed_queue`); a text that is there whole is complete at once, so that it waits
for its own inspection only. Thoughts are a channel for each block, which ends with the block; the prose of all blocks
is one channel, so that a phrase cut between two of them is seen. A call of the client's tools waits for the end; what
the upstream gives to its own tools waits for the end of its block. Strings that no list knows, beside a delta, leave if
they are cleared in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from guardproxy.core.commands import CONTENT, Channel, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import WHOLE_CONTENT, Called
from guardproxy.wire.answer_fields import Path, TextLeaf
from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.dialect import AnswerStream, Closed, Delta, Reading
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.messages_leaves import (
    SERVER_CALLS,
    block_leaves,
    call_of,
    called_name,
    input_leaves,
    leaves_below,
    message_leaves,
    other,
    reasoning_of,
)
from guardproxy.wire.messages_own import PING, error_event
from guardproxy.wire.messages_writer import MessageWriter
from guardproxy.wire.sealed import is_sealed
from guardproxy.wire.typed_queue import EventQueue, Settle

_TEXT_IN = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_DELTAS = frozenset({*_TEXT_IN, "signature_delta", "citations_delta", "compaction_delta"})
_MEMBERS = {
    "message_start": {"type", "message"},
    "content_block_start": {"type", "index", "content_block"},
    "content_block_delta": {"type", "index", "delta"},
    "content_block_stop": {"type", "index"},
}
_PLAIN_END: Tree = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}


@dataclass(slots=True)
class _Block:
    """A block that the upstream has begun: its number in the answer, whatever the upstream calls it.

    `given`: a call's input that stood in its start. `whole`: how many of its texts came whole.
    """

    at: int
    kind: str
    given: str = ""
    pieces: list[str] = field(default_factory=list)
    spoke: bool = False
    whole: int = 0
    channels: set[Channel] = field(default_factory=set)

    @property
    def tool(self) -> bool:
        """A call that somebody behind us will make."""
        return self.kind == "tool_use"


@dataclass(slots=True)
class _Notes:
    """What one event brings."""

    deltas: list[Delta] = field(default_factory=list)
    finished: bool = False
    called: list[Called] = field(default_factory=list)
    closed: dict[Channel, None] = field(default_factory=dict)

    def reading(self) -> Reading:
        """The same for the flow."""
        closed = tuple(Closed(0, channel) for channel in self.closed)
        return Reading(tuple(self.deltas), (0,) if self.finished else (), tuple(self.called), closed)


class MessagesStream(AnswerStream):
    """See the module's text."""

    def __init__(self, envelope: Envelope, ask: Ask = Ask()) -> None:  # noqa: B008 - frozen
        self._writer = MessageWriter(envelope)
        self._queue = EventQueue()
        self._content = WHOLE_CONTENT if ask.structured else CONTENT
        self._blocks: dict[int, _Block] = {}
        self._begun = 0
        self._greeted = False
        self._words: set[str] = set()
        self._notes = _Notes()
        self._after = ""
        self._ended = self._halted = self._over = False

    @property
    def complete(self) -> bool:
        """See `AnswerStream`."""
        return self._ended or self._halted

    @property
    def all_halted(self) -> bool:
        """See `AnswerStream`; nothing that counts comes after the end of the message."""
        return self._halted or self._over

    def chunk(self, tree: Tree) -> Reading:
        """See `AnswerStream`."""
        kind = tree.get("type")
        if kind == "error" or tree.get("error") is not None:
            raise UpstreamBadAnswer("the upstream reports an error inside its answer")
        if not isinstance(kind, str) or not is_control_value(kind):
            raise UpstreamBadAnswer("the upstream sends an event that has no type")
        self._notes = _Notes()
        if self._ended or self._halted:
            self._over = self._over or kind == "message_stop"
            return Reading()
        match kind:
            case "message_start":
                self._message_start(tree)
            case "content_block_start":
                self._block_start(tree)
            case "content_block_delta":
                self._delta(tree, self._block_of(tree))
            case "content_block_stop":
                self._block_stop(tree, self._block_of(tree))
            case "message_delta":
                self._message_delta(tree)
            case "message_stop":
                self._over = True  # before any reason to stop: the answer was cut
            case "ping":
                self._queue.add({"type": "ping"})
            case _:
                self._unknown(tree, kind)
        return self._notes.reading()

    def release(self, release: Release) -> list[bytes]:
        """See `AnswerStream`."""
        if self._halted:
            return []
        self._queue.release(release)
        return self.ready()

    def ready(self) -> list[bytes]:
        """See `AnswerStream`."""
        return [frame for tree in self._queue.ready() for frame in self._writer.pass_on(tree)]

    def notice(self, choice: int, text: str, *, before: bool) -> list[bytes]:
        """See `AnswerStream`: a block of its own, a blank line away, for many clients join the texts of all blocks."""
        del choice
        if not before:
            self._after = text
            return []
        self._queue.started = True
        return self._writer.say(text + "\n\n")

    def halt(self, choice: int, text: str) -> list[bytes]:
        """See `AnswerStream`."""
        del choice
        if self._halted:
            raise AssertionError("an answer was halted twice; this is a bug")
        self._halted, self._after = True, ""
        self._queue.drop()
        return self._writer.refuse(text)

    def finish(self, annotation: Tree | None = None) -> list[bytes]:
        """See `AnswerStream`; the upstream's end carries our member."""
        if self._halted:
            return self._writer.refused(annotation)
        trees = self._queue.ready(final=True)
        end = trees.pop() if trees and _is_end(trees[-1]) else _PLAIN_END
        out = [frame for tree in trees for frame in self._writer.pass_on(tree)]
        if self._after:
            out += self._writer.say(self._after)
        return [*out, *self._writer.ended(end, annotation)]

    def fault(self, code: str, message: str, annotation: Tree | None = None) -> list[bytes]:
        """See `AnswerStream`: an event `error`, after which clients raise."""
        self._queue.drop()
        return [error_event(code, message, annotation)]

    def heartbeat(self) -> bytes:
        """A ping is part of this surface."""
        return PING

    def _message_start(self, tree: Tree) -> None:
        message = tree.get("message")
        if not isinstance(message, dict) or self._greeted:
            raise UpstreamBadAnswer("the upstream begins a message that is none, or a second one")
        self._greeted = True
        message["content"] = []  # blocks come as events of their own
        self._writer.note_start(message)
        self._writer.note_usage(message.get("usage"))
        leaves = [_below(leaf, ("message",)) for leaf in message_leaves(message, "message")]
        self._add(tree, leaves, _beside(tree), whole=True)

    def _block_start(self, tree: Tree) -> None:
        index, start = tree.get("index"), tree.get("content_block")
        if not isinstance(index, int) or not isinstance(start, dict) or index in self._blocks:
            raise UpstreamBadAnswer("the upstream begins a block without a number or a kind of its own")
        block = self._blocks[index] = _Block(self._begun, str(start.get("type")))
        self._begun += 1
        if block.tool:
            self._notes.called.append(Called(0, called_name(start)))
            if isinstance(start.get("input"), dict) and start["input"]:
                block.given, start["input"] = serialise(start["input"]).decode(), {}
        leaves = [_below(leaf, ("content_block",)) for leaf in block_leaves(start, block.at, self._content)]
        go_on = {self._content, reasoning_of(block.at), call_of(block.at)}
        self._add(tree, leaves, _beside(tree), block=block, tool=block.tool)
        self._close(leaf.channel for leaf in leaves if leaf.channel not in go_on)

    def _delta(self, tree: Tree, block: _Block) -> None:
        delta = tree.get("delta")
        if not isinstance(delta, dict):
            return
        kind = delta.get("type")
        if not isinstance(kind, str):
            raise UpstreamBadAnswer("the upstream sends a delta that has no type")
        if kind == "input_json_delta" and block.kind in SERVER_CALLS:
            block.pieces.append(delta["partial_json"] if isinstance(delta.get("partial_json"), str) else "")
            return
        if kind == "signature_delta":
            self._signature(tree, delta, block)
        elif kind == "citations_delta":
            block.whole += 1
            base = f"content.{block.at}.citations.{block.whole - 1}"
            leaves = [_below(leaf, ("delta", "citation")) for leaf in leaves_below(delta.get("citation"), (), base)]
            self._add(tree, leaves, _beside(tree, "citation"), whole=True)
        elif kind in _TEXT_IN:
            self._text(tree, delta, block)
        else:
            self._unknown_delta(tree, delta, block)

    def _text(self, tree: Tree, delta: Tree, block: _Block) -> None:
        name = _TEXT_IN[delta["type"]]
        channel = {"text": self._content, "thinking": reasoning_of(block.at)}.get(name, call_of(block.at))
        block.spoke = block.spoke or name == "partial_json"
        text = delta.get(name)
        leaves = [TextLeaf(channel, text, ("delta", name))] if isinstance(text, str) and text else []
        self._add(tree, leaves, _beside(tree, name), block=block, divisible=True, tool=block.tool)

    def _signature(self, tree: Tree, delta: Tree, block: _Block) -> None:
        """A seal over thoughts that were changed would be wrong: it does not leave."""
        text = delta.get("signature")
        leaves = []
        if isinstance(text, str) and text and not is_sealed(text):
            block.whole += 1
            leaves = [TextLeaf(other(f"content.{block.at}.signature", (block.whole,)), text, ("delta", "signature"))]
        channels = (reasoning_of(block.at), *(leaf.channel for leaf in leaves))
        self._close([reasoning_of(block.at)])
        beside = _beside(tree, "signature")
        self._add(tree, leaves, beside, settle=partial(self._unless_changed, channels), whole=True)

    def _unknown_delta(self, tree: Tree, delta: Tree, block: _Block) -> None:
        """Its strings are pieces of texts that end with the block."""
        found = leaves_below({**delta, "type": None}, (), f"content.{block.at}.delta")
        leaves = [_below(leaf, ("delta",)) for leaf in found]
        texts, names = [leaf for leaf in leaves if not leaf.key], [leaf for leaf in leaves if leaf.key]
        block.channels |= {leaf.channel for leaf in texts}
        word, settle = self._word(delta["type"], ("delta", "type"), known=delta["type"] in _DELTAS)
        self._add(tree, [*word, *texts], [*names, *_beside(tree)], tool=block.tool, settle=settle)

    def _block_stop(self, tree: Tree, block: _Block) -> None:
        del self._blocks[tree["index"]]
        if block.kind in SERVER_CALLS:
            self._add_server_input(block, tree["index"])
        elif block.given and not block.spoke:
            delta = {"type": "input_json_delta", "partial_json": block.given}
            event = {"type": "content_block_delta", "index": tree["index"], "delta": delta}
            self._add(event, [TextLeaf(call_of(block.at), block.given, ("delta", "partial_json"))], tool=True)
        self._close([reasoning_of(block.at), *block.channels])
        self._add(tree, [], _beside(tree), tool=block.tool)

    def _add_server_input(self, block: _Block, index: int) -> None:
        """In one piece and taken apart, for letters may be escaped in the JSON text."""
        text = "".join(block.pieces)
        if not text:
            return
        delta: Tree = {"type": "input_json_delta", "partial_json": text}
        event: Tree = {"type": "content_block_delta", "index": index, "delta": delta}
        path: Path = ("delta", "partial_json")
        base = f"content.{block.at}.input"
        try:
            parsed = orjson.loads(text)
        except orjson.JSONDecodeError:
            parsed = None
        if isinstance(parsed, dict | list):
            delta["partial_json"] = parsed
            leaves = [_below(leaf, path) for leaf in input_leaves(parsed, (), base)]
            self._add(event, leaves, whole=True, settle=_as_json_text)
        else:
            self._add(event, [TextLeaf(other(base, ()), text, path)], whole=True)

    def _message_delta(self, tree: Tree) -> None:
        delta = tree.get("delta")
        self._writer.note_usage(tree.get("usage"))
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or reason is None:
            self._add(tree, [], list(leaves_below({**tree, "type": None}, (), "event")))
            return
        for index, block in list(self._blocks.items()):
            self._block_stop({"type": "content_block_stop", "index": index}, block)
        leaves = [_below(leaf, ("delta",)) for leaf in message_leaves(delta, "end")]
        beside = message_leaves({**tree, "type": None, "delta": None}, "end")
        self._add(tree, [*leaves, *beside], whole=True, tool=True, settle=_with_reason)
        self._ended = self._notes.finished = True

    def _unknown(self, tree: Tree, kind: str) -> None:
        word, settle = self._word(kind, ("type",), known=False)
        self._add(tree, word, list(leaves_below({**tree, "type": None}, (), f"event.{kind}")), settle=settle)

    def _word(self, word: str, path: Path, *, known: bool) -> tuple[list[TextLeaf], Settle | None]:
        """A type that no list knows is looked at once; if it may not leave, no event of that type does."""
        if known:
            return [], None
        channel = other("type", (word,))
        fresh = word not in self._words
        self._words.add(word)
        self._close([channel] if fresh else [])
        return [TextLeaf(channel, word, path)] if fresh else [], partial(self._unless_changed, (channel,))

    def _unless_changed(self, channels: Sequence[Channel], tree: Tree) -> Tree | None:
        return None if any(self._queue.was_changed(channel) for channel in channels) else tree

    def _add(
        self,
        tree: Tree,
        leaves: Sequence[TextLeaf],
        others: Sequence[TextLeaf] = (),
        *,
        whole: bool = False,
        block: _Block | None = None,
        **how: Any,
    ) -> None:
        """Queues an event that waits for these leaves. `whole`: their texts are complete now."""
        if block is not None:
            leaves = [replace(leaf, part=block.at) for leaf in leaves]
        for text in self._queue.add(tree, leaves, others, **how):
            self._notes.deltas.append(Delta(0, text.channel, text.text))
        if whole:
            self._close(leaf.channel for leaf in leaves)

    def _block_of(self, tree: Tree) -> _Block:
        index = tree.get("index")
        if not isinstance(index, int) or index not in self._blocks:
            raise UpstreamBadAnswer("the upstream goes on with a block that it has not begun")
        return self._blocks[index]

    def _close(self, channels: Iterable[Channel]) -> None:
        self._notes.closed.update(dict.fromkeys(channels))


def _is_end(tree: Tree) -> bool:
    return tree["type"] == "message_delta" and tree["delta"].get("stop_reason") is not None


def _below(leaf: TextLeaf, above: Path) -> TextLeaf:
    """The same leaf with its path from the top of the event."""
    return TextLeaf(leaf.channel, leaf.text, (*above, *leaf.path), leaf.key)


def _beside(tree: Tree, member: str = "") -> list[TextLeaf]:
    """What stands in an event beside what every event of its kind holds, and in its delta beside this member."""
    extra = {name: value for name, value in tree.items() if name not in _MEMBERS[tree["type"]]}
    out = list(leaves_below(extra, (), "event"))
    if member:
        kept = () if isinstance(tree["delta"].get(member), list | dict) and member != "citation" else (member,)
        inside = {name: value for name, value in tree["delta"].items() if name not in {"type", *kept}}
        out += [_below(leaf, ("delta",)) for leaf in leaves_below(inside, (), f"delta.{member}")]
    return out


def _as_json_text(tree: Tree) -> Tree:
    delta = tree["delta"]
    return {**tree, "delta": {**delta, "partial_json": serialise(delta["partial_json"]).decode()}}


def _with_reason(tree: Tree) -> Tree:
    """What is left of a word that nobody cleared is no reason to stop."""
    reason = tree["delta"].get("stop_reason")
    if isinstance(reason, str) and is_control_value(reason):
        return tree
    return {**tree, "delta": {**tree["delta"], "stop_reason": "end_turn"}}
