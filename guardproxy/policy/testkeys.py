"""The keys of a policy's test (`policy-language.md` 16)."""

from __future__ import annotations

from collections.abc import Mapping

from guardproxy.core.conversation import Role, Stage
from guardproxy.core.hazards import selectable
from guardproxy.core.rules import Action
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.rulekeys import SELECTABLE, detector, hazard
from guardproxy.policy.shaped import Shape, closed, one_of, open_keys, shaped
from guardproxy.policy.values import (
    DAY_MS,
    Field,
    Fields,
    Key,
    any_text,
    choice,
    duration,
    flag,
    ident,
    listed,
    locale_tag,
    mapping,
    number,
    read_entry,
    text,
    wrong_type,
)

VERSION = "tests/v1"
OUTCOMES = tuple(action.word for action in Action)
_SCORE = number(0, 1)
_STAGE = choice(*(stage.value for stage in Stage))
_NAMED: Shape = {
    **closed({**dict.fromkeys(OUTCOMES, ident.shape), "stage": _STAGE.shape}),
    "oneOf": [{"required": [word]} for word in OUTCOMES],
}


@shaped({"anyOf": [one_of(*OUTCOMES), _NAMED]})
def expected(node: Node, problems: Problems) -> str | Fields | None:
    """`allow`, the name of an action, or `{<action>: <rule id>}` with an optional stage."""
    if isinstance(node.value, str):
        word: str | None = choice(*OUTCOMES)(node, problems)
        return word
    if not node.is_mapping:
        wrong_type(node, "an action, or {<action>: <rule>}", problems)
        return None
    found: Fields = {}
    for entry in node.entries:
        if entry.key not in (*OUTCOMES, "stage"):
            hint = did_you_mean(entry.key, (*OUTCOMES, "stage")) or f"actions: {', '.join(OUTCOMES)}"
            problems.error("GP208", entry.place, f'"{entry.key[:80]}" is no action', hint)
            continue
        value = read_entry(entry.value, entry.place, _STAGE if entry.key == "stage" else ident, problems)
        if value is not None:
            found[entry.key] = Field(value, entry.value, entry.place)
    actions = [e for e in node.entries if e.key in OUTCOMES]
    if len(actions) != 1 and len(found) == len(node.entries):
        problems.error("GP101", node.place, "exactly one action is expected", "{refuse: <rule>, stage: output}")
        return None
    return found if len(found) == len(node.entries) else None


@shaped(open_keys({"anyOf": [hazard.shape, detector.shape]}, _SCORE.shape))
def stage_scores(node: Node, problems: Problems) -> Fields | None:
    """Hazard or detector id → score."""
    if not node.is_mapping:
        wrong_type(node, "a mapping of hazard to score", problems)
        return None
    found: Fields = {}
    for entry in node.entries:
        known = selectable(entry.key) or detector(Node(entry.key, entry.place), Problems()) is not None
        if not known:
            hint = did_you_mean(entry.key, SELECTABLE)
            problems.error("GP201", entry.place, f'"{entry.key[:80]}" is neither a hazard nor a detector', hint)
            continue
        value = read_entry(entry.value, entry.place, _SCORE, problems)
        if value is not None:
            found[entry.key] = Field(value, entry.value, entry.place)
    return found


SCORES = mapping({"input": Key(stage_scores), "output": Key(stage_scores)})
MESSAGE = {"role": Key(choice(*(role.value for role in Role)), required=True), "content": Key(any_text, required=True)}
TURN = {
    "user": Key(any_text),
    "assistant": Key(any_text),
    "scores": Key(SCORES),
    "wait": Key(duration(0, 30 * DAY_MS)),
    "expect": Key(expected, required=True),
}
TEST: Mapping[str, Key] = {
    "name": Key(text(1, 200), required=True),
    "user": Key(any_text),
    "assistant": Key(any_text),
    "messages": Key(listed(mapping(MESSAGE), 4_096, least=1)),
    "scores": Key(SCORES),
    "turns": Key(listed(mapping(TURN), 200, least=1)),
    "live": Key(flag),
    "locale": Key(locale_tag),
    "route": Key(text(1, 128)),
    "tenant": Key(text(1, 128)),
    "expect": Key(expected),
    "would": Key(expected),
    "result": Key(mapping({"input": Key(any_text), "output": Key(any_text)})),
}


@shaped({"const": VERSION})
def tests_version(node: Node, problems: Problems) -> str | None:
    if node.value == VERSION:
        return VERSION
    problems.error("GP102", node.place, f"this release reads {VERSION}", f"guardproxy: {VERSION}")
    return None


def check_test(node: Node, problems: Problems) -> None:
    """A test, as written, judges something and says what it expects."""
    given = {e.key for e in node.entries if e.value.value not in ("", ())}
    if "turns" in given:
        for key in sorted(given & {"user", "assistant", "messages", "scores"}):
            problems.error("GP104", node.place_of(key), f'"{key}" does not go with "turns"', "put it into a turn")
        return
    if {"messages", "user"} <= given:
        place = node.place_of("user")
        problems.error("GP104", place, '"user" does not go with "messages"', "add it as the last message")
    if not given & {"user", "assistant", "messages", "scores"}:
        problems.error("GP509", node.place, "the test has nothing to judge", "give user, assistant or messages")
    elif "expect" not in given:
        problems.error("GP101", node.place, 'missing key "expect"', "expect: allow")
