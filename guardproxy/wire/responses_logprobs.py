"""Token lists in the answers of `POST /v1/responses`: they repeat a text and stay only where they say just that.

with_fitting_logprobs(event) -> Tree      item_with_logprobs(item) -> Tree
fitting_logprobs(listed, text) -> list[Tree]
"""

from __future__ import annotations

from typing import Any

from guardproxy.wire.body import Tree
from guardproxy.wire.logprobs import checked_logprobs


def with_fitting_logprobs(tree: Tree) -> Tree:
    """An event of a stream: of a piece, of a part, of an item, or the last one."""
    kind = tree["type"]
    if kind in {"response.output_text.delta", "response.output_text.done"} and "logprobs" in tree:
        text = tree.get("delta" if kind.endswith("delta") else "text")
        tree = {**tree, "logprobs": fitting_logprobs(tree["logprobs"], text)}
    if isinstance(tree.get("part"), dict):
        tree = {**tree, "part": _part_with_logprobs(tree["part"])}
    if isinstance(tree.get("item"), dict):
        tree = {**tree, "item": item_with_logprobs(tree["item"])}
    response = tree.get("response")
    if isinstance(response, dict) and response.get("output"):
        tree = {**tree, "response": {**response, "output": [item_with_logprobs(item) for item in response["output"]]}}
    return tree


def item_with_logprobs(item: Tree) -> Tree:
    """The item with the token lists of its parts checked."""
    content = item.get("content")
    if not isinstance(content, list):
        return item
    return {**item, "content": [_part_with_logprobs(part) if isinstance(part, dict) else part for part in content]}


def _part_with_logprobs(part: Tree) -> Tree:
    """The part with its token list, if that says what the text says, else with an empty one."""
    if "logprobs" not in part:
        return part
    return {**part, "logprobs": fitting_logprobs(part["logprobs"], part.get("text"))}


def fitting_logprobs(listed: Any, text: Any) -> list[Tree]:
    """The tokens of a text, without those that were not chosen; nothing where they do not fit it."""
    checked = checked_logprobs({"content": listed}, text if isinstance(text, str) else "", "")
    entries: list[Tree] = (checked or {}).get("content") or []
    return entries
