"""The chunks of one choice that wait for their texts to be released.

    ChoiceQueue(content: Channel, logprobs="chosen")
      .add(tree, seq) -> list[Text]           queues a chunk with exactly this one choice; its texts to look at
      .end(tree, seq) -> list[Text]           the same for the chunk with the finish reason
      .release(Release) -> None               notes what may leave
      .ready(final=False) -> list[Out]        chunks whose text may leave, in order; `final`: the stream is over
      .finish() -> Out | None                 the chunk with the finish reason
      .fields                                 its unknown strings (stream_fields)

A chunk whose text is released in full leaves as it came; of one that is released in part the part leaves at
once, as a chunk of its own. Tool calls wait for the end and leave whole or not at all.

Each channel keeps its order, and none waits for another: a scanner may hold the last word of the reasoning until the
choice ends. What a chunk holds beside its text keeps its place: it leaves before a later chunk does, and the text
follows. A chunk without text leaves behind the text before it, or in front of the first that passes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from guardproxy.core.commands import Channel, ChannelKind, Release
from guardproxy.wire.answer_fields import CallKeys, TextLeaf, calls_tools, choice_leaves, top_leaves
from guardproxy.wire.body import Tree
from guardproxy.wire.held_chunk import (
    Held,
    Line,
    holds_only_text,
    is_below_tools,
    is_without_text,
    only_tools,
    part_of,
    rest_of,
    says_more,
    trimmed,
    whole_chunk,
    without_tools,
)
from guardproxy.wire.logprobs import Logprobs
from guardproxy.wire.patch import value_at, with_value
from guardproxy.wire.seam import SEAM, Seams
from guardproxy.wire.stream_fields import CHOICE, UnknownFields

_LISTED = ("delta", "content", 0, "text")
"""How deep a text stands in content that is a list."""


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


class ChoiceQueue:
    """See the module's text. One queue for each choice: choices never block one another.

    `_waiting`: all that has not left in full, by place. `_ahead`: those of them that nothing has passed.
    `_touched`: those with released text. `_tools`: calls whose chunk's other text has left. Every step costs as much
    as the chunks it moves, however many wait.
    """

    def __init__(self, content: Channel, logprobs: Logprobs = "chosen") -> None:
        self.content = content
        self._logprobs = logprobs
        self.keys = CallKeys()
        self.started = False
        self.fields = UnknownFields()
        self._waiting: dict[int, Held] = {}
        self._ahead: deque[Held] = deque()
        self._touched: dict[int, Held] = {}
        self._tools: list[Held] = []
        self._last: Held | None = None
        self._end: Held | None = None
        self._lines: dict[Channel, Line] = {}
        self._seams = Seams()

    @property
    def first_seq(self) -> int | None:
        """The place of the oldest waiting chunk in the order of arrival."""
        return min([*islice(self._waiting, 1), *(held.seq for held in self._tools)], default=None)

    def add(self, tree: Tree, seq: int, leaves: Sequence[TextLeaf] | None = None) -> list[Text]:
        """Queues a chunk; gives the texts that are new. `leaves`: of its choice, if they are known already."""
        held, texts = self._hold(tree, seq, leaves)
        self._waiting[seq] = held
        self._ahead.append(held)
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
        line = self._line(release.channel)
        same, left = line.give(release), line.written(release)
        for piece in line.reached(release):
            end = min(piece.end, release.end)
            if same:
                start = max(piece.start, release.start)
                piece.ready += release.text[start - release.start : end - release.start]
            else:
                piece.ready, left, piece.touched = piece.ready + left, "", True
            piece.covered = end
            if piece.held.tool and release.channel.kind is not ChannelKind.TOOL:
                self._split_tools(piece.held)
            if not piece.held.tool:
                self._touched[piece.held.seq] = piece.held

    def ready(self, *, final: bool = False) -> list[Out]:
        """What may leave now. Chunks without text wait for the first text, so that headers may still change."""
        out: list[Out] = []
        touched = sorted(self._touched.values(), key=_place)
        self._touched = {}
        for held in touched:
            self._catch_up(held, out)
            if held.whole:
                self._leave(held, out)
            elif held.ready:
                self._leave_part(held, out)
            self._last = held
        if self.started and (self._last is None or self._last.whole):
            while self._ahead and is_without_text(self._ahead[0]):
                self._leave(self._ahead.popleft(), out)
        if final:
            self._leave_last(out)
        return out

    def finish(self) -> Out | None:
        """The chunk with the finish reason, with the fields that were not released in time for their own chunk."""
        if self._end is None:
            return None
        end = whole_chunk(self._end, changed=False)
        tree = self.fields.late(self.fields.settle(end, self._end.others))
        if not tree["choices"][0].get("finish_reason"):  # a word that no list knows and nobody cleared
            tree = dict(with_value(tree, (*CHOICE, "finish_reason"), "stop"))
        return Out(self._end.seq, tree)

    def drop(self) -> None:
        """Nothing that waits will leave."""
        self._clear()
        self._end = None

    def _hold(self, tree: Tree, seq: int, leaves: Sequence[TextLeaf] | None = None) -> tuple[Held, list[Text]]:
        choice = tree["choices"][0]
        if leaves is None:
            leaves = choice_leaves(choice, "delta", self.content, self.keys)
        held = Held(seq, tree, [], [], calls_tools(choice, "delta"), logprobs=self._logprobs)
        unknown = top_leaves(tree)
        texts = []
        for leaf in leaves:
            if leaf.channel.kind is ChannelKind.OTHER:
                unknown.append(below_choice(leaf))
                continue
            line = self._line(leaf.channel)
            if self._seams.meets(leaf.channel, _part(leaf, choice, seq)):
                line.seam(leaf.channel)
                texts.append(Text(leaf.channel, SEAM))
            held.pieces.append(line.take(held, leaf))
            texts.append(Text(leaf.channel, leaf.text))
        held.others = self.fields.watch(unknown)
        fresh = [Text(entry.leaf.channel, entry.told) for entry in held.others if entry.fresh]
        return held, [*fresh, *texts]

    def _line(self, channel: Channel) -> Line:
        if channel not in self._lines:
            self._lines[channel] = Line()
        return self._lines[channel]

    def _tools_cleared(self) -> bool:
        tools = [line for channel, line in self._lines.items() if channel.kind is ChannelKind.TOOL]
        return all(line.released == line.seen for line in tools)

    def _catch_up(self, held: Held, out: list[Out]) -> None:
        """Before a chunk leaves: what is not text of the chunks it passes."""
        while self._ahead and self._ahead[0].seq <= held.seq:
            passed = self._ahead.popleft()
            if passed is held:
                return
            if passed.tool and says_more(passed):
                self._split_tools(passed)
            if is_without_text(passed):
                self._leave(passed, out)
            elif says_more(passed):
                self._leave_part(passed, out)
            elif not passed.tool:
                passed.tree = trimmed(passed)

    def _leave_last(self, out: list[Out]) -> None:
        """The stream is over: tool calls leave if all are released, and what nobody released is dropped."""
        cleared = self._tools_cleared()
        for held in sorted([*self._waiting.values(), *self._tools], key=_place):
            if held.whole and (cleared or not held.tool):
                self._leave(held, out)
        self._clear()

    def _clear(self) -> None:
        for held in (*self._waiting.values(), *self._tools):
            held.forget()
        self._waiting, self._touched, self._tools = {}, {}, []
        self._ahead.clear()

    def _split_tools(self, held: Held) -> None:
        """Makes a chunk of its own of the tool calls, so that what stands beside them need not wait for the end."""
        tools = Held(held.seq, only_tools(held.tree), [], [], tool=True)
        tools.pieces = [piece for piece in held.pieces if piece.leaf.channel.kind is ChannelKind.TOOL]
        tools.others = [entry for entry in held.others if is_below_tools(entry)]
        for piece in tools.pieces:
            piece.held = tools
        self._tools.append(tools)
        held.pieces = [piece for piece in held.pieces if piece.held is held]
        held.others = [entry for entry in held.others if not is_below_tools(entry)]
        held.tree, held.tool = without_tools(held.tree), False

    def _leave(self, held: Held, out: list[Out]) -> None:
        if not held.tool:  # the end clears the tools
            del self._waiting[held.seq]
        changed = held.split or any(piece.touched for piece in held.pieces)
        if not (
            changed and not held.ready and holds_only_text(held)
        ):  # or its text has left, or in the chunk before it
            self._send(whole_chunk(held, changed=changed), held, out)
        held.forget()

    def _leave_part(self, held: Held, out: list[Out]) -> None:
        self._send(part_of(held), held, out)
        held.pieces = [piece for piece in held.pieces if not piece.whole]
        for piece in held.pieces:
            piece.ready = ""
        held.tree, held.others, held.split = rest_of(held), [], True

    def _send(self, tree: Tree, held: Held, out: list[Out]) -> None:
        self.started = self.started or bool(held.pieces)
        out.append(Out(held.seq, self.fields.settle(tree, held.others)))


def below_choice(leaf: TextLeaf) -> TextLeaf:
    """The same leaf with its path from the top of the chunk."""
    return TextLeaf(leaf.channel, leaf.text, (*CHOICE, *leaf.path), leaf.key)


def _part(leaf: TextLeaf, choice: Tree, seq: int) -> tuple[object, ...]:
    """The part of the answer that a text belongs to. Content sent as a list goes on in the next chunk where its parts
    say their index; thoughts, which only ever grow, do by their place.
    """
    if leaf.channel.kind is not ChannelKind.CONTENT or len(leaf.path) < len(_LISTED):
        return leaf.path
    part = value_at(choice, leaf.path[: len(_LISTED) - 1])
    index = part.get("index") if isinstance(part, dict) else None
    return ("index", index) if isinstance(index, int) else (seq, *leaf.path)


def _place(held: Held) -> int:
    return held.seq
