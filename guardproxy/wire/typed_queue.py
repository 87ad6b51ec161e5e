"""The events of a typed stream (Responses, Anthropic) that wait for their texts to be released.

    EventQueue()
      .add(tree, texts, others, divisible=…, tool=…, settle=…) -> list[Text]     queues an event; what to look at
      .release(Release) -> None               notes what may leave
      .ready(final=False) -> list[Tree]       events that may leave, in order; `final`: the answer is over
      .drop() -> None                         nothing that waits will leave
      .was_changed(channel) -> bool           something in it has been replaced
      .waiting                                True while an event waits
      .started                                something with text has left (or something of ours: set it)

Events leave in the strict order of arrival, because clients append a block when it starts and a piece when it comes.
Known texts hold their event; strings that no list knows never do: what of them is not cleared when the event leaves
stays behind. A member's name may be of either sort: it cannot be replaced, so one that was changed takes its member
along. Paths lead from the top of the event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guardproxy.core.commands import Channel, ChannelKind, Release
from guardproxy.wire.answer_fields import TextLeaf
from guardproxy.wire.body import Tree
from guardproxy.wire.held_chunk import Held, Line
from guardproxy.wire.patch import with_value
from guardproxy.wire.seam import SEAM, Seams
from guardproxy.wire.stream_fields import UnknownFields, without
from guardproxy.wire.stream_queue import Text

Settle = Callable[[Tree], Tree | None]
"""Runs when an event (or a part of one) leaves, on what is released of it; None: it does not leave after all."""


@dataclass(slots=True, eq=False, repr=False)
class _HeldEvent(Held):
    """`divisible`: a part of its text may leave before the rest."""

    divisible: bool = False
    settle: Settle | None = None


class EventQueue:
    """See the module's text. One queue for each answer. Every step costs as much as the events it moves."""

    def __init__(self) -> None:
        self.started = False
        self._fields = UnknownFields()
        self._waiting: deque[_HeldEvent] = deque()
        self._lines: dict[Channel, Line] = {}
        self._changed: set[Channel] = set()
        self._seams = Seams(onward=True)
        self._seq = 0

    @property
    def waiting(self) -> bool:
        """True while an event waits."""
        return bool(self._waiting)

    def add(
        self,
        tree: Tree,
        texts: Sequence[TextLeaf] = (),
        others: Sequence[TextLeaf] = (),
        *,
        divisible: bool = False,
        tool: bool = False,
        settle: Settle | None = None,
    ) -> list[Text]:
        """Queues an event; gives the texts that are new, unknown ones first, with a seam where parts meet.

        `divisible`: its text may leave in parts, and the event is nothing without text. `tool`: a piece of a tool
        call, which waits for the end and leaves only if all tool inputs are released. Channels of `texts` and of
        `others` must not be the same. Raises UpstreamBadAnswer for too many unknown strings, or for a part that comes again.
        """
        self._seq += 1
        held = _HeldEvent(self._seq, tree, [], [], tool, divisible=divisible, settle=settle)
        known: list[Text] = []
        for leaf in texts:
            line = self._line(leaf.channel)
            if self._seams.meets(leaf.channel, leaf.part):
                line.seam(leaf.channel)
                known.append(Text(leaf.channel, SEAM))
            held.pieces.append(line.take(held, leaf))
            known.append(Text(leaf.channel, leaf.text))
        held.others = self._fields.watch(others, pieces=divisible)
        self._waiting.append(held)
        fresh = [Text(entry.leaf.channel, entry.told) for entry in held.others if entry.fresh]
        return [*fresh, *known]

    def release(self, release: Release) -> None:
        """Hands the released text to the events it came from. A changed text goes to the first of them."""
        line = self._lines.get(release.channel)
        if line is None:
            self._fields.release(release)
            return
        same, left = line.give(release), line.written(release)
        if not same:
            self._changed.add(release.channel)
        for piece in line.reached(release):
            end = min(piece.end, release.end)
            if same:
                start = max(piece.start, release.start)
                piece.ready += release.text[start - release.start : end - release.start]
            else:
                piece.ready, left, piece.touched = piece.ready + left, "", True
            piece.covered = end

    def ready(self, *, final: bool = False) -> list[Tree]:
        """What may leave now. Events without text wait for the first text, so that headers may still change.

        With `final` what nobody released is dropped.
        """
        out: list[Tree] = []
        self.started = self.started or final or self._may_start()
        while self.started and self._waiting:
            held = self._waiting[0]
            if held.whole and not (held.tool and not (final and self._tools_cleared())):
                self._waiting.popleft()
                self._leave(held, out)
                held.forget()
                continue
            if held.divisible and held.ready and not held.tool:
                self._leave_part(held, out)
            if not final:
                break
            self._waiting.popleft()
            held.forget()
        return out

    def was_changed(self, channel: Channel) -> bool:
        """True when a text of the channel is released otherwise than it came."""
        return channel in self._changed

    def drop(self) -> None:
        """Nothing that waits will leave."""
        for held in self._waiting:
            held.forget()
        self._waiting.clear()

    def _line(self, channel: Channel) -> Line:
        if channel not in self._lines:
            self._lines[channel] = Line()
        return self._lines[channel]

    def _may_start(self) -> bool:
        """True when the first event with text has some that may leave."""
        first = next((held for held in self._waiting if held.pieces or held.tool), None)
        return first is not None and not first.tool and (first.whole or (first.divisible and first.ready))

    def _tools_cleared(self) -> bool:
        tools = [line for channel, line in self._lines.items() if channel.kind is ChannelKind.TOOL]
        return all(line.released == line.seen for line in tools)

    def _leave(self, held: _HeldEvent, out: list[Tree]) -> None:
        changed = held.split or any(piece.touched for piece in held.pieces)
        tree = self._with_ready(held) if changed else held.tree
        tree = self._fields.only_cleared(tree, held.others)
        if held.divisible and changed and not held.ready and not self._says_more(held, tree):
            return  # its text has left before, or in the event before it, or was taken out
        self._send(held, tree, out)

    def _leave_part(self, held: _HeldEvent, out: list[Tree]) -> None:
        self._send(held, self._fields.only_cleared(self._with_ready(held), held.others), out)
        for piece in held.pieces:
            piece.ready = ""
        for entry in reversed(held.others):  # they have left, or were not cleared to
            held.tree = without(held.tree, entry.leaf.path)
        held.others, held.split = [], True

    def _says_more(self, held: _HeldEvent, tree: Tree) -> bool:
        """True when an unknown string of the event may leave."""
        stripped = held.tree
        for entry in reversed(held.others):
            stripped = without(stripped, entry.leaf.path)
        for piece in held.pieces:
            if not piece.leaf.key:
                stripped = dict(with_value(stripped, piece.leaf.path, ""))
        return stripped != tree

    @staticmethod
    def _send(held: _HeldEvent, tree: Tree, out: list[Tree]) -> None:
        settled = held.settle(tree) if held.settle else tree
        if settled is not None:
            out.append(settled)

    @staticmethod
    def _with_ready(held: _HeldEvent) -> Tree:
        tree = held.tree
        for piece in held.pieces:
            if not piece.leaf.key:
                tree = dict(with_value(tree, piece.leaf.path, piece.ready))
        for piece in reversed(held.pieces):
            if piece.leaf.key and piece.touched:
                tree = without(tree, piece.leaf.path)
        return tree
