"""Unknown strings in the chunks of one choice: each place is a channel of its own.

    UnknownFields()
      .watch(leaves, new=True) -> list[Watched]   takes note of them; those with `fresh` go to the moderator
      .release(Release) -> None
      .settle(tree, watched) -> Tree              the chunk with what is released; the rest is kept for later
      .late(tree) -> Tree                         the finish chunk with what came too late for its own
      .only_cleared(tree, watched) -> Tree        what is not released is gone for good

Such a field never holds its chunk back: servers send filter results and ids with every chunk, and one that
waits for a window of its own would stop the stream.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guardproxy.core.commands import Channel, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import Path, TextLeaf
from guardproxy.wire.body import Tree
from guardproxy.wire.patch import value_at, with_value

MAX_FIELDS = 1000
CHOICE: Path = ("choices", 0)
_DELTA: Path = ("choices", 0, "delta")
_WITH_TEXTS = frozenset({"content", "reasoning_details", "tool_calls", "function_call"})
_SHORTEST_REPEAT = 4
"""A value that repeats the one before is looked at once, for servers repeat `provider` in every chunk. Not for
shorter values: text that comes letter by letter repeats letters."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A string of a chunk, its path from the top, and where it ends in its channel. `fresh`: to be looked at.

    `above`: the unknown names it stands below, which must be cleared as well. `told`: what the moderator hears; a value
    that comes whole is a line, so that no word hides behind the value before it.
    """

    leaf: TextLeaf
    end: int
    fresh: bool
    above: tuple[Watched, ...] = ()
    told: str = ""

    def __repr__(self) -> str:
        return f"Watched({len(self.leaf.text)} chars, fresh={self.fresh})"


@dataclass(slots=True)
class _Place:
    """How far a channel is. `spoiled`: something in it was redacted, so nothing more of it leaves."""

    seen: int = 0
    released: int = 0
    source: str = ""
    last: str = ""
    spoiled: bool = False


class UnknownFields:
    """See the module's text."""

    def __init__(self) -> None:
        self._places: dict[Channel, _Place] = {}
        self._late: dict[Path, list[tuple[Watched, Any]]] = {}
        self._lists: dict[Path, list[tuple[list[Watched], list[Any]]]] = {}

    def watch(self, leaves: Sequence[TextLeaf], *, new: bool = True, pieces: bool = False) -> list[Watched]:
        """`new` false: nobody will look any more, so only what repeats a cleared value can still leave.

        `pieces`: the strings stand in an event that brings pieces of text, and may be pieces themselves.
        """
        if len(leaves) > MAX_FIELDS:
            raise UpstreamBadAnswer(f"a chunk of the upstream has more than {MAX_FIELDS} fields that nobody knows")
        watched: list[Watched] = []
        names: list[Watched] = []
        for leaf in leaves:
            place = self._place(leaf.channel)
            repeats = place.last == leaf.text and (not new or len(leaf.text) >= _SHORTEST_REPEAT)
            told = leaf.text if pieces and not leaf.key else _told(leaf)
            if new and not repeats:
                place.seen += len(told)
                place.source += told
                place.last = leaf.text
            end = place.seen if repeats or new else sys.maxsize
            while names and not _is_below(leaf.path, names[-1].leaf.path):
                names.pop()
            watched.append(Watched(leaf, end, new and not repeats, tuple(names), told))
            if leaf.key:
                names.append(watched[-1])
        return watched

    def release(self, release: Release) -> None:
        """Text of a place may leave; a changed text spoils the place."""
        place = self._place(release.channel)
        base = place.seen - len(place.source)
        same = place.source[release.start - base : release.end - base] == release.text
        place.spoiled = place.spoiled or not same or release.start > place.released
        place.released = max(place.released, release.end)
        place.source = place.source[max(release.end - base, 0) :]

    def settle(self, tree: Tree, watched: Sequence[Watched]) -> Tree:
        """What was held earlier at the same place leaves in front of what is released now, so the order stays."""
        tree, watched = self._without_open_lists(tree, watched)
        for entry in watched:
            path = entry.leaf.path
            if not _is_there(tree, path):
                continue  # its list waits for the end, and the name with it
            if not self._cleared(entry):
                value = value_at(tree, path)
                if not (entry.leaf.key and isinstance(value, str | dict | list)):  # its texts come by themselves
                    held = self._late.setdefault(path, [])
                    held[:] = [*held, (entry, value)] if _is_joined(path, value) else [(entry, value)]
            elif path in self._late:
                tree = dict(with_value(tree, path, _joined([*self._late.pop(path), (entry, value_at(tree, path))])))
        return self.only_cleared(tree, watched)

    def late(self, tree: Tree) -> Tree:
        """Adds what is released by now."""
        for path, groups in self._lists.items():
            items = [item for entries, value in groups for item in self._cleared_items(path, entries, value)]
            if items:
                tree = _with_member(tree, path, items)
        self._lists = {}
        for path, entries in self._late.items():
            cleared = [(entry, value) for entry, value in entries if self._cleared(entry)]
            if cleared:
                tree = _with_member(tree, path, _joined(cleared))
        self._late = {}
        return tree

    def only_cleared(self, tree: Tree, watched: Sequence[Watched]) -> Tree:
        """The chunk without what is not released."""
        for entry in reversed(watched):
            if not self._cleared(entry):
                tree = without(tree, entry.leaf.path)
        return tree

    def _without_open_lists(self, tree: Tree, watched: Sequence[Watched]) -> tuple[Tree, Sequence[Watched]]:
        """Lists with a string that is not released are kept whole for the end: half an item would be of no use."""
        groups: dict[Path, list[Watched]] = {}
        for entry in watched:
            place = _list_above(entry.leaf.path)
            if place is not None:
                groups.setdefault(place, []).append(entry)
        kept = {p: g for p, g in groups.items() if p in self._lists or not all(map(self._cleared, g))}
        for place, entries in kept.items():
            self._lists.setdefault(place, []).append((entries, value_at(tree, place)))
            tree = without(tree, place)
        gone = {id(entry) for entries in kept.values() for entry in entries}
        return tree, [entry for entry in watched if id(entry) not in gone]

    def _cleared_items(self, place: Path, entries: Sequence[Watched], value: list[Any]) -> list[Any]:
        """The items of a kept list; one with a string that is not released even now stays away."""
        bad = {entry.leaf.path[len(place)] for entry in entries if not self._cleared(entry)}
        return [item for number, item in enumerate(value) if number not in bad]

    def _place(self, channel: Channel) -> _Place:
        if channel not in self._places:
            self._places[channel] = _Place()
        return self._places[channel]

    def _cleared(self, entry: Watched) -> bool:
        place = self._place(entry.leaf.channel)
        cleared = not place.spoiled and place.released >= entry.end
        return cleared and all(self._cleared(name) for name in entry.above)


