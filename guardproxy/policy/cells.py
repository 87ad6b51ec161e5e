"""A policy's own texts (`policy-language.md` 14): shape → locale → text, for all, by hazard and by rule."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from guardproxy.core.catalogue import Shape as Spoken
from guardproxy.core.hazards import BY_ID, CRISIS, FAMILIES, exists, family_of
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.problems import Problem, Problems, Severity
from guardproxy.policy.reader import Entry, Node
from guardproxy.policy.shaped import Reader, Shape, closed, one_of, open_keys, shaped
from guardproxy.policy.textlint import check_cell
from guardproxy.policy.values import (
    LOCALE,
    TEXT,
    Field,
    Fields,
    choice,
    ident,
    locale_tag,
    locales,
    read_entry,
    wrong_type,
)

SHAPES = tuple(shape.value for shape in Spoken)
TONES = ("neutral", "warm", "brief")
OLD_SHAPES = {"refuse": "hard"}
_GROUPS = ("by_hazard", "by_rule")
TEXTS: Shape = open_keys(LOCALE, TEXT)
CELL: Shape = closed(dict.fromkeys((*SHAPES, *OLD_SHAPES), TEXTS))


def _messages() -> Shape:
    """The shape of `messages:`. At a person at risk stands the shape crisis alone (GP213)."""
    hazards = dict.fromkeys((*BY_ID, *FAMILIES), CELL)
    hazards[CRISIS] = closed({Spoken.CRISIS.value: TEXTS})
    custom = {"^custom(\\.|$)": CELL}
    own: Shape = {"type": "object", "properties": hazards, "patternProperties": custom, "additionalProperties": False}
    groups = {"by_hazard": own, "by_rule": open_keys(ident.shape, CELL)}
    return closed({"default_locale": LOCALE, "tone": one_of(*TONES), **groups, **CELL["properties"]})


@shaped(_messages())
def messages(node: Node, problems: Problems) -> Fields | None:
    """The mapping `messages:` as Fields; a shape holds Fields by locale, a group Fields by cell."""
    if not node.is_mapping:
        wrong_type(node, "a mapping", problems)
        return None
    found: Fields = {}
    for entry in node.entries:
        if entry.key == "default_locale":
            _put(found, entry, read_entry(entry.value, entry.place, locale_tag, problems))
        elif entry.key == "tone":
            _put(found, entry, read_entry(entry.value, entry.place, choice(*TONES), problems))
        elif entry.key in _GROUPS:
            read = _by_hazard if entry.key == "by_hazard" else _by_rule
            _put(found, entry, read_entry(entry.value, entry.place, _group(read), problems))
        else:
            _shape(found, entry, "", "", problems)
    return found


def _put(found: Fields, entry: Entry, value: object, key: str = "") -> None:
    if value is not None:
        found[key or entry.key] = Field(value, entry.value, entry.place)


def _group(read: Callable[[Entry, Problems], Fields | None]) -> Reader:
    def group(node: Node, problems: Problems) -> Fields | None:
        if not node.is_mapping:
            wrong_type(node, "a mapping", problems)
            return None
        found: Fields = {}
        for entry in node.entries:
            if not entry.value.is_mapping:
                read_entry(entry.value, entry.place, lambda n, p: wrong_type(n, "a mapping", p), problems)
                continue
            _put(found, entry, read(entry, problems))
        return found

    return group


def _by_hazard(entry: Entry, problems: Problems) -> Fields | None:
    if not exists(entry.key) and family_of(entry.key) != "custom":
        hint = did_you_mean(entry.key, (*BY_ID, *FAMILIES)) or "section 4 of the policy language lists them"
        problems.error("GP201", entry.place, f'unknown hazard "{entry.key[:80]}"', hint)
        return None
    found: Fields = {}
    for shape in entry.value.entries:
        name = OLD_SHAPES.get(shape.key, shape.key)
        if entry.key == CRISIS and name in SHAPES and name != Spoken.CRISIS:
            message = f"{CRISIS} is always answered with the shape crisis"
            problems.error("GP213", shape.place, message, "crisis:")
            continue
        _shape(found, shape, entry.key, "", problems)
    return found


def _by_rule(entry: Entry, problems: Problems) -> Fields | None:
    if ident(Node(entry.key, entry.place), problems) is None:
        return None
    found: Fields = {}
    for shape in entry.value.entries:
        _shape(found, shape, "", entry.key, problems)
    return found


def _shape(found: Fields, entry: Entry, hazard: str, rule_id: str, problems: Problems) -> None:
    name = OLD_SHAPES.get(entry.key, entry.key)
    if name not in SHAPES:
        known = (*SHAPES, *(() if hazard or rule_id else (*_GROUPS, "default_locale", "tone")))
        hint = did_you_mean(entry.key, known) or f"shapes: {', '.join(SHAPES)}"
        problems.error("GP104", entry.place, f'unknown key "{entry.key[:80]}"', hint)
        return
    if name in found:
        problems.error("GP003", entry.place, f'"{entry.key}" and "{name}" are one shape', f"keep {name}")
        return
    if name != entry.key:
        problems.warning("GP717", entry.place, f'"{entry.key}" is an old spelling of "{name}"', f"write {name}:")
    cell = partial(_cell, name, hazard, rule_id)
    _put(found, entry, read_entry(entry.value, entry.place, locales(cell), problems), name)


def _cell(shape: str, hazard: str, rule_id: str, tag: str, node: Node, problems: Problems) -> str | None:
    """One text: the twenty text rules decide (GP503, GP504, GP601 … GP620)."""
    if not isinstance(node.value, str):
        wrong_type(node, "a text", problems)
        return None
    said = node.value.strip("\n")
    for row in check_cell(said, shape=shape, locale=tag, hazard=hazard, rule_id=rule_id):
        problems.add(Problem(row.code, node.place, row.message, Severity(row.severity), row.hint))
    return said
