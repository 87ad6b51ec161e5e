"""The chunks of one choice that wait for their texts to be released.

    ChoiceQueue(content: Channel)
      .add(tree, seq) -> list[Text]           queues a chunk with exactly this one choice; its texts to look at
      .end(tree, seq) -> list[Text]           the same for the chunk with the finish reason
      .release(Release) -> None               notes what may leave
      .ready(final=False) -> list[Out]        chunks whose text may leave, in order; `final`: the stream is over
      .finish() -> Out | None                 the chunk with the finish reason
      .fields                                 its unknown strings (stream_fields)

A chunk whose text is released in full leaves as it came; of one that is released in part the part leaves at
once, as a chunk of its own. Tool calls wait for the end and leave whole or not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.commands import Channel, ChannelKind, Release
from guardproxy.wire.answer_fields import CallKeys, TextLeaf, calls_tools, choice_leaves, top_leaves
from guardproxy.wire.body import Tree
from guardproxy.wire.logprobs import checked_logprobs
from guardproxy.wire.patch import with_value
from guardproxy.wire.stream_fields import CHOICE, UnknownFields, Watched

FRAME = ("id", "object", "created", "model")


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text for the moderator."""

    channel: Channel
    text: str

    def __repr__(self) -> str:
        return f"Text({self.channel.kind}, {len(self.text)} chars)"


@dataclass(frozen=True, slots=True)
class Out:
    """A chunk that may leave; `seq` orders the chunks of all choices."""

    seq: int
    tree: Tree = field(repr=False)


@dataclass(slots=True)
class _Piece:
    """One text of a queued chunk: `[start, end)` of its channel; `ready` has been released but has not left."""

    leaf: TextLeaf
    start: int
    end: int
    covered: int
    ready: str = ""
    touched: bool = False

    @property
    def whole(self) -> bool:
        return self.covered == self.end


@dataclass(slots=True)
class _Held:
    """A queued chunk: the texts it waits for, and its unknown strings."""

    seq: int
    tree: Tree
    pieces: list[_Piece]
    others: list[Watched]
    tool: bool
    split: bool = False

    @property
    def whole(self) -> bool:
        return all(piece.whole for piece in self.pieces)

    @property
    def ready(self) -> bool:
        return any(piece.ready for piece in self.pieces)


@dataclass(slots=True)
class _Line:
    """How far a channel is: characters seen and released, and the source text in between."""

    seen: int = 0
    released: int = 0
    source: list[str] = field(default_factory=list)

    def take(self, text: str) -> None:
        self.seen += len(text)
        self.source.append(text)

    def give(self, release: Release) -> bool:
        """Moves on; true when the released text is the source text."""
        source = "".join(self.source)
        base = self.seen - len(source)
        self.released = max(self.released, release.end)
        self.source = [source[max(release.end - base, 0) :]]
        return source[max(release.start - base, 0) : max(release.end - base, 0)] == release.text


