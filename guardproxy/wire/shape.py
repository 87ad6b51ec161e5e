"""The shape of an answer on the wire. Inside, every answer has chat's: text stands in `message` or `delta`.

    Shape.inward(tree, holder) -> tree       an answer or chunk of the upstream, as chat would say it; takes the tree over
    Shape.outward(tree) -> tree              one that leaves, as this surface says it
    CHAT, TEXT                               chat completions; `choices[].text` of the legacy completions

So one moderator, one queue and one writer serve both, and nothing is checked on one surface only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guardproxy.wire.body import Tree

_HOLDERS = ("message", "delta")
_CHAT_OBJECTS = frozenset({"chat.completion", "chat.completion.chunk"})


@dataclass(frozen=True, slots=True)
class Shape:
    """`roles`: a message begins with who speaks. `id_prefix`: of answers that are our own."""

    id_prefix: str
    roles: bool = True

    def inward(self, tree: Tree, holder: str) -> Tree:
        """`holder` is "message" for a whole answer and "delta" for a chunk. What has no choices stays as it is."""
        if self.roles or not isinstance(tree.get("choices"), list):
            return tree
        return {**tree, "choices": [_held(choice, holder) for choice in tree["choices"]]}

    def outward(self, tree: Tree) -> Tree:
        """Unknown members stay."""
        if self.roles:
            return tree
        named = {"object": "text_completion"} if tree.get("object") in _CHAT_OBJECTS else {}
        return {**tree, **named, "choices": [_bare(choice) for choice in tree["choices"]]}


CHAT = Shape("chatcmpl-")
TEXT = Shape("cmpl-", roles=False)


def _held(choice: Any, holder: str) -> Any:
    """A `message` or `delta` beside the text is no part of this surface: it is dropped, for it could pass for ours."""
    if not isinstance(choice, dict):
        return choice
    text = choice.get("text")
    out: Tree = {name: value for name, value in choice.items() if name not in _HOLDERS}
    return _renamed(out, "text", holder, {} if text is None else {"content": text})


def _bare(choice: Tree) -> Tree:
    holder = next((name for name in _HOLDERS if name in choice), "delta")
    held = choice.get(holder)
    return _renamed(choice, holder, "text", (held.get("content") if isinstance(held, dict) else None) or "")


def _renamed(choice: Tree, old: str, new: str, value: Any) -> Tree:
    """A copy with one member under another name, at its place."""
    out: Tree = {(new if name == old else name): value if name == old else member for name, member in choice.items()}
    return out if old in choice else {**out, new: value}
