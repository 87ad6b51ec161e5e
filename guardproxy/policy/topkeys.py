"""The keys of the top level and what they hold (`policy-language.md` 2, 6, 7, 10, 12, 13, 15)."""

from __future__ import annotations

from collections.abc import Mapping

from guardproxy.core.hazards import family_of
from guardproxy.policy.cells import messages
from guardproxy.policy.ladders import ACTIONS, steps
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.rulekeys import FIXED, OVERRIDE, SELECTABLE, hazard
from guardproxy.policy.shaped import a_list, one_of, shaped
from guardproxy.policy.values import (
    DAY_MS,
    Fields,
    Key,
    choice,
    day,
    duration,
    file_name,
    flag,
    ident,
    listed,
    mapping,
    members,
    number,
    shape_of,
    text,
    whole,
    wrong_type,
)

VERSION = "policy/v1"
NEVER_COUNTED = ("self_harm", "quality", "unscannable")
ESCALATING = {name: ACTIONS[name] for name in ("log", "warn", "refuse")}


@shaped({"const": VERSION})
def language_version(node: Node, problems: Problems) -> str | None:
    if node.value == VERSION:
        return VERSION
    problems.error("GP102", node.place, f"this release reads {VERSION}", f"guardproxy: {VERSION}")
    return None


@shaped({"anyOf": [{"const": "rest"}, a_list(hazard.shape, 200)]})
def not_watched(node: Node, problems: Problems) -> tuple[str, ...] | None:
    """Hazard ids, or `rest`."""
    if node.value == "rest":
        return ("rest",)
    if node.is_list:
        found: tuple[str, ...] | None = listed(hazard, 200)(node, problems)
        return found
    wrong_type(node, "a list of hazards, or `rest`", problems)
    return None


@shaped(one_of(*(name for name in SELECTABLE if family_of(name) not in NEVER_COUNTED)))
def escalating_hazard(node: Node, problems: Problems) -> str | None:
    name: str | None = hazard(node, problems)
    if name is not None and family_of(name) in NEVER_COUNTED:
        hint = "these never count against anybody"
        problems.error("GP213", node.place, f"{name} may not stand under escalation", hint)
        return None
    return name


@shaped({"anyOf": [{"const": "all"}, {"type": "integer", "minimum": 1, "maximum": 4096}]})
def history(node: Node, problems: Problems) -> str | int | None:
    """`all`, or how many of the latest messages."""
    if node.value == "all":
        return "all"
    if isinstance(node.value, str):
        wrong_type(node, "`all` or a whole number", problems)
        return None
    found: int | None = whole(1, 4096)(node, problems)
    return found


@shaped({**shape_of(OVERRIDE), "minProperties": 1})
def changed(node: Node, problems: Problems) -> Fields | None:
    """The mapping `change:` of an override."""
    if not node.is_mapping:
        wrong_type(node, "a mapping", problems)
        return None
    allowed = []
    for entry in node.entries:
        if entry.key in FIXED:
            message = f'"{entry.key}" may not be overridden'
            problems.error("GP311", entry.place, message, "write a rule of your own beside it")
        else:
            allowed.append(entry)
    if not node.entries:
        problems.error("GP108", node.place, "nothing is changed", "name at least one key")
    return members(Node(tuple(allowed), node.place, is_mapping=True), OVERRIDE, problems)


_name = text(1, 128)
LEVELS = {"enforce": Key(whole(1, 3)), "shadow": Key(whole(1, 3))}
APPLIES = {"routes": Key(listed(_name, 1_000, least=1)), "tenants": Key(listed(_name, 1_000, least=1))}
WINDOW = {
    "first": Key(whole(40, 4_000)),
    "characters": Key(whole(80, 8_000)),
    "overlap": Key(whole(0, 2_000)),
    "cut_at": Key(choice("sentence", "character")),
}
STREAMING = {
    "release": Key(choice("after_check", "buffer", "immediate")),
    "window": Key(mapping(WINDOW)),
    "longest_hold": Key(duration(200, 30_000, code="GP404")),
    "longest_match": Key(whole(100, 20_000)),
}
ESCALATION = {
    "hazards": Key(listed(escalating_hazard, 200, least=1), required=True),
    "drift": Key(number(0.01, 0.9)),
    "steps": Key(steps(ESCALATING, most=1_000_000), required=True),
}
COOL_DOWN = {
    "after": Key(whole(2, 20), required=True),
    "within": Key(duration(1, DAY_MS), required=True),
    "lasts": Key(duration(1, DAY_MS), required=True),
}
MEMORY = {"keep": Key(duration(1, DAY_MS)), "half_life": Key(duration(1, DAY_MS))}
CONVERSATION = {
    "messages": Key(history),
    "forget_refused": Key(flag),
    "escalation": Key(mapping(ESCALATION)),
    "cool_down": Key(mapping(COOL_DOWN)),
    "memory": Key(mapping(MEMORY)),
}
REGENERATE = {
    "tries": Key(whole(1, 3)),
    "instruction": Key(text(1, 1_200)),
    "fallback": Key(choice("refuse", "warn")),
    "notice": Key(flag),
}
DISCLOSURE = {
    "first_turn": Key(flag),
    "source_line": Key(flag),
    "hazards": Key(choice("leaf", "family", "none")),
}
TAX = {
    "over_refusal": Key(number(0, 1)),
    "added_p95": Key(duration(0, 60_000)),
    "extra_tokens": Key(number(0, 100)),
}
WHEN = {
    "routes": Key(listed(_name, 1_000, least=1)),
    "tenants": Key(listed(_name, 1_000, least=1)),
    "words": Key(listed(text(2, 200), 1_000, least=1)),
}
EXCEPTION = {
    "rule": Key(ident, required=True),
    "when": Key(mapping(WHEN), required=True),
    "then": Key(choice("log", "allow")),
    "because": Key(text(10, 500), required=True, missing="GP305"),
    "expires": Key(day, required=True, missing="GP306"),
}
OVERRIDES = {
    "rule": Key(ident, required=True),
    "change": Key(changed, required=True),
    "because": Key(text(10, 500), required=True, missing="GP305"),
}
TOP: Mapping[str, Key] = {
    "guardproxy": Key(language_version, required=True),
    "policy": Key(ident, required=True),
    "revision": Key(whole(1, 10**9), required=True),
    "owner": Key(text(3, 200), required=True),
    "about": Key(text(10, 500), required=True),
    "extends": Key(file_name),
    "applies_to": Key(mapping(APPLIES)),
    "mode": Key(choice("enforce", "shadow")),
    "levels": Key(mapping(LEVELS)),
    "if_detector_fails": Key(choice("closed", "open")),
    "on_unscannable": Key(choice("refuse", "warn", "allow")),
    "uncovered_language": Key(choice("allow", "warn", "refuse", "escalate")),
    "not_watched": Key(not_watched),
    "logit_bias": Key(choice("allow", "refuse")),
    "max_input_chars": Key(whole(1_000, 2_000_000)),
    "audience": Key(choice("general", "under_18")),
    "streaming": Key(mapping(STREAMING)),
    "conversation": Key(mapping(CONVERSATION)),
    "crisis": Key(mapping({"instruction": Key(text(1, 1_200))})),
    "regenerate": Key(mapping(REGENERATE)),
    "disclosure": Key(mapping(DISCLOSURE)),
    "messages": Key(messages),
    "tax_budget": Key(mapping(TAX)),
}
