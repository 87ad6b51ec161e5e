"""The keys of a rule (`policy-language.md` 3), and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guardproxy.core.conversation import INPUT_SCOPES, Stage
from guardproxy.core.hazards import (
    CRISIS,
    FAMILIES,
    LEAVES,
    UNSELECTABLE_FAMILIES,
    exists,
    family_of,
    leaves_of,
    selectable,
    stages_of,
)
from guardproxy.core.rules import Action, Kind, Source
from guardproxy.policy.expressions import pattern
from guardproxy.policy.ladders import ACTIONS, NEVER, ladder_of, on_match, steps
from guardproxy.policy.nearest import did_you_mean, nearest
from guardproxy.policy.phrases import changed_words, words
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.shaped import one_of, shaped
from guardproxy.policy.values import (
    Fields,
    Key,
    any_text,
    choice,
    flag,
    ident,
    listed,
    locales,
    text,
    whole,
    wrong_type,
)

KINDS = tuple(kind.value for kind in Kind)
ACTS = ("thresholds", "on_match")
RESERVED = frozenset({"unscannable", "language", "session", "moderation"})
TAGS = ("child-safety", "legal", "privacy", "security", "brand", "wellbeing", "quality", "trial")
SELECTABLE = tuple(h for h in (*(leaf.id for leaf in LEAVES), *FAMILIES) if family_of(h) not in UNSELECTABLE_FAMILIES)
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_NAME = _LETTERS | frozenset("0123456789_")
_LONGEST_NAME = 64


@shaped({**ident.shape, "not": {"enum": sorted(RESERVED)}})
def rule_id(node: Node, problems: Problems) -> str | None:
    """A name that is not one of the reserved ones."""
    name: str | None = ident(node, problems)
    if name in RESERVED:
        problems.error("GP106", node.place, f'"{name}" is reserved', "decisions no rule made carry this name")
        return None
    return name


@shaped(one_of(*SELECTABLE))
def hazard(node: Node, problems: Problems) -> str | None:
    """A leaf or a family that rules may select."""
    if not isinstance(node.value, str):
        wrong_type(node, "a hazard", problems)
        return None
    if selectable(node.value):
        return node.value
    if exists(node.value):
        hint = "write `counts_as:` with words or a pattern" if node.value == "custom" else "see `on_unscannable`"
        problems.error("GP201", node.place, f'"{node.value}" may not stand here', hint)
        return None
    hint = "a family already hears all its leaves" if node.value.endswith(".*") else ""
    hint = hint or did_you_mean(node.value, SELECTABLE) or "section 4 of the policy language lists them"
    problems.error("GP201", node.place, f'unknown hazard "{node.value[:80]}"', hint)
    return None


@shaped({"anyOf": [one_of("custom", *SELECTABLE), {"type": "string", "pattern": "^custom\\.[a-z][a-z0-9_]{0,63}$"}]})
def counted_as(node: Node, problems: Problems) -> str | None:
    """A hazard, or `custom.<name>` of one's own."""
    if not isinstance(node.value, str):
        wrong_type(node, "a hazard", problems)
        return None
    if node.value == "custom":
        return node.value
    family, _, name = node.value.partition(".")
    if family != "custom":
        known: str | None = hazard(node, problems)
        return known
    if name[:1] in _LETTERS and set(name) <= _NAME and len(name) <= _LONGEST_NAME:
        return node.value
    problems.error("GP106", node.place, f'"{node.value[:80]}" is no name', "custom.<name> of a-z, 0-9 and _")
    return None


@shaped({"type": "string", "pattern": "^[a-z0-9_-]+(\\.[a-z0-9_-]+)*$", "maxLength": _LONGEST_NAME})
def detector(node: Node, problems: Problems) -> str | None:
    """A detector's id; whether it is installed is checked later."""
    if not isinstance(node.value, str):
        wrong_type(node, "a detector", problems)
        return None
    parts = node.value.split(".")
    if all(part and set(part) <= _NAME | {"-"} for part in parts) and len(node.value) <= _LONGEST_NAME:
        return node.value
    problems.error("GP202", node.place, f'"{node.value[:80]}" is no detector', "such as pii.card_number")
    return None


def noun_phrase(_tag: str, node: Node, problems: Problems) -> str | None:
    """What fills `{topic}`."""
    found: str | None = text(1, 120)(node, problems)
    return found


STAGES = listed(choice(*(s.value for s in Stage)), 2, least=1)
SCOPES = listed(choice(*sorted(s.value for s in INPUT_SCOPES)), 5, least=1)

