"""The indexes of a Responses stream: servers leave them out (llama.cpp sends none), clients count by them.

places = Places()
places.put(tree) -> None                     gives an event the indexes that it should have; raises UpstreamBadAnswer
places.know(item, at), places.of(id)         items by their ids
"""

from __future__ import annotations

from typing import Any

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.body import Tree
from guardproxy.wire.responses_events import number

_CONTENT = (
    "response.content_part.",
    "response.reasoning_part.",
    "response.output_text.",
    "response.refusal.",
    "response.reasoning_text.",
)
_SUMMARY = ("response.reasoning_summary_part.", "response.reasoning_summary_text.")
_TEXT = ("response.output_text.delta", "response.output_text.done")


class Places:
    """Goes by the id of the item, else by the item and the part that started last."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._started: set[int] = set()
        self._last = 0
        self._parts: dict[tuple[int, str], int] = {}

    def know(self, item: Tree, at: int) -> None:
        """The item with this id stands here."""
        if isinstance(item.get("id"), str):
            self._ids[item["id"]] = at

    def of(self, item_id: Any) -> int | None:
        """Where the item with this id stands."""
        return self._ids.get(item_id) if isinstance(item_id, str) else None

    def put(self, tree: Tree) -> None:
        """Takes note of what starts, and adds what is missing."""
        kind = tree["type"]
        if kind in {"response.output_item.added", "response.output_item.done"}:
            self._put_item(tree, starts=kind.endswith("added"))
            return
        about = kind.startswith((*_CONTENT, *_SUMMARY)) or "item_id" in tree or kind.endswith((".delta", ".done"))
        if not about or kind.startswith("response.audio"):
            return
        if "output_index" not in tree:
            known = self.of(tree.get("item_id"))
            tree["output_index"] = self._last if known is None else known
        for name, kinds in (("content_index", _CONTENT), ("summary_index", _SUMMARY)):
            if kind.startswith(kinds):
                self._put_part(tree, name, starts=kind.endswith("_part.added"))
        if kind in _TEXT and "logprobs" not in tree:
            tree["logprobs"] = []

    def _put_item(self, tree: Tree, *, starts: bool) -> None:
        item = tree.get("item")
        known = self.of(item.get("id")) if isinstance(item, dict) else None
        if "output_index" not in tree:
            fresh = max(self._started, default=-1) + 1
            tree["output_index"] = known if known is not None else fresh if starts else self._last
        at = number(tree, "output_index")
        if starts and at in self._started:
            raise UpstreamBadAnswer("the upstream starts an item twice")
        self._started.add(at)
        self._last = at

    def _put_part(self, tree: Tree, name: str, *, starts: bool) -> None:
        key = (number(tree, "output_index"), name)
        if name not in tree:
            tree[name] = self._parts.get(key, -1) + 1 if starts else self._parts.get(key, 0)
        self._parts[key] = number(tree, name)
