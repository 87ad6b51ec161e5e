"""Readers that can also say which values they take: the JSON Schema for editors comes out of the readers themselves.

A shape may be wider than its reader (ranges of durations, what folds to nothing, what two keys must have in common),
never narrower: an editor must not mark what the loader accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node

Reader = Callable[[Node, Problems], Any]
Shape = Mapping[str, Any]
"""A JSON Schema (draft 2020-12) of a value."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """A reader and the shape of what it takes."""

    read: Reader
    shape: Shape

    def __call__(self, node: Node, problems: Problems) -> Any:
        """The checked value, or None after the problem has been added."""
        return self.read(node, problems)


def shaped(shape: Shape) -> Callable[[Reader], Shaped]:
    """Gives a reader its shape."""
    return lambda read: Shaped(read, shape)


def one_of(*words: str) -> Shape:
    """A word of a closed list."""
    return {"type": "string", "enum": list(words)}


def a_list(item: Shape, most: int, least: int = 0) -> Shape:
    """A list of such items."""
    return {"type": "array", "items": item, "maxItems": most, **({"minItems": least} if least else {})}


def closed(properties: Mapping[str, Shape], required: tuple[str, ...] = ()) -> Shape:
    """A mapping with these keys and no others."""
    found: Shape = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def open_keys(names: Shape, value: Shape) -> Shape:
    """A mapping whose keys are named after a rule, and whose values are all alike."""
    return {"type": "object", "propertyNames": names, "additionalProperties": value}
