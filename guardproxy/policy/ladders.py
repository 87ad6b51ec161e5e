"""`thresholds` and `on_match`: from which score on which action begins (`policy-language.md` 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from guardproxy.core.rules import Action, Ladder, LadderStep
from guardproxy.policy.nearest import called, did_you_mean
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.shaped import Shape, Shaped, closed
from guardproxy.policy.values import Field, Fields, choice, read_entry, wrong_type

ACTIONS: Mapping[str, Action] = {a.word: a for a in Action if a is not Action.ALLOW}
NEVER = "never"
on_match = choice(*ACTIONS)


def steps(allowed: Mapping[str, Action] = ACTIONS, *, most: float = 1.0, removable: bool = False) -> Shaped:
    """Action → threshold as Fields, rising in the order of the actions. `removable`: a step may be `never`."""

    def threshold(node: Node, problems: Problems) -> float | str | None:
        if removable and node.value == NEVER:
            return NEVER
        if type(node.value) in (int, float) and 0 < node.value <= most:
            return float(node.value)
        if node.is_list or node.is_mapping:
            wrong_type(node, "a number", problems)
            return None
        hint = "take the quotes away" if node.style else _meant(node.value)
        wanted = "a number above 0 and at most 1" if most == 1 else "a number above 0"
        problems.error("GP205", node.place, f"a threshold is {wanted}", hint)
        return None

    def read(node: Node, problems: Problems) -> Fields | None:
        if not node.is_mapping:
            wrong_type(node, "a mapping of action to score", problems)
            return None
        found: Fields = {}
        for entry in node.entries:
            if entry.key not in allowed:
                hint = did_you_mean(entry.key, allowed) or f"steps: {', '.join(allowed)}"
                hint = called(entry.key, allowed) or hint
                if entry.key.isdecimal():
                    hint = f"decimals have a point: 0.{entry.key}"
                problems.error("GP208", entry.place, f'"{entry.key[:80]}" is no step', hint)
                continue
            value = read_entry(entry.value, entry.place, threshold, problems)
            if value is not None:
                found[entry.key] = Field(value, entry.value, entry.place)
        if not node.entries:
            problems.error("GP108", node.place, "a ladder without steps", "name at least one")
        broken = len(found) < len(node.entries) or not found
        return None if broken or not rises(found, problems) else found

    above: Shape = {"type": "number", "exclusiveMinimum": 0, "maximum": most}
    step = {"anyOf": [above, {"const": NEVER}]} if removable else above
    return Shaped(read, {**closed(dict.fromkeys(allowed, step)), "minProperties": 1})


def _meant(value: object) -> str:
    """90 and 90% are 0.90."""
    percent = str(value).removesuffix("%").strip()
    if percent.isdecimal() and 1 < int(percent) <= 100:
        return f"{int(percent)} percent is {int(percent) / 100:.2f}"
    return "such as 0.90"


def rises(found: Fields, problems: Problems) -> bool:
    """GP206 unless the scores rise strictly in the order of the actions."""
    ordered = sorted(((ACTIONS[k], f) for k, f in found.items() if f.value != NEVER), key=lambda pair: pair[0])
    for (milder, low), (harder, high) in pairwise(ordered):
        if low.value >= high.value:
            message = f"{harder.word} at {high.value:g} is not above {milder.word} at {low.value:g}"
            problems.error("GP206", high.place, message, "the harder the action, the surer we must be", [low.place])
            return False
    return True


def ladder_of(rule: Fields) -> Ladder:
    """The ladder of a checked rule."""
    if "on_match" in rule:
        return Ladder((LadderStep(ACTIONS[rule["on_match"].value], 1.0),))
    return ladder_from(rule["thresholds"].value if "thresholds" in rule else {})


def ladder_from(found: Fields) -> Ladder:
    """The ladder of checked steps."""
    made = (LadderStep(ACTIONS[name], step.value) for name, step in found.items() if step.value != NEVER)
    return Ladder(tuple(sorted(made, key=lambda s: s.action)))
