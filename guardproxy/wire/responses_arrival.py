"""A Responses stream as it arrives: what of each event is new text, and what repeats text that has come before.

arrivals = Arrivals(content: Channel)
arrivals.read(tree) -> Arrived           takes the event over; raises errors.UpstreamBadAnswer
arrivals.finals, arrivals.done           items of the last event by their place in the output; items that are complete

The same text comes up to four times: in pieces, once more when it is complete, with its part, its item and the
response. The first is looked at; a copy is filled when it leaves with what has left of the first. What a copy says
otherwise than the first said it does not count, unless nothing came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from guardproxy.core.commands import Channel, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import Path, TextLeaf
from guardproxy.wire.body import Tree
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.responses_events import ENDS, LIFECYCLE, Shown, Spoken, is_known, shown, spoken
from guardproxy.wire.responses_items import (
    Place,
    called_in,
    channel_of,
    cleaned,
    cleaned_response,
    is_call,
    leaves_below,
    response_leaves,
)
from guardproxy.wire.responses_places import Places

Slot = tuple[int, Path]
"""An item of the output and a path in it."""

MOST_TEXTS = 5000
_IDS = frozenset({"item_id", "output_format", "quality", "size", "background"})
_STRICT = frozenset({"message", "function_call"})
"""Clients that join the pieces of these raise an error where they find another item."""


@dataclass(frozen=True, slots=True)
class First:
    """A text where it comes first: its path from the top of the event. `adds`: to what came before at its place."""

    path: Path
    slot: Slot
    adds: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """A text that has come before."""

    path: Path
    slot: Slot


@dataclass(slots=True)
class Arrived:
    """One event. `texts` hold it, `others` do not; `closed`: channels that are complete; `called`: tools by name.

    `divisible`: its text may leave in parts. `tool`: a piece of a call that the client carries out.
    """

    texts: list[TextLeaf] = field(default_factory=list)
    others: list[TextLeaf] = field(default_factory=list)
    firsts: list[First] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    closed: list[Channel] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    divisible: bool = False
    tool: bool = False


class Arrivals:
    """See the module's text."""

    def __init__(self, content: Channel) -> None:
        self.done: set[int] = set()
        self.finals: list[int] = []
        self._content = content
        self._kinds: dict[int, str] = {}
        self._places = Places()
        self._said: dict[Slot, str] = {}
        self._fed: set[Slot] = set()
        self._open: dict[Slot, Channel] = {}
        self._called: set[Slot] = set()
        self._count = 0

    def read(self, tree: Tree) -> Arrived:
        """What the event brings."""
        tree.pop("obfuscation", None)
        self._places.put(tree)
        arrived, dealt = Arrived(), "type"
        if tree["type"] in LIFECYCLE or tree["type"] in ENDS:
            dealt = "response"
            self._read_response(tree, arrived)
        elif pieces := spoken(tree):
            dealt = "logprobs"  # they leave only where they say what has left
            for piece in pieces:
                self._read_spoken(tree, piece, arrived)
        elif whole := shown(tree):
            dealt = whole.member
            self._read_shown(tree, whole, arrived)
        self._read_beside(tree, dealt, arrived)
        if len(arrived.texts) > MOST_TEXTS:
            raise UpstreamBadAnswer(f"an event of the upstream has more than {MOST_TEXTS} texts")
        return arrived

    def _read_spoken(self, tree: Tree, piece: Spoken, arrived: Arrived) -> None:
        kind = self._kinds.setdefault(piece.at, piece.item_kind)
        if kind != piece.item_kind and piece.item_kind in _STRICT:
            raise UpstreamBadAnswer("the upstream sent an event about an item of another kind")
        slot: Slot = (piece.at, piece.path)
        channel = channel_of(Place(piece.at, kind, self._content, piece.path, piece.part_kind))
        arrived.tool = is_call(kind)
        value: Any = tree
        for step in piece.member:
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, str):
            raise UpstreamBadAnswer("the upstream sent a piece of text that is none")
        if value is not None and piece.whole:
            self._whole(TextLeaf(channel, value, piece.member), slot, arrived)
        elif value:
            self._said[slot] = self._said.get(slot, "") + value
            self._fed.add(slot)
            self._open[slot] = channel
            arrived.texts.append(TextLeaf(channel, value, piece.member, part=slot))
            arrived.firsts.append(First(piece.member, slot, adds=True))
            arrived.divisible = not arrived.tool and not channel.whole
        if piece.closes:
            self._close(slot, arrived)

    def _read_shown(self, tree: Tree, whole: Shown, arrived: Arrived) -> None:
        at = whole.at
        if whole.member == "item":
            self._take_item(tree, whole, arrived)
        kind = self._kinds.get(at, "message")
        arrived.tool = is_call(kind)
        self._walk(tree.get(whole.member), Place(at, kind, self._content, whole.path), (whole.member,), arrived)
        if whole.closes:
            for slot in [open_ for open_ in self._open if open_[0] == at and open_[1][: len(whole.path)] == whole.path]:
                self._close(slot, arrived)

    def _take_item(self, tree: Tree, whole: Shown, arrived: Arrived) -> None:
        at, item = whole.at, cleaned(tree.get("item"))
        tree["item"] = item
        self._know(item, at, arrived)
        if whole.closes:
            self.done.add(at)

    def _know(self, item: Tree, at: int, arrived: Arrived) -> None:
        kind, name = item.get("type"), called_in(item)
        self._kinds[at] = kind if isinstance(kind, str) else ""
        self._places.know(item, at)
        if name is not None and (at, (name,)) not in self._called:
            self._called.add((at, (name,)))
            arrived.called.append(name)

    def _read_response(self, tree: Tree, arrived: Arrived) -> None:
        response = tree["response"] = cleaned_response(tree.get("response"))
        for leaf in response_leaves(response):
            arrived.others.append(replace(leaf, path=("response", *leaf.path)))
        output = response.get("output")
        response["output"] = []
        if tree["type"] in LIFECYCLE or not isinstance(output, list):
            return
        self.finals = []
        for number, given in enumerate(output):
            item = cleaned(given)
            at = self._place_of(item, number)
            self.finals.append(at)
            response["output"].append({} if at in self.done else item)
            if at not in self.done:
                self._know(item, at, arrived)
                place = Place(at, self._kinds[at], self._content)
                self._walk(item, place, ("response", "output", number), arrived)

    def _place_of(self, item: Tree, number: int) -> int:
        """Which item of the stream an item of the last event is."""
        known = self._places.of(item.get("id"))
        if known is not None and known not in self.finals:
            return known
        if number not in self.finals and self._kinds.get(number, item.get("type")) == item.get("type"):
            return number
        return max([*self._kinds, *self.finals, number]) + 1

    def _walk(self, value: Any, place: Place, above: Path, arrived: Arrived) -> None:
        for leaf in leaves_below(value, place):
            path = (*above, *leaf.path[len(place.path) :])
            if leaf.key:
                arrived.texts.append(TextLeaf(self._name_channel(leaf), leaf.text, path, key=True))
                arrived.closed.append(arrived.texts[-1].channel)
            else:
                self._whole(TextLeaf(leaf.channel, leaf.text, path), (place.at, leaf.path), arrived)

    def _whole(self, leaf: TextLeaf, slot: Slot, arrived: Arrived) -> None:
        """A text in one piece: a copy, or new."""
        said = self._said.get(slot)
        if slot in self._fed or said == leaf.text:
            arrived.copies.append(Copy(leaf.path, slot))
            return
        if not leaf.text:
            return
        channel = leaf.channel
        if said is not None and channel.key:
            self._count += 1
            channel = replace(channel, key=f"{channel.key}#{self._count}")
        self._said[slot] = leaf.text
        self._open[slot] = channel
        arrived.texts.append(replace(leaf, channel=channel, part=slot))
        arrived.firsts.append(First(leaf.path, slot, adds=False))
        if channel.kind is ChannelKind.OTHER and not _may_grow(slot):
            self._close(slot, arrived)

    def _close(self, slot: Slot, arrived: Arrived) -> None:
        channel = self._open.pop(slot, None)
        if channel is not None and channel.key:
            arrived.closed.append(channel)

    def _name_channel(self, leaf: TextLeaf) -> Channel:
        """A channel is closed after its text: a name that comes again needs another."""
        self._count += 1
        return replace(leaf.channel, key=f"{leaf.channel.key}#{self._count}")

    def _read_beside(self, tree: Tree, dealt: str, arrived: Arrived) -> None:
        """Every other string of the event. It never holds the event, but the word for an unknown kind does."""
        kind = tree["type"]
        known = {leaf.path for leaf in arrived.texts} | {copy.path for copy in arrived.copies}
        if not is_known(kind):
            self._count += 1
            channel = Channel(ChannelKind.OTHER, f"type.{self._count}")
            arrived.texts.append(TextLeaf(channel, kind, ("type",)))
            arrived.closed.append(channel)
        for name, value in tree.items():
            if name in {"type", dealt} or (name in _IDS and _is_id(value)):
                continue
            arrived.others += _beside(kind, {name: value}, known)


def _beside(kind: str, tree: Tree, known: Sequence[Path] | set[Path]) -> list[TextLeaf]:
    place = Place(-1, "", Channel(ChannelKind.OTHER), ())
    leaves = [leaf for leaf in leaves_below(tree, place) if leaf.path not in known or leaf.key]
    out = []
    for leaf in leaves:
        steps = ".".join(str(step) for step in (kind, *leaf.path)) + ("{}" if leaf.key else "")
        out.append(replace(leaf, channel=Channel(ChannelKind.OTHER, steps)))
    return out


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and is_control_value(value)


def _may_grow(slot: Slot) -> bool:
    """True for a text that may come in pieces although it begins whole."""
    path = slot[1]
    return path in {("code",), ("transcript",)} or (len(path) == 3 and path[0] == "output")
