"""A table of fields, and the walk over a request that asks it: which string leaf is what (wire.md 1.3 to 1.6).

    FieldTable(rows, names)                            one surface's
        .treatment_of(place: str) -> Field             place as in `messages[].content[].text`
        .leaves(value, path, place) -> Iterator[Leaf]  every string leaf and every unknown member name below a value
        .refused_at_top -> dict[str, str]              fields that are answered with 400, and why
    rows(treatment, places, scope, why) -> list[Field]
    JSON_SCHEMA_NAMES                                  for the vocabularies of all surfaces

Every string leaf is text until the table says otherwise. A control value must match a short grammar, else it is text
again; a member name that is not in the table's vocabulary is text as well. The tables: `wire.fields`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from guardproxy.core.conversation import Scope, Step


class Treatment(StrEnum):
    """What happens to the strings at a place."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    CONTROL = "control"
    UNSCANNABLE = "unscannable"
    REFUSED = "refused"
    ARGUMENTS = "arguments"


@dataclass(frozen=True, slots=True)
class Field:
    """One row. A place that ends in `.**` covers everything below it."""

    place: str
    treatment: Treatment
    scope: Scope = Scope.USER
    why: str = ""


def rows(treatment: Treatment, places: str, scope: Scope = Scope.USER, why: str = "") -> list[Field]:
    """Rows alike, one for each of the places (split at white space)."""
    return [Field(place, treatment, scope, why) for place in places.split()]


_UNLISTED = Field("*", Treatment.TEXT)
_MOST_SEEN = 4096

_GRAMMAR = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-")
_JSON_SCHEMA = """
$schema $id $ref $defs $anchor $comment definitions title default examples enum const properties required items
prefixItems additionalProperties patternProperties propertyNames unevaluatedProperties unevaluatedItems
dependentRequired dependentSchemas allOf anyOf oneOf not if then else contains minContains maxContains minItems
maxItems uniqueItems minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
minProperties maxProperties readOnly writeOnly deprecated nullable contentEncoding contentMediaType
"""
JSON_SCHEMA_NAMES = frozenset(_JSON_SCHEMA.split())
"""Member names of JSON Schema. Closed, so they carry no message."""
_SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A string below a value: its text, the path to it, the table's row, and whether it is a member's name."""

    text: str
    path: tuple[Step, ...]
    field: Field
    key: bool = False

    def __repr__(self) -> str:
        return f"Leaf({len(self.text)} chars, {self.field.treatment})"


class FieldTable:
    """The rows of one surface. `names`: member names that carry no message; `lowered`: how each is spelled."""

    def __init__(self, listed: Iterable[Field], names: frozenset[str]) -> None:
        self.rows = tuple(listed)
        self.names = names
        self.lowered = {name.casefold(): name for name in names}
        self._exact = {row.place: row for row in self.rows if not row.place.endswith(".**")}
        self._below = {row.place.removesuffix(".**"): row for row in self.rows if row.place.endswith(".**")}
        self._seen: dict[str, Field] = {}
        refused = [row for row in self.rows if row.treatment is Treatment.REFUSED and "." not in row.place]
        self.refused_at_top = {row.place: row.why for row in refused}

    def treatment_of(self, place: str) -> Field:
        """The row for a place: the exact one, else the longest `.**` above it, else text."""
        row = self._seen.get(place)
        if row is None:
            row = self._found(place)
            if len(self._seen) < _MOST_SEEN:  # places are partly the caller's words
                self._seen[place] = row
        return row

    def leaves(self, value: Any, path: tuple[Step, ...], place: str) -> Iterator[Leaf]:
        """Every string at or below `value`, in order, member names included. Depth is bounded by the parser."""
        if isinstance(value, str):
            if value:
                yield self._leaf(value, path, place)
        elif isinstance(value, list):
            for at, item in enumerate(value):
                yield from self.leaves(item, (*path, at), place + "[]")
        elif isinstance(value, dict):
            for name, member in value.items():
                step = "*" if not name or "." in name or "[" in name else name  # a name cannot forge a place
                below = f"{place}.{step}" if place else step
                if name and name not in self.names and not _is_number_key(place, name):
                    yield Leaf(name, (*path, name), _as_text(self.treatment_of(below)), key=True)
                yield from self.leaves(member, (*path, name), below)

    def _found(self, place: str) -> Field:
        if row := self._exact.get(place):
            return row
        above = place
        while above:
            if row := self._below.get(above):
                return row
            above = above[: max(above.rfind("."), above.rfind("[]"), 0)]
        return _UNLISTED

    def _leaf(self, text: str, path: tuple[Step, ...], place: str) -> Leaf:
        row = self.treatment_of(place)
        if row.treatment is Treatment.CONTROL and not is_control_value(text):
            row = _as_text(row)
        if row.scope is Scope.TOOL_DEFINITION and place.endswith(".type") and text in _SCHEMA_TYPES:
            row = Field(place, Treatment.CONTROL, row.scope, "a type word of JSON Schema")
        return Leaf(text, path, row)


def is_control_value(text: str) -> bool:
    """True for the short words that control fields hold."""
    return 0 < len(text) <= 128 and _GRAMMAR.issuperset(text)


def _as_text(row: Field) -> Field:
    if row.treatment is Treatment.IDENTIFIER:
        return row
    return Field(row.place, Treatment.TEXT, row.scope, row.why)


def _is_number_key(place: str, name: str) -> bool:
    """Token ids are the names in `logit_bias`."""
    return place == "logit_bias" and len(name) <= 7 and name.isascii() and name.isdigit()


def holds_token_ids(value: Any) -> bool:
    """True when a list holds more than eight numbers, nested lists counted in: a text as token ids."""
    return isinstance(value, list) and _numbers_in(value) > 8


def _numbers_in(value: Any) -> int:
    if isinstance(value, list):
        return sum(_numbers_in(item) for item in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))
