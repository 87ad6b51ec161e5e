"""What of a Responses stream has left: the items of the output as the client knows them, and how each is ended.

sent = Sent(own: Tree)                        `own`: a response of ours, for a stream that has none yet
sent.fill(tree, firsts, copies) -> Tree       a leaving event: takes note of its texts, fills in what repeats others
sent.pass_on(tree) -> list[Tree]              the event, with what clients need in front of it
sent.say(text, in_field) -> list[Tree]        a text of ours at the end, in the open message if there is one
sent.close() -> list[Tree]                    open items end with what has left of them
sent.output(finals, dropped) -> list[Tree]    the output as it has left

Clients count items and parts, so what is ours gets a place of its own: a notice in front is the first part of the first
message, and the parts behind it move on by one. A message ends only when the next item starts or the response ends,
so that a part of ours may still come into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from guardproxy.wire.answer_fields import Path
from guardproxy.wire.body import Tree
from guardproxy.wire.fence import Fence
from guardproxy.wire.patch import value_at, with_value
from guardproxy.wire.responses_arrival import Copy, First, Slot
from guardproxy.wire.responses_events import LIFECYCLE, shown, spoken
from guardproxy.wire.responses_logprobs import with_fitting_logprobs
from guardproxy.wire.responses_own import (
    PARTS,
    added,
    message_events,
    message_id,
    own_message,
    part_ends,
    part_events,
    refusal_part,
    text_deltas,
    text_part,
)


@dataclass(slots=True, eq=False)
class _Item:
    """An item that has started. `parts` by their path in the upstream's item; `told`: those whose text is complete."""

    at: int
    tree: Tree
    parts: dict[Path, Tree] = field(default_factory=dict)
    told: set[Path] = field(default_factory=set)
    ended: set[Path] = field(default_factory=set)
    before: list[Tree] = field(default_factory=list)
    after: list[Tree] = field(default_factory=list)
    done: Tree | None = None
    gone: bool = False

    @property
    def speaks(self) -> bool:
        """True for a message of the assistant."""
        return self.tree.get("type") == "message"

    @property
    def place(self) -> Tree:
        """What every event about it holds."""
        named = {"item_id": self.tree["id"]} if isinstance(self.tree.get("id"), str) else {}
        return {**named, "output_index": self.at}