CHANGEABLE: Mapping[str, Key] = {
    "words": Key(words),
    "checks": Key(STAGES),
    "scopes": Key(SCOPES),
    "thresholds": Key(steps()),
    "on_match": Key(on_match),
    "level": Key(whole(1, 3)),
    "mode": Key(choice("enforce", "shadow", "disabled")),
    "place": Key(choice("before", "after")),
    "every_turn": Key(flag),
    "replace_with": Key(text(1, 60)),
    "counts_as": Key(counted_as),
    "topic": Key(locales(noun_phrase)),
    "appealable": Key(flag),
    "if_detector_fails": Key(choice("closed", "open")),
    "known_false_positives": Key(listed(any_text, 1_000)),
    "tags": Key(listed(choice(*TAGS), len(TAGS))),
}
FIXED: Mapping[str, Key] = {
    "id": Key(rule_id, required=True),
    "about": Key(text(10, 300), required=True),
    "hazard": Key(hazard),
    "detector": Key(detector),
    "pattern": Key(pattern),
    "locked": Key(flag),
}
RULE: Mapping[str, Key] = {**FIXED, **CHANGEABLE}
OVERRIDE: Mapping[str, Key] = {
    **CHANGEABLE,
    "words": Key(changed_words),
    "thresholds": Key(steps(removable=True)),
}


def _misspelt(node: Node, wanted: Iterable[str]) -> bool:
    """Is one of these there, only spelt wrong? That is told where it stands (GP104), and once is enough."""
    return any(nearest(entry.key, wanted) for entry in node.entries if entry.key not in RULE)


def check_rule(rule: Fields, node: Node, problems: Problems) -> None:
    """What must hold between the keys of one rule. `node` is the mapping as written, broken values included."""
    place = node.place
    kinds = [k for k in KINDS if node.get(k) is not None]
    if len(kinds) != 1 and not (not kinds and _misspelt(node, KINDS)):
        said = f"{len(kinds)} of them: {', '.join(kinds)}" if kinds else "none of them"
        problems.error("GP203", place, f"a rule has exactly one of {', '.join(KINDS)}; here {said}", "split the rule")
    acts = [k for k in ACTS if node.get(k) is not None]
    if len(acts) != 1 and not (not acts and _misspelt(node, ACTS)):
        said = "both" if acts else "none"
        hint = "thresholds for scores, on_match for words, patterns and matches"
        problems.error("GP204", place, f"a rule has exactly one of thresholds and on_match; here {said}", hint)
    if len(kinds) == 1 and len(acts) == 1:
        check_fit(kinds[0], acts[0], node, problems)
    if "hazard" in kinds and node.get("counts_as") is not None:
        hint = "a hazard counts as itself; take it out"
        problems.error("GP104", node.place_of("counts_as"), '"counts_as" does not go with "hazard"', hint)
    check_meaning(rule, place, problems)


def check_fit(kind: str, acts: str, node: Node, problems: Problems) -> None:
    """GP207: words and patterns match or do not; hazards have scores."""
    if kind in ("words", "pattern") and acts == "thresholds":
        message = f"{kind} match or do not: thresholds have no meaning"
        problems.error("GP207", node.place_of("thresholds"), message, "write on_match: <action>")
    if kind == "hazard" and acts == "on_match":
        hint = "write thresholds: {<action>: 0.90}"
        problems.error("GP207", node.place_of("on_match"), "a hazard has a score: on_match has no meaning", hint)


def check_meaning(rule: Fields, place: Source, problems: Problems) -> None:
    """Stages, regenerate and self-harm: holds for written rules and for overridden ones."""
    stages = stages_checked(rule)
    selected = rule["hazard"].value if "hazard" in rule else ""
    if selected and "checks" in rule and not stages <= stages_of(selected):
        wrong = ", ".join(sorted(stages - stages_of(selected)))
        problems.error("GP211", rule["checks"].place, f"{selected} cannot occur on {wrong}", "take the stage out")
    by_action = {s.action: s for s in ladder_of(rule).steps}
    where = acting_place(rule, "regenerate", place)
    if Action.REGENERATE in by_action and Stage.INPUT in stages:
        problems.error("GP209", where, "an input cannot be written again", "checks: [output]")
    if Stage.INPUT in stages and CRISIS in leaves_of(selected):
        check_crisis(rule, selected, place, problems)


def check_crisis(rule: Fields, selected: str, place: Source, problems: Problems) -> None:
    """A person at risk is not sent away: nothing is cut out of what they say, and a refusal never comes first."""
    actions = {s.action for s in ladder_of(rule).steps}
    if Action.REDACT in actions:
        message = f"{selected} on input is answered with the crisis text; redact may not stand here"
        problems.error("GP213", acting_place(rule, "redact", place), message, "warn: <score>")
    if selected == CRISIS and Action.REFUSE in actions and Action.WARN not in actions:
        message = "a refuse step for self_harm.intent on input without a warn step below it"
        hint = "warn: <score>: the crisis text, and the conversation goes on"
        problems.error("GP213", acting_place(rule, "refuse", place), message, hint)


def acting_place(rule: Fields, action: str, otherwise: Source) -> Source:
    """Where the rule says that it does this."""
    if "on_match" in rule:
        return rule["on_match"].place
    found = rule["thresholds"].value if "thresholds" in rule else {}
    return found[action].key if action in found else otherwise


def stages_checked(rule: Fields) -> frozenset[Stage]:
    """The stages of a checked rule: as written, else every stage its kind can occur at."""
    if "checks" in rule:
        return frozenset(Stage(word) for word in rule["checks"].value)
    if "hazard" in rule:
        return stages_of(rule["hazard"].value)
    return frozenset(Stage)


__all__ = ["ACTIONS", "NEVER", "OVERRIDE", "RULE", "check_rule", "stages_checked"]
