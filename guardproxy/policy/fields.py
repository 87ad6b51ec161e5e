"""Members of a YAML mapping as typed values; what is wrong goes into the collection with its place."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from datetime import date

from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Entry, Node


def nearest(word: str, known: Collection[str]) -> str:
    """`did you mean "x"?`, or "" when nothing is close."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f'did you mean "{close[0]}"?' if close else ""


def only(node: Node, known: Collection[str], problems: Problems) -> list[Entry]:
    """The members with known keys; an unknown one is GP104."""
    for entry in node.entries:
        if entry.key not in known:
            problems.error("GP104", entry.place, f'unknown key "{entry.key}"', nearest(entry.key, known))
    return [entry for entry in node.entries if entry.key in known]


def mapping(node: Node, key: str, problems: Problems, *, required: bool = True) -> Node | None:
    """A member that is a mapping."""
    value = node.get(key)
    if value is None:
        if required:
            problems.error("GP101", node.place, f'missing key "{key}"')
        return None
    if not value.is_mapping:
        problems.error("GP105", value.place, "a mapping is expected")
        return None
    return value


def text(node: Node, key: str, problems: Problems, *, required: bool = True) -> str:
    """A member that is a text; "" where it is missing or something else."""
    value = node.get(key)
    if value is None:
        if required:
            problems.error("GP101", node.place, f'missing key "{key}"')
        return ""
    if not isinstance(value.value, str):
        problems.error("GP105", value.place, "a text is expected")
        return ""
    return value.value.strip()


def whole(node: Node, key: str, problems: Problems) -> int:
    """A member that is a whole number from 1; 1 where it is not."""
    value = node.get(key)
    if value is None:
        problems.error("GP101", node.place, f'missing key "{key}"')
    elif type(value.value) is not int:
        problems.error("GP105", value.place, "a whole number is expected")
    elif value.value < 1:
        problems.error("GP109", value.place, "1 or more is expected")
    else:
        return value.value
    return 1


def day(node: Node, key: str, problems: Problems) -> date | None:
    """A member that is a date; None where it is `null` or missing."""
    value = node.get(key)
    if value is None or (value.value is None and not value.broken):
        return None
    try:
        return date.fromisoformat(value.value)
    except (TypeError, ValueError):
        problems.error("GP105", value.place, "a date like 2026-11-24, or null, is expected")
        return None


def version(node: Node, wanted: str, problems: Problems) -> None:
    """The first line of each of our files."""
    if node.get("guardproxy") is None:
        problems.error("GP101", node.place, f'missing key "guardproxy", here "{wanted}"')
    elif text(node, "guardproxy", problems) != wanted:
        problems.error("GP102", node.place_of("guardproxy"), "unknown language version", f"write {wanted}")
