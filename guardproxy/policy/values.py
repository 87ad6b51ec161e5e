"""The types of the language (`policy-language.md` 2): a node in, a checked value out, nothing converted.

A `Reader` takes a node and the collection of problems and gives the value, or None after it has said what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import re2

from guardproxy.core.locale import canonical
from guardproxy.core.rules import Source
from guardproxy.policy.nearest import called, did_you_mean
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.shaped import Reader, Shape, Shaped, a_list, closed, one_of, open_keys, shaped

_ID = re2.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_DURATION = re2.compile(r"(0|[1-9][0-9]{0,8})(ms|s|m|h|d)")
_DATE = re2.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_CONTROL = re2.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x{9f}]")
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_ID = 64
_LINE_END = 1
"""A text in block style ends with a line feed, which does not count."""
DAY_MS = _UNITS["d"]
_NAME: Shape = {"type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": _LONGEST_ID}
LOCALE: Shape = {
    "type": "string",
    "pattern": "^[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?([-_]([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*$",
    "maxLength": 35,
}
TEXT: Shape = {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Field:
    """A checked value, and where it and its key were written."""

    value: Any
    node: Node
    key: Source

    @property
    def place(self) -> Source:
        """Where the value stands."""
        return self.node.place


Fields = dict[str, Field]


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a mapping holds. `missing` is the code when a required key is not there."""

    read: Shaped
    required: bool = False
    missing: str = "GP101"


def kind_of(node: Node) -> str:
    """What a node is, in words."""
    if node.is_mapping:
        return "a mapping"
    if node.is_list:
        return "a list"
    names = {str: "a text", bool: "true or false", int: "a whole number", float: "a decimal"}
    return names.get(type(node.value), "nothing")


def wrong_type(node: Node, wanted: str, problems: Problems) -> None:
    """GP105, unless the node has been reported already."""
    if node.broken:
        return
    hint = ""
    if wanted.startswith("a text") and isinstance(node.value, (int, float)):
        hint = "put quotes around it"
    elif isinstance(node.value, str) and node.style and "text" not in wanted:
        hint = "take the quotes away"
    problems.error("GP105", node.place, f"{wanted} is expected, this is {kind_of(node)}", hint)


def text(shortest: int, longest: int) -> Shaped:
    """A string without control characters (line feeds may stand in it); length in code points."""

    def read(node: Node, problems: Problems) -> Any:
        if not isinstance(node.value, str):
            return wrong_type(node, "a text", problems)
        bad = _CONTROL.search(node.value)
        if bad:
            return problems.error("GP001", node.place, f"the control character U+{ord(bad.group(0)):04X}")
        length = len(node.value.strip("\n"))
        if shortest <= length <= longest:
            return node.value.strip("\n")
        wanted = f"{shortest:,} to {longest:,}"
        return problems.error("GP108", node.place, f"the text has {length:,} characters, {wanted} are expected")

    return Shaped(read, {"type": "string", "minLength": shortest, "maxLength": longest + _LINE_END})


@shaped({"type": "string"})
def any_text(node: Node, problems: Problems) -> Any:
    """A text as it stands: what a test says, whatever is in it."""
    return node.value if isinstance(node.value, str) else wrong_type(node, "a text", problems)


@shaped({})
def any_node(node: Node, _problems: Problems) -> Any:
    """For members that are read elsewhere."""
    return node


@shaped(_NAME)
def ident(node: Node, problems: Problems) -> Any:
    """A name: lower-case words joined by hyphens."""
    if not isinstance(node.value, str):
        return wrong_type(node, "a name", problems)
    if _ID.fullmatch(node.value) and len(node.value) <= _LONGEST_ID:
        return node.value
    hint = f"lower-case letters and digits joined by hyphens, at most {_LONGEST_ID}, a letter first"
    return problems.error("GP106", node.place, f'"{node.value[:80]}" is no name', hint)


def is_path(name: str) -> bool:
    """Would somebody read this name as a path or an address?"""
    return any(mark in name for mark in ("/", "\\", ":", "..", "~"))


@shaped(_NAME)
def file_name(node: Node, problems: Problems) -> Any:
    """A name that stands for a file: never a path (GP313)."""
    if isinstance(node.value, str) and is_path(node.value):
        hint = "names lead nowhere but to the loaded files; write the name alone"
        return problems.error("GP313", node.place, f'"{node.value[:80]}" is a path, not a name', hint)
    return ident(node, problems)


def whole(low: int, high: int) -> Shaped:
    """A whole number in a range."""

    def read(node: Node, problems: Problems) -> Any:
        if type(node.value) is not int:
            return wrong_type(node, "a whole number", problems)
        if low <= node.value <= high:
            return node.value
        return problems.error("GP109", node.place, f"{node.value:,} is outside {low:,} to {high:,}")

    return Shaped(read, {"type": "integer", "minimum": low, "maximum": high})


def number(low: float, high: float) -> Shaped:
    """A plain decimal in a range, both ends included."""

    def read(node: Node, problems: Problems) -> Any:
        if type(node.value) not in (int, float):
            return wrong_type(node, "a number", problems)
        if low <= node.value <= high:
            return float(node.value)
        return problems.error("GP109", node.place, f"{node.value} is outside {low} to {high}")

    return Shaped(read, {"type": "number", "minimum": low, "maximum": high})


@shaped({"type": "boolean"})
def flag(node: Node, problems: Problems) -> Any:
    """`true` or `false`; `yes` and `no` are ordinary words."""
    if isinstance(node.value, bool):
        return node.value
    return wrong_type(node, "true or false", problems)


