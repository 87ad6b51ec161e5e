"""Changes to a request's tree. The tree given is never touched; unknown fields survive.

    patch(tree, replacements: Sequence[Replacement]) -> tree
    drop_messages(tree, indices, speech) -> tree  whole entries of `messages` (or of another list) leave
    insert_system(tree, text) -> tree             a system message in front

Replacements that point at member names (`Pointer.key`) cannot be made: the caller refuses instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from guardproxy.core.conversation import Pointer, Step
from guardproxy.wire.body import Tree, parse_inner, serialise


@dataclass(frozen=True, slots=True)
class Replacement:
    """The string at `pointer` becomes `text`."""

    pointer: Pointer
    text: str

    def __repr__(self) -> str:
        return f"Replacement({len(self.text)} chars at {len(self.pointer.path)} steps)"


def patch(tree: Tree, replacements: Sequence[Replacement]) -> Tree:
    """A copy of the tree with the strings replaced; strings inside tool arguments are encoded again."""
    out: Any = tree
    inner: dict[tuple[Step, ...], list[Replacement]] = {}
    for replacement in replacements:
        pointer = replacement.pointer
        if pointer.key:
            raise AssertionError("a member's name cannot be replaced; this is a bug")
        if pointer.inner is None:
            out = with_value(out, pointer.path, replacement.text)
        else:
            inner.setdefault(pointer.path, []).append(replacement)
    for path, inside in inner.items():
        decoded = parse_inner(value_at(out, path))
        for replacement in inside:
            decoded = with_value(decoded, replacement.pointer.inner or (), replacement.text)
        out = with_value(out, path, serialise(decoded).decode())
    return dict(out)


def drop_messages(tree: Tree, indices: Iterable[int], speech: str = "messages") -> Tree:
    """The tree without these entries of the list that holds what is said."""
    gone = frozenset(indices)
    return {**tree, speech: [m for at, m in enumerate(tree[speech]) if at not in gone]}


def insert_system(tree: Tree, text: str) -> Tree:
    """The tree with a system message in front of all others."""
    return {**tree, "messages": [{"role": "system", "content": text}, *tree["messages"]]}


def value_at(tree: Any, path: Sequence[Step]) -> Any:
    """What stands at a path."""
    for step in path:
        tree = tree[step]
    return tree


def with_value(tree: Any, path: Sequence[Step], value: Any) -> Any:
    """A copy of the tree along the path, with another value at its end; everything beside it is shared."""
    if not path:
        return value
    copied = tree.copy()
    copied[path[0]] = with_value(tree[path[0]], path[1:], value) if len(path) > 1 else value
    return copied