class ChoiceQueue:
    """See the module's text. One queue for each choice: choices never block one another."""

    def __init__(self, content: Channel) -> None:
        self.content = content
        self.keys = CallKeys()
        self.started = False
        self._held: deque[_Held] = deque()
        self._end: _Held | None = None
        self._lines: dict[Channel, _Line] = {}
        self.fields = UnknownFields()

    @property
    def first_seq(self) -> int | None:
        """The place of the oldest waiting chunk in the order of arrival."""
        return self._held[0].seq if self._held else None

    def add(self, tree: Tree, seq: int, leaves: Sequence[TextLeaf] | None = None) -> list[Text]:
        """Queues a chunk; gives the texts that are new. `leaves`: of its choice, if they are known already."""
        held, texts = self._hold(tree, seq, leaves)
        self._held.append(held)
        return texts

    def end(self, tree: Tree, seq: int) -> list[Text]:
        """Queues the chunk with the finish reason; its delta holds no text."""
        self._end, texts = self._hold(tree, seq)
        return texts

    def release(self, release: Release) -> None:
        """Hands the released text to the chunks it came from. A changed text goes to the first of them."""
        if release.channel.kind is ChannelKind.OTHER:
            self.fields.release(release)
            return
        same, left = self._line(release.channel).give(release), release.text
        for held in self._held:
            for piece in held.pieces:
                if piece.leaf.channel != release.channel or piece.end <= release.start or piece.start >= release.end:
                    continue
                end = min(piece.end, release.end)
                if same:
                    start = max(piece.start, release.start)
                    piece.ready += release.text[start - release.start : end - release.start]
                else:
                    piece.ready, left, piece.touched = piece.ready + left, "", True
                piece.covered = end

    def ready(self, *, final: bool = False) -> list[Out]:
        """What may leave now. Chunks without text wait for the first text, so that headers may still change."""
        out: list[Out] = []
        while self._held:
            held = self._held[0]
            if not final and (held.tool or not (self.started or self._text_ahead())):
                break
            if held.whole and (not held.tool or self._tools_cleared()):
                self._held.popleft()
                self._leave(held, out)
            else:
                self._leave_part(held, out)
                if not final:
                    break
                self._held.popleft()  # at the end, what nobody released is dropped
        return out

    def finish(self) -> Out | None:
        """The chunk with the finish reason, with the fields that were not released in time for their own chunk."""
        if self._end is None:
            return None
        tree = self.fields.late(self.fields.settle(self._end.tree, self._end.others))
        if not tree["choices"][0].get("finish_reason"):  # a word that no list knows and nobody cleared
            tree = dict(with_value(tree, (*CHOICE, "finish_reason"), "stop"))
        return Out(self._end.seq, tree)

    def drop(self) -> None:
        """Nothing that waits will leave."""
        self._held.clear()
        self._end = None

    def _hold(self, tree: Tree, seq: int, leaves: Sequence[TextLeaf] | None = None) -> tuple[_Held, list[Text]]:
        choice = tree["choices"][0]
        if leaves is None:
            leaves = choice_leaves(choice, "delta", self.content, self.keys)
        held = _Held(seq, tree, [], [], calls_tools(choice, "delta"))
        unknown = top_leaves(tree)
        texts = []
        for leaf in leaves:
            if leaf.channel.kind is ChannelKind.OTHER:
                unknown.append(below_choice(leaf))
                continue
            line = self._line(leaf.channel)
            held.pieces.append(_Piece(leaf, line.seen, line.seen + len(leaf.text), line.seen))
            line.take(leaf.text)
            texts.append(Text(leaf.channel, leaf.text))
        held.others = self.fields.watch(unknown)
        fresh = [Text(entry.leaf.channel, entry.leaf.text) for entry in held.others if entry.fresh]
        return held, [*fresh, *texts]

    def _line(self, channel: Channel) -> _Line:
        if channel not in self._lines:
            self._lines[channel] = _Line()
        return self._lines[channel]

    def _tools_cleared(self) -> bool:
        tools = [line for channel, line in self._lines.items() if channel.kind is ChannelKind.TOOL]
        return all(line.released == line.seen for line in tools)

    def _text_ahead(self) -> bool:
        """True when the first chunk with text has some that may leave."""
        first = next((held for held in self._held if held.pieces), None)
        return first is not None and not first.tool and (first.ready or first.whole)

    def _leave(self, held: _Held, out: list[Out]) -> None:
        changed = held.split or any(piece.touched for piece in held.pieces)
        if changed and not held.ready and _holds_only_text(held):
            return  # its text has left before, or in the chunk before it
        tree = _with_texts(held.tree, held.pieces) if changed else held.tree
        self._send(_with_logprobs(tree, held, changed=changed), held, out)

    def _leave_part(self, held: _Held, out: list[Out]) -> None:
        if held.tool or not held.ready:
            return
        self._send(_with_logprobs(_with_texts(held.tree, held.pieces), held, changed=True), held, out)
        for piece in held.pieces:
            piece.ready = ""
        held.tree, held.others, held.split = _bare(held), [], True

    def _send(self, tree: Tree, held: _Held, out: list[Out]) -> None:
        self.started = self.started or bool(held.pieces)
        out.append(Out(held.seq, self.fields.settle(tree, held.others)))


def below_choice(leaf: TextLeaf) -> TextLeaf:
    """The same leaf with its path from the top of the chunk."""
    return TextLeaf(leaf.channel, leaf.text, (*CHOICE, *leaf.path), leaf.key)


def _holds_only_text(held: _Held) -> bool:
    delta = held.tree["choices"][0].get("delta")
    return bool(held.pieces) and isinstance(delta, dict) and set(delta) <= {piece.leaf.path[1] for piece in held.pieces}


def _bare(held: _Held) -> Tree:
    """The frame of a chunk whose first part has left: its texts, and nothing that would come twice."""
    choice = held.tree["choices"][0]
    names = {piece.leaf.path[1] for piece in held.pieces}
    delta = {name: value for name, value in choice["delta"].items() if name in names}
    frame = {name: held.tree[name] for name in FRAME if name in held.tree}
    return {**frame, "choices": [{"index": choice.get("index", 0), "delta": delta, "finish_reason": None}]}


def _with_texts(tree: Tree, pieces: list[_Piece]) -> Tree:
    out: Any = tree
    for piece in pieces:
        out = with_value(out, (*CHOICE, *piece.leaf.path), piece.ready)
    return dict(out)


def _with_logprobs(tree: Tree, held: _Held, *, changed: bool) -> Tree:
    logprobs = tree["choices"][0].get("logprobs")
    if logprobs is None:
        return tree
    kept = None
    if not changed:
        texts = {kind: "".join(p.leaf.text for p in held.pieces if p.leaf.channel.kind is kind) for kind in ChannelKind}
        kept = checked_logprobs(logprobs, texts[ChannelKind.CONTENT], texts[ChannelKind.REFUSAL])
    return dict(with_value(tree, (*CHOICE, "logprobs"), kept))