def choice(*words: str) -> Shaped:
    """One word of a closed list."""

    def read(node: Node, problems: Problems) -> Any:
        if not isinstance(node.value, str):
            return wrong_type(node, f"one of {', '.join(words)}", problems)
        if node.value in words:
            return node.value
        hint = did_you_mean(node.value, words) or f"one of: {', '.join(words)}"
        hint = called(node.value, words) or hint
        return problems.error("GP208", node.place, f'"{node.value[:80]}" is not in the list', hint)

    return Shaped(read, one_of(*words))


def duration(low_ms: int, high_ms: int, *, code: str = "GP109") -> Shaped:
    """`250ms`, `2s`, `10m`, `24h`, `7d` → milliseconds."""

    def read(node: Node, problems: Problems) -> Any:
        if not isinstance(node.value, str):
            return wrong_type(node, "a duration such as 1500ms or 10m", problems)
        found = _DURATION.fullmatch(node.value)
        if not found:
            message = f'"{node.value[:40]}" is no duration'
            return problems.error("GP105", node.place, message, "a whole number and ms, s, m, h or d: 250ms, 2s")
        value = int(found.group(1)) * _UNITS[found.group(2)]
        if low_ms <= value <= high_ms:
            return value
        return problems.error(code, node.place, f"{node.value} is outside {spell(low_ms)} to {spell(high_ms)}")

    return Shaped(read, {"type": "string", "pattern": "^(0|[1-9][0-9]{0,8})(ms|s|m|h|d)$"})


def spell(milliseconds: int) -> str:
    """A duration in its largest whole unit."""
    for unit, size in reversed(_UNITS.items()):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


@shaped({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
def day(node: Node, problems: Problems) -> Any:
    """`YYYY-MM-DD`."""
    if not isinstance(node.value, str):
        return wrong_type(node, "a date such as 2027-03-31", problems)
    found = _DATE.fullmatch(node.value)
    if not found:
        return problems.error("GP105", node.place, f'"{node.value[:40]}" is no date', "write it as 2027-03-31")
    year, month, of_month = (int(part) for part in found.groups())
    try:
        return date(year, month, of_month)
    except ValueError:
        return problems.error("GP109", node.place, f"there is no day {node.value}")


def listed(item: Shaped, most: int, *, least: int = 0) -> Shaped:
    """A list; broken items are left out after they have been reported."""

    def read(node: Node, problems: Problems) -> Any:
        if not node.is_list:
            return wrong_type(node, "a list", problems)
        if len(node.items) > most:
            return problems.error("GP110", node.place, f"{len(node.items):,} items, at most {most:,} are allowed")
        if len(node.items) < least:
            return problems.error("GP108", node.place, "the list is empty", "name at least one, or leave the key out")
        values = [item(n, problems) for n in node.items]
        return tuple(v for v in values if v is not None)

    return Shaped(read, a_list(item.shape, most, least))


def mapping(keys: Mapping[str, Key]) -> Shaped:
    """A mapping with known keys only → Fields."""

    def read(node: Node, problems: Problems) -> Any:
        if not node.is_mapping:
            return wrong_type(node, "a mapping", problems)
        return members(node, keys, problems)

    return Shaped(read, shape_of(keys))


def shape_of(keys: Mapping[str, Key]) -> Shape:
    """A mapping of these keys."""
    known = {name: key.read.shape for name, key in keys.items()}
    return closed(known, tuple(name for name, key in keys.items() if key.required))


def members(node: Node, keys: Mapping[str, Key], problems: Problems) -> Fields:
    """The known members of a mapping, checked; unknown and missing ones are reported."""
    found: Fields = {}
    for entry in node.entries:
        key = keys.get(entry.key)
        if key is None:
            hint = did_you_mean(entry.key, keys) or f"known here: {', '.join(keys)}"
            problems.error("GP104", entry.place, f'unknown key "{entry.key[:80]}"', hint)
            continue
        value = read_entry(entry.value, entry.place, key.read, problems)
        if value is not None:
            found[entry.key] = Field(value, entry.value, entry.place)
    for name, key in keys.items():
        if key.required and all(e.key != name for e in node.entries):
            problems.error(key.missing, node.place, f'missing key "{name}"')
    return found


def read_entry(node: Node, key: Source, read: Reader, problems: Problems) -> Any:
    """The value of a member; an empty one is reported at its key."""
    if node.value is None and not node.broken:
        problems.error("GP105", key, "the value is empty", "give a value, or take the key out")
        return None
    return None if node.broken else read(node, problems)


def locale(key: str, place: Source, problems: Problems) -> str | None:
    """A BCP-47 tag in its usual spelling."""
    tag = canonical(key)
    if tag is None:
        problems.error("GP501", place, f'"{key[:40]}" is no language tag', "such as en, de or pt-BR")
    return tag


@shaped(LOCALE)
def locale_tag(node: Node, problems: Problems) -> Any:
    """A locale as a value."""
    if not isinstance(node.value, str):
        return wrong_type(node, "a language tag", problems)
    return locale(node.value, node.place, problems)


def locales(cell: Callable[[str, Node, Problems], str | None]) -> Shaped:
    """Locale → text."""

    def read(node: Node, problems: Problems) -> Any:
        if not node.is_mapping:
            return wrong_type(node, "a mapping of locale to text", problems)
        found: Fields = {}
        for entry in node.entries:
            tag = locale(entry.key, entry.place, problems)
            if tag is None:
                continue
            value = read_entry(entry.value, entry.place, partial(cell, tag), problems)
            if value is not None:
                found[tag] = Field(value, entry.value, entry.place)
        return found

    return Shaped(read, open_keys(LOCALE, TEXT))


def plain_value(value: Any) -> Any:
    """Checked values as JSON would hold them, for the hash."""
    if isinstance(value, Field):
        return plain_value(value.value)
    if isinstance(value, Mapping):
        return {str(k): plain_value(v) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain_value(v) for v in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