def without(tree: Tree, path: Path) -> Tree:
    """A copy of the tree without the member at a path (a list's item becomes "")."""
    if not _is_there(tree, path):
        return tree  # it left with something above it
    holder = value_at(tree, path[:-1])
    if isinstance(holder, dict):
        smaller = {name: value for name, value in holder.items() if name != path[-1]}
        return dict(with_value(tree, path[:-1], smaller))
    return dict(with_value(tree, path, ""))


def _is_there(tree: Tree, path: Path) -> bool:
    try:
        value_at(tree, path)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _list_above(path: Path) -> Path | None:
    """The outermost list of a choice's delta that a string stands in; not those that hold the model's own words."""
    start = len(_DELTA)
    if path[:start] != _DELTA or path[start] in _WITH_TEXTS:
        return None
    return next((path[:n] for n in range(start + 1, len(path)) if not isinstance(path[n], str)), None)


def _is_below(path: Path, name: Path) -> bool:
    return len(path) >= len(name) and path[: len(name)] == name


def _is_joined(path: Path, value: Any) -> bool:
    """Strings of a delta come in pieces; all else comes whole, and the last one counts."""
    return isinstance(value, str) and path[: len(_DELTA)] == _DELTA


def _told(leaf: TextLeaf) -> str:
    return leaf.text if not leaf.key and _is_joined(leaf.path, leaf.text) else leaf.text + "\n"


def _joined(entries: Sequence[tuple[Watched, Any]]) -> Any:
    entry, value = entries[-1]
    return "".join(piece for _, piece in entries) if _is_joined(entry.leaf.path, value) else value


def _with_member(tree: Tree, path: Path, value: Any) -> Tree:
    """A copy of the tree with one member more; places inside lists cannot be made again."""
    fixed = len(CHOICE) if path[: len(CHOICE)] == CHOICE else 0
    if not all(isinstance(step, str) for step in path[fixed:]):
        return tree
    for depth in range(fixed, len(path)):
        holder = value_at(tree, path[:depth])
        if not isinstance(holder, dict):
            return tree
        member = value if depth == len(path) - 1 else holder.get(path[depth], {})
        tree = dict(with_value(tree, path[:depth], {**holder, path[depth]: member}))
    return tree
