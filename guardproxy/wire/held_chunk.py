"""A chunk that waits for its texts, and the channels that the texts belong to.

Held(seq, tree, pieces, others, tool)    a queued chunk of one choice
Piece, Line                              one of its texts; how far a channel is
whole_chunk(held, changed), part_of(held), rest_of(held) -> Tree      what leaves now, what is left for later
only_tools(tree), without_tools(tree) -> Tree                         a chunk in two
is_without_text, holds_only_text, says_more                           what a chunk holds
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.commands import Channel, ChannelKind, Release
from guardproxy.wire.answer_fields import DETAIL_TEXTS, DETAIL_TYPES, Path, TextLeaf
from guardproxy.wire.body import Tree
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.logprobs import Logprobs, checked_logprobs
from guardproxy.wire.patch import with_value
from guardproxy.wire.seam import SEAM
from guardproxy.wire.stream_fields import CHOICE, Watched

FRAME = ("id", "object", "created", "model")
_DELTA: Path = (*CHOICE, "delta")
_TOOLS = frozenset({"tool_calls", "function_call"})
_SAME_IN_EVERY_CHUNK = frozenset({*FRAME, "choices", "system_fingerprint", "service_tier"})
_PARTS_OF_CHOICE = frozenset({"index", "delta", "logprobs", "finish_reason"})


@dataclass(slots=True, eq=False, repr=False)
class Piece:
    """One text of a queued chunk: `[start, end)` of its channel; `ready` has been released but has not left."""

    held: Held
    leaf: TextLeaf
    start: int
    end: int
    covered: int
    ready: str = ""
    touched: bool = False

    @property
    def whole(self) -> bool:
        """Released in full."""
        return self.covered == self.end


@dataclass(slots=True, eq=False, repr=False)
class Held:
    """A queued chunk: the texts it waits for, and its unknown strings. `split`: a part of it has left."""

    seq: int
    tree: Tree
    pieces: list[Piece]
    others: list[Watched]
    tool: bool
    split: bool = False
    logprobs: Logprobs = "chosen"

    @property
    def whole(self) -> bool:
        """Waits for nothing more."""
        return all(piece.whole for piece in self.pieces)

    @property
    def ready(self) -> bool:
        """Has text that may leave now."""
        return any(piece.ready for piece in self.pieces)

    def forget(self) -> None:
        """It has left. It and its texts know each other: such rings wait for the collector of cycles, which comes the more
        seldom the more streams there are, and meanwhile each word of each stream would stay.
        """
        self.pieces = []


@dataclass(slots=True)
class Line:
    """How far a channel is: characters seen and released, the source text and the pieces in between."""

    seen: int = 0
    released: int = 0
    source: list[str] = field(default_factory=list)
    pieces: deque[Piece] = field(default_factory=deque)

    def take(self, held: Held, leaf: TextLeaf) -> Piece:
        """The next text of the channel."""
        piece = Piece(held, leaf, self.seen, self.seen + len(leaf.text), self.seen)
        self.seen = piece.end
        self.source.append(leaf.text)
        self.pieces.append(piece)
        return piece

    def give(self, release: Release) -> bool:
        """Moves on; true when the released text is the source text."""
        source = "".join(self.source)
        base = self.seen - len(source)
        self.released = max(self.released, release.end)
        self.source = [source[max(release.end - base, 0) :]]
        return source[max(release.start - base, 0) : max(release.end - base, 0)] == release.text

    def seam(self, channel: Channel) -> None:
        """A border in front of the next text."""
        nowhere = Held(0, {}, [], [], tool=False)
        self.take(nowhere, TextLeaf(channel, SEAM, ()))

    def written(self, release: Release) -> str:
        """The text of a release that was changed; what was written again over a seam does not keep it."""
        over = any(not piece.leaf.path for piece in self.pieces if piece.start < release.end)
        return release.text.replace(SEAM, "") if over else release.text

    def reached(self, release: Release) -> Iterator[Piece]:
        """The pieces that the released text came from; those it completes are forgotten. Seams are no pieces."""
        while self.pieces and self.pieces[0].start < release.end:
            piece = self.pieces[0]
            if piece.end <= release.end:
                self.pieces.popleft()
            if piece.end > release.start and piece.leaf.path:
                yield piece
            if piece.end > release.end:
                return


def is_without_text(held: Held) -> bool:
    """True when it waits for no channel."""
    return not held.pieces and not held.tool


def holds_only_text(held: Held) -> bool:
    """True when nothing of its delta is left once its texts are gone."""
    delta = held.tree["choices"][0].get("delta")
    return bool(held.pieces) and isinstance(delta, dict) and set(delta) <= _text_names(held)


def says_more(held: Held) -> bool:
    """True when a chunk holds something beside its texts, its tool calls and what every chunk repeats."""
    choice = held.tree["choices"][0]
    known = (
        (held.tree, _SAME_IN_EVERY_CHUNK),
        (choice, _PARTS_OF_CHOICE),
        (choice["delta"], _text_names(held) | _TOOLS),
    )
    unknown = any(not (held.tool and is_below_tools(entry)) for entry in held.others)
    return unknown or any(value and name not in names for holder, names in known for name, value in holder.items())


def _text_names(held: Held) -> set[Any]:
    return {piece.leaf.path[1] for piece in held.pieces}


def is_below_tools(entry: Watched) -> bool:
    """True for an unknown string inside a tool call."""
    path = entry.leaf.path
    return len(path) > len(_DELTA) and path[: len(_DELTA)] == _DELTA and path[len(_DELTA)] in _TOOLS


def only_tools(tree: Tree) -> Tree:
    """The tool calls of a chunk, as one of their own."""
    return _frame(tree, {name: value for name, value in tree["choices"][0]["delta"].items() if name in _TOOLS})


def without_tools(tree: Tree) -> Tree:
    """The chunk without them."""
    delta = {name: value for name, value in tree["choices"][0]["delta"].items() if name not in _TOOLS}
    return _with_delta(tree, delta)


def trimmed(held: Held) -> Tree:
    """The chunk without empty members beside its texts, which may come late: they could hide text of others."""
    return _with_delta(held.tree, _texts_only(held))


def _texts_only(held: Held) -> Tree:
    names = _text_names(held)
    return {name: value for name, value in held.tree["choices"][0]["delta"].items() if name in names}


def _with_delta(tree: Tree, delta: Tree) -> Tree:
    return dict(with_value(tree, _DELTA, delta))


def whole_chunk(held: Held, *, changed: bool) -> Tree:
    """A chunk all of whose text is released; `changed`: not as it came."""
    return _with_logprobs(_with_ready(held) if changed else held.tree, held, changed=changed)


def part_of(held: Held) -> Tree:
    """What of a chunk may leave before the rest of its text."""
    return _with_logprobs(_with_ready(held), held, changed=True)


def rest_of(held: Held) -> Tree:
    """The frame of a chunk whose first part has left: its texts, and nothing that would come twice."""
    return _frame(held.tree, {name: _bare_text(value) for name, value in _texts_only(held).items()})


def _bare_text(value: Any) -> Any:
    """A list keeps its places, not what stands beside the texts: that has left, or was not cleared to."""
    return [_bare_entry(entry) for entry in value] if isinstance(value, list) else value


def _bare_entry(entry: Any) -> Tree:
    """A part of the content, or an entry of `reasoning_details` with the index it grows by."""
    if not isinstance(entry, dict):
        return {"type": "text", "text": ""}
    if entry.get("type") in DETAIL_TYPES:
        index = {"index": entry["index"]} if isinstance(entry.get("index"), int) else {}
        texts = {name: "" for name in DETAIL_TEXTS if isinstance(entry.get(name), str)}
        return {"type": entry["type"], **index, **texts}
    thinking = entry.get("thinking")
    if isinstance(thinking, str | list):
        return {"type": "thinking", "thinking": _bare_text(thinking) if isinstance(thinking, list) else ""}
    return {"type": "text", "text": ""}


def _frame(tree: Tree, delta: Tree) -> Tree:
    """A chunk like this one with another delta; of its names those that are no text, for nobody asks again."""
    frame = {name: tree[name] for name in FRAME if name in tree and _is_no_text(tree[name])}
    index = tree["choices"][0].get("index", 0)
    return {**frame, "choices": [{"index": index, "delta": delta, "finish_reason": None}]}


def _is_no_text(value: Any) -> bool:
    return is_control_value(value) or not value if isinstance(value, str) else not isinstance(value, dict | list)


def _with_ready(held: Held) -> Tree:
    out: Any = held.tree
    for piece in held.pieces:
        out = with_value(out, (*CHOICE, *piece.leaf.path), piece.ready)
    return dict(out)


def _with_logprobs(tree: Tree, held: Held, *, changed: bool) -> Tree:
    logprobs = tree["choices"][0].get("logprobs")
    if logprobs is None:
        return tree
    kept = None
    if not changed:
        texts = {kind: "".join(p.leaf.text for p in held.pieces if p.leaf.channel.kind is kind) for kind in ChannelKind}
        kept = checked_logprobs(logprobs, texts[ChannelKind.CONTENT], texts[ChannelKind.REFUSAL], held.logprobs)
    return dict(with_value(tree, (*CHOICE, "logprobs"), kept))
