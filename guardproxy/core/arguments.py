"""Tool arguments and structured output: a JSON text taken apart into its leaves, and put together again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Leaf:
    """One decoded text. `key`: it names a member and cannot be replaced. Numbers are leaves as written."""

    text: str
    key: bool = False

    def __repr__(self) -> str:
        return f"Leaf({len(self.text)} chars, key={self.key})"


class _Number(str):
    """A number as it was written: no digit is lost by going through a float."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Members:
    """An object with all its members, also those of the same name: each of them may be the one that is read."""

    pairs: tuple[tuple[str, object], ...]


BORDER = "\u00ad"
"""Stands where two parts of an answer meet; outside a string it is no JSON."""


class Document:
    """A JSON text, or, when it is not one, a text that is its own only leaf.

    A JSON text that came in parts is read as if it had come in one.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.is_json = True
        try:
            self._tree: object = _parse(source) if BORDER not in source else _parse_parts(source)
            self.leaves = tuple(_leaves(self._tree))
        except (ValueError, RecursionError):
            self.leaves = (Leaf(source),)
            self.is_json = False

    def encoded(self, texts: Sequence[str]) -> str:
        """The document with its leaves replaced; `texts` has one text for each leaf, in order.

        A number whose text changed becomes a string. Without a change the source comes back as it was.
        """
        if [leaf.text for leaf in self.leaves] == list(texts):
            return self.source
        if not self.is_json:
            return texts[0]
        return "".join(_written(self._tree, iter(texts)))


def _parse(source: str) -> object:
    return json.loads(
        source,
        parse_int=_Number,
        parse_float=_Number,
        parse_constant=_not_json,
        object_pairs_hook=lambda pairs: _Members(tuple(pairs)),
    )


def _parse_parts(source: str) -> object:
    try:
        return _parse(source)
    except ValueError:
        return _parse(source.replace(BORDER, ""))


def _not_json(_name: str) -> NoReturn:
    raise ValueError("NaN and infinities are not JSON")


def _leaves(value: object) -> Iterator[Leaf]:
    if isinstance(value, str):
        yield Leaf(str(value))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, _Members):
        for name, member in value.pairs:
            yield Leaf(name, key=True)
            yield from _leaves(member)


def _written(value: object, texts: Iterator[str]) -> Iterator[str]:
    """The value as JSON, its leaves taken from `texts` in the order of `_leaves`."""
    if isinstance(value, str):
        text = next(texts)
        yield text if isinstance(value, _Number) and text == value else _string(text)
    elif isinstance(value, list):
        yield "["
        for at, item in enumerate(value):
            yield ", " if at else ""
            yield from _written(item, texts)
        yield "]"
    elif isinstance(value, _Members):
        yield "{"
        for at, (_name, member) in enumerate(value.pairs):
            yield ", " if at else ""
            yield _string(next(texts)) + ": "
            yield from _written(member, texts)
        yield "}"
    else:
        yield json.dumps(value)


def _string(text: str) -> str:
    """A lone surrogate cannot be sent as UTF-8: it stays an escape."""
    return json.dumps(text, ensure_ascii=any("\ud800" <= char <= "\udfff" for char in text))