class Sent:
    """See the module's text."""

    def __init__(self, own: Tree) -> None:
        self.response = own
        self.started = False
        self.wrote = False
        self._before = ""
        self._items: dict[int, _Item] = {}
        self._left: dict[Slot, str] = {}
        self._kept: _Item | None = None
        self._fence = Fence()

    def announce(self, text: str) -> None:
        """A notice for the place in front of the first message."""
        self._before += text + "\n\n"

    def fill(self, tree: Tree, firsts: Sequence[First], copies: Sequence[Copy]) -> Tree:
        """An event that leaves now, or a part of one: copies say what has left, logprobs only what the text says."""
        for first in firsts:
            text = value_at(tree, first.path)
            self._left[first.slot] = self._left.get(first.slot, "") + text if first.adds else text
        for copy in copies:
            tree = dict(with_value(tree, copy.path, self._left.get(copy.slot, "")))
        return with_fitting_logprobs(tree)

    def start(self) -> list[Tree]:
        """The events that every stream starts with, unless they have left."""
        if self.started:
            return []
        self.started = True
        frame = {**self.response, "status": "in_progress", "output": []}
        return [{"type": "response.created", "response": frame}, {"type": "response.in_progress", "response": frame}]

    def pass_on(self, tree: Tree) -> list[Tree]:
        """The event as the client gets it, with what must stand in front of it."""
        kind = tree["type"]
        if kind in LIFECYCLE:
            return self._lifecycle(tree)
        out = self.start()
        if kind == "response.output_item.added":
            return [*out, *self._begin(tree["output_index"], tree)]
        if kind == "response.output_item.done":
            return [*out, *self._finish_item(tree)]
        whole = shown(tree)
        texts = spoken(tree)
        if whole is None and not texts:
            return [*out, tree]
        at, path = (whole.at, whole.path[:2]) if whole else (texts[0].at, texts[0].path[:2])
        out += self._needed(tree, at, path)
        item = self._items.get(at)
        if item is None:
            return [*out, tree]
        self._note(item, tree, path)
        return [*out, _moved(tree, len(item.before))]

    def say(self, text: str, *, in_field: bool = False, status: str = "completed") -> list[Tree]:
        """A text of ours behind all others."""
        out = self.start()
        item = self._open_message()
        part = refusal_part(text) if in_field else text_part(text)
        if item is None:
            out += self._end_kept()
            at = max(self._items, default=-1) + 1
            made = own_message(message_id(self.response.get("id"), at), [part], status)
            self._items[at] = _Item(at, made, done=made, gone=True)
            return [*out, *message_events(made, at)]
        out += self._end_parts(item)
        index = len(item.before) + len(self._listed(item, "content")) + len(item.after)
        item.after.append(part)
        return [*out, *part_events(item.place, part, index)]

    @property
    def has_open_message(self) -> bool:
        """True when a text of ours would come into a message of the upstream."""
        return self._open_message() is not None

    def separate(self) -> list[Tree]:
        """Closes an open fence and puts a blank line behind text that has left."""
        text = self._fence.closing() + "\n\n"
        item = self._open_message()
        path = next((p for p in reversed(item.parts) if _is_open_text(item, p)), None) if item else None
        if item is None or path is None:
            return []
        slot = (item.at, (*path, "text"))
        self._left[slot] = self._left.get(slot, "") + text
        where = {**item.place, "content_index": int(path[1]) + len(item.before)}
        return text_deltas(where, "response.output_text", text)

    def apart(self) -> str:
        """What stands between text that has left and a part of ours, when its own part has ended."""
        return self._fence.closing() + "\n\n" if self.wrote else ""

    def close(self, status: str) -> list[Tree]:
        """Every open item ends, with what has left of it; `status` is that of a message."""
        out: list[Tree] = []
        for at in sorted(self._items):
            item = self._items[at]
            if item.gone:
                continue
            out += self._end_parts(item)
            if item.done is None:
                item.done = self._as_left(item)
            if item.speaks and "status" in item.done:
                item.done = {**item.done, "status": status}
            out += self._end(item)
        self._kept = None
        return out

    def end_message(self) -> list[Tree]:
        """The message that was kept open."""
        return self._end_kept()

    def output(self, finals: Sequence[Tree], places: Sequence[int], done: set[int]) -> list[Tree]:
        """All items as they have left; `finals` stand for those that nobody has told before."""
        out: dict[int, Tree] = {}
        for at, tree in zip(places, finals, strict=True):
            item = self._items.get(at)
            if item is None and at not in done:
                out[at] = tree
            elif item is not None and item.done is None:
                out[at] = self._around(item, tree)
        for at, item in self._items.items():
            if at not in out:
                out[at] = self._around(item, item.done or self._as_left(item))
        return [out[at] for at in sorted(out)]

    @property
    def waits(self) -> str:
        """A notice whose place has not come yet."""
        return self._before

    def take_waiting(self) -> str:
        """The same; it will not come again."""
        text, self._before = self._before, ""
        return text

    def _lifecycle(self, tree: Tree) -> list[Tree]:
        response = tree["response"]
        same = {"id": self.response["id"]} if self.started or not response.get("id") else {}
        asked = {name: self.response[name] for name in ("created_at", "model") if name not in response}
        response = {**response, **asked, **same, "output": self.output([], [], set())}
        first = [] if self.started or tree["type"] == "response.created" else self._created(response)
        self.response, self.started = response, True
        return [*first, {**tree, "response": response}]

    def _created(self, response: Tree) -> list[Tree]:
        return [{"type": "response.created", "response": response}]

    def _begin(self, at: int, tree: Tree) -> list[Tree]:
        out = self._end_kept()
        item = self._items[at] = _Item(at, tree["item"])
        for name in ("content", "summary"):
            listed = item.tree.get(name)
            for number, part in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(part, dict):
                    item.parts[(name, number)] = part
        if not item.speaks or not self._before:
            return [*out, tree]
        part = text_part(self.take_waiting())
        item.before.append(part)
        start = {**tree, "item": {**tree["item"], "content": []}}
        return [*out, start, *part_events(item.place, part, 0), *self._given_at_start(item)]

    def _given_at_start(self, item: _Item) -> list[Tree]:
        """Parts that came with the item itself."""
        parts = [(path, part) for path, part in item.parts.items() if path[0] == "content"]
        shift = len(item.before)
        return [
            {"type": "response.content_part.added", **item.place, "content_index": int(path[1]) + shift, "part": part}
            for path, part in parts
        ]

    def _needed(self, tree: Tree, at: int, path: Path) -> list[Tree]:
        """The item and the part that an event is about, if the upstream has not started them."""
        out: list[Tree] = []
        texts, part = spoken(tree), tree.get("part")
        part_kind = texts[0].part_kind if texts else str(part.get("type")) if isinstance(part, dict) else ""
        if at not in self._items and part_kind in {"output_text", "refusal"}:
            named = tree.get("item_id")
            item_id = named if isinstance(named, str) else message_id(self.response.get("id"), at)
            out += self._begin(at, added(at, own_message(item_id, [], "in_progress")))
        item = self._items.get(at)
        starts = tree["type"].endswith("_part.added")
        if item is None or path in item.parts or starts or path[0] != "content" or part_kind not in PARTS:
            return out
        made = text_part("") if part_kind == "output_text" else {"type": part_kind, PARTS[part_kind][0]: ""}
        item.parts[path] = made
        index = int(path[1]) + len(item.before)
        return [*out, {"type": "response.content_part.added", **item.place, "content_index": index, "part": made}]

    def _note(self, item: _Item, tree: Tree, path: Path) -> None:
        kind = tree["type"]
        if kind.endswith("_part.added"):
            item.parts[path] = tree["part"] if isinstance(tree.get("part"), dict) else {}
        elif kind.endswith("_part.done"):
            item.parts[path] = tree["part"] if isinstance(tree.get("part"), dict) else item.parts.get(path, {})
            item.ended.add(path)
        elif kind == "response.output_text.annotation.added" and path in item.parts:
            part = item.parts[path]
            item.parts[path] = {**part, "annotations": [*(part.get("annotations") or []), tree.get("annotation")]}
        elif kind.endswith(".done"):
            item.told.add(path)
        elif kind == "response.output_text.delta" and isinstance(tree.get("delta"), str):
            self.wrote = self.wrote or bool(tree["delta"])
            self._fence.feed(tree["delta"])

    def _finish_item(self, tree: Tree) -> list[Tree]:
        at = tree["output_index"]
        out = [] if at in self._items else self._begin(at, added(at, tree["item"]))
        item = self._items[at]
        # Clients know an item by its ids: some servers make new ones when it is complete.
        item.done = {**tree["item"], **{n: item.tree[n] for n in ("id", "call_id") if n in item.tree}}
        if item.speaks:
            out += [] if self._kept is item else self._end_kept()
            self._kept = item
            return out
        return [*out, *self._end(item)]

    def _end_kept(self) -> list[Tree]:
        item, self._kept = self._kept, None
        return self._end(item) if item is not None and not item.gone else []

    def _end(self, item: _Item) -> list[Tree]:
        item.gone = True
        item.done = self._around(item, item.done or self._as_left(item))
        item.before, item.after = [], []
        return [{"type": "response.output_item.done", "output_index": item.at, "item": item.done}]

    def _end_parts(self, item: _Item) -> list[Tree]:
        out: list[Tree] = []
        for path, part in item.parts.items():
            if path in item.ended or item.done is not None:
                continue
            index = "summary_index" if path[0] == "summary" else "content_index"
            shift = len(item.before) if path[0] == "content" else 0
            where = {**item.place, index: int(path[1]) + shift}
            out += part_ends(where, self._part(item, path, part), text_told=path in item.told)
            item.ended.add(path)
        return out

    def _open_message(self) -> _Item | None:
        item = self._items.get(max(self._items, default=-1))
        return item if item is not None and item.speaks and not item.gone else None

    def _as_left(self, item: _Item) -> Tree:
        """An item that its server has not ended."""
        tree = dict(item.tree)
        for name in ("content", "summary"):
            if isinstance(tree.get(name), list) or any(path[0] == name for path in item.parts):
                tree[name] = self._listed(item, name)
        for (at, path), text in self._left.items():
            if at == item.at and len(path) == 1 and isinstance(tree.get(str(path[0])), str):
                tree[str(path[0])] = text
        return {**tree, "status": "incomplete"} if "status" in tree else tree

    def _listed(self, item: _Item, name: str) -> list[Tree]:
        if item.done is not None:
            listed = item.done.get(name)
            return listed if isinstance(listed, list) else []
        return [self._part(item, path, part) for path, part in sorted(item.parts.items()) if path[0] == name]

    def _part(self, item: _Item, path: Path, part: Tree) -> Tree:
        member = PARTS.get(str(part.get("type")), ("", ""))[0]
        text = self._left.get((item.at, (*path, member)))
        return part if text is None or not member else {**part, member: text}

    @staticmethod
    def _around(item: _Item, tree: Tree) -> Tree:
        """The item with the parts of ours."""
        if not item.before and not item.after:
            return tree
        content = tree.get("content")
        return {**tree, "content": [*item.before, *(content if isinstance(content, list) else []), *item.after]}


def _is_open_text(item: _Item, path: Path) -> bool:
    told = path in item.told or path in item.ended or item.done is not None
    return not told and item.parts[path].get("type") == "output_text"


def _moved(tree: Tree, by: int) -> Tree:
    """An event about a part, behind parts of ours."""
    if not by or "content_index" not in tree:
        return {**tree, "content_index": by} if by and _is_about_content(tree) else tree
    return {**tree, "content_index": tree["content_index"] + by}


def _is_about_content(tree: Tree) -> bool:
    """True where the index 0 was left out."""
    texts, whole = spoken(tree), shown(tree)
    path = texts[0].path if texts else whole.path if whole else ()
    return len(path) >= 2 and path[0] == "content"
