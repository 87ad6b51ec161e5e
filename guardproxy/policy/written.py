"""Lists of mappings in a policy file: rules, overrides, exceptions, tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.values import Field, Fields, Key, members, read_entry, wrong_type


@dataclass(frozen=True, slots=True)
class Written:
    """One item of a list of mappings: its checked keys and its place."""

    fields: Fields
    node: Node

    @property
    def place(self) -> Source:
        """Where it begins."""
        return self.node.place


def written_list(root: Node, key: str, keys: Mapping[str, Key], most: int, problems: Problems) -> tuple[Written, ...]:
    node = root.get(key)
    if node is None:
        return ()
    if node.value is None or not node.is_list:
        read_entry(node, root.place_of(key), lambda n, p: wrong_type(n, "a list", p), problems)
        return ()
    if len(node.items) > most:
        message = f"{len(node.items):,} {key}, at most {most:,} are allowed"
        problems.error("GP110", root.place_of(key), message, "split the policy")
        return ()
    found = []
    for item in node.items:
        if item.is_mapping:
            found.append(Written(members(item, keys, problems), item))
        else:
            wrong_type(item, "a mapping", problems)
    return tuple(found)


def twice(found: Sequence[Written], key: str, what: str, problems: Problems) -> None:
    """GP107, with both places."""
    first: dict[str, Field] = {}
    for written in found:
        field = written.fields.get(key)
        if field is None:
            continue
        if field.value in first:
            before = first[field.value].place
            message = f'{what} "{field.value}" stands already on line {before.line}'
            problems.error("GP107", field.place, message, "give it another name", [before])
        first.setdefault(field.value, field)
