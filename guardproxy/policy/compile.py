"""A policy file as nodes → `core.rules.Policy`, or problems with their places.

The words, pattern, detector and hazard kinds, ladders, levels, shadow, streaming, texts and exceptions have effect.
Keys of the language whose effect this release lacks are refused by name (GP111), never ignored.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import re2

from guardproxy.core.canonical import fold_key
from guardproxy.core.conversation import INPUT_SCOPES, Scope, Stage
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.hazards import selectable, stages_of
from guardproxy.core.refusal import SHAPES
from guardproxy.core.rules import (
    Action,
    Disclosing,
    FailMode,
    Kind,
    Ladder,
    LadderStep,
    LocaleTexts,
    Mode,
    NoticePlace,
    Policy,
    PolicyRef,
    PolicyTexts,
    Release,
    Rule,
    Source,
    Streaming,
    Unscanned,
)
from guardproxy.policy.problems import Problem
from guardproxy.policy.reader import Entry, Node, plain

LATER_TOP = frozenset({"extends", "override", "exceptions", "conversation", "crisis", "regenerate", "tax_budget"})
TOP = LATER_TOP | {
    *("guardproxy", "policy", "revision", "owner", "about", "applies_to", "mode", "levels", "if_detector_fails"),
    *("on_unscannable", "uncovered_language", "not_watched", "logit_bias", "max_input_chars", "audience"),
    *("streaming", "disclosure", "rules", "messages", "tests"),
}
LATER_RULE = frozenset({"locked"})
RULE = LATER_RULE | {
    *("id", "about", "hazard", "detector", "words", "pattern", "checks", "scopes", "thresholds", "on_match", "level"),
    *("mode", "place", "every_turn", "replace_with", "counts_as", "topic", "appealable", "if_detector_fails"),
    *("known_false_positives", "tags"),
}
KINDS = ("hazard", "detector", "words", "pattern")
ACTIONS = {a.word: a for a in Action if a is not Action.ALLOW}
PROBES = ("When does the library open?", "A quiet morning", "42 boats", "Über den Fluss", "e")
UNSCANNABLE = Rule(
    id="unscannable",
    kind=Kind.DETECTOR,
    target="disguise.over_encoded",
    ladder=Ladder((LadderStep(Action.REFUSE, 1.0),)),
    counts_as="unscannable.over_encoded",
    appealable=False,
    about="Text nested deeper than the decoder's bound cannot be looked at.",
)


@dataclass(slots=True)
class Draft:
    """One file on its way: problems are collected, nothing stops at the first."""

    file: str
    root: Node
    detectors: tuple[DetectorInfo, ...]
    problems: list[Problem] = field(default_factory=list)

    def say(self, node: Node | Entry, code: str, message: str, hint: str = "") -> None:
        """One more problem at the node's place."""
        self.problems.append(Problem(code, node.place, message, hint=hint))

    def keys(self, node: Node, known: frozenset[str], later: frozenset[str]) -> None:
        """Unknown keys with the nearest known one; keys of later releases by name."""
        for entry in node.value if node.is_mapping else ():
            if entry.key in later:
                self.say(entry, "GP111", f'"{entry.key}" is not available in this release', "remove it")
            elif entry.key not in known:
                close = difflib.get_close_matches(entry.key, sorted(known), n=1)
                hint = f'did you mean "{close[0]}"?' if close else ""
                self.say(entry, "GP104", f'unknown key "{entry.key}"', hint)

    def choice(self, node: Node | None, words: Iterable[str], default: str) -> str:
        """A word of a closed list."""
        if node is None:
            return default
        allowed = list(words)
        if node.value not in allowed:
            self.say(node, "GP208" if isinstance(node.value, str) else "GP105", f"expected one of {', '.join(allowed)}")
            return default
        return str(node.value)

    def whole(self, node: Node | None, low: int, high: int, default: int) -> int:
        """A whole number in a range."""
        if node is None:
            return default
        if type(node.value) is not int:
            self.say(node, "GP105", "a whole number is expected")
        elif not low <= node.value <= high:
            self.say(node, "GP109", f"expected {low} to {high}")
        else:
            return int(node.value)
        return default

    def text(self, node: Node | None, shortest: int, longest: int, default: str = "") -> str:
        """A text of a length in a range."""
        if node is None:
            return default
        if not isinstance(node.value, str):
            self.say(node, "GP105", "a text is expected")
        elif not shortest <= len(node.value) <= longest:
            self.say(node, "GP108", f"{shortest} to {longest} characters are expected")
        else:
            return node.value
        return default

    def flag(self, node: Node | None, *, default: bool) -> bool:
        """True or false."""
        if node is None:
            return default
        if not isinstance(node.value, bool):
            self.say(node, "GP105", "true or false is expected")
            return default
        return node.value

    def listed(self, node: Node | None) -> tuple[Node, ...]:
        """The items of a list."""
        if node is None:
            return ()
        if not node.is_list:
            self.say(node, "GP105", "a list is expected")
            return ()
        return tuple(node.value)


@dataclass(frozen=True, slots=True)
class Compiled:
    """One policy with what selection needs, and its tests as nodes."""

    policy: Policy
    routes: tuple[str, ...]
    tenants: tuple[str, ...]
    tests: tuple[Node, ...]
    file: str


def compile_policy(
    path: Path, root: Node, detectors: tuple[DetectorInfo, ...]
) -> tuple[Compiled | None, list[Problem]]:
    """The compiled policy, and everything that is wrong with it (errors → None)."""
    draft = Draft(str(path), root, detectors)
    draft.keys(root, frozenset(TOP), LATER_TOP)
    for key in ("guardproxy", "policy", "revision", "owner", "about"):
        if root.get(key) is None:
            draft.say(root, "GP101", f'missing key "{key}"')
    version = root.get("guardproxy")
    if version is not None and version.value != "policy/v1":
        draft.say(version, "GP102", "this release reads policy/v1")
    compiled = _made(path, draft)
    return (None if draft.problems else compiled), draft.problems


def _made(path: Path, draft: Draft) -> Compiled:
    root = draft.root
    name = draft.text(root.get("policy"), 1, 64, path.stem)
    node = root.get("policy")
    if node is not None and name != path.stem:
        draft.say(node, "GP008", "the file name differs from the policy's name")
    draft.text(root.get("owner"), 3, 200)
    levels = root.get("levels")
    enforce = draft.whole(levels.get("enforce") if levels else None, 1, 3, 1)
    shadow = draft.whole(levels.get("shadow") if levels else None, 1, 3, enforce)
    if levels is not None and shadow < enforce:
        draft.say(levels, "GP219", "levels.shadow is below levels.enforce")
    mode = draft.choice(root.get("mode"), ("enforce", "shadow"), "enforce")
    fails = draft.choice(root.get("if_detector_fails"), ("closed", "open"), "closed")
    scene = Scene(enforce, shadow, mode, fails)
    rules = _rules(draft, scene)
    if draft.choice(root.get("uncovered_language"), ("allow", "warn", "refuse", "escalate"), "allow") != "allow":
        draft.say(
            root.get("uncovered_language") or root, "GP111", '"uncovered_language" is not available in this release'
        )
    applies = root.get("applies_to")
    policy = Policy(
        ref=PolicyRef(name, draft.whole(root.get("revision"), 1, 10**9, 1), _hash(root)),
        rules=(*rules, UNSCANNABLE),
        owner=draft.text(root.get("owner"), 3, 200),
        about=draft.text(root.get("about"), 10, 500),
        on_unscannable=Unscanned(draft.choice(root.get("on_unscannable"), ("refuse", "warn", "allow"), "refuse")),
        max_input_chars=draft.whole(root.get("max_input_chars"), 1000, 2_000_000, 200_000),
        refuse_logit_bias=draft.choice(root.get("logit_bias"), ("allow", "refuse"), "allow") == "refuse",
        streaming=_streaming(draft, root.get("streaming"), rules),
        disclosing=_disclosing(draft, root.get("disclosure")),
        texts=_texts(draft, root.get("messages")),
        under_18=draft.choice(root.get("audience"), ("general", "under_18"), "general") == "under_18",
    )
    return Compiled(
        policy,
        _names(draft, applies, "routes"),
        _names(draft, applies, "tenants"),
        draft.listed(root.get("tests")),
        str(path),
    )


def _names(draft: Draft, applies: Node | None, key: str) -> tuple[str, ...]:
    if applies is None:
        return ()
    return tuple(str(n.value) for n in draft.listed(applies.get(key))) or ("*",)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a rule inherits from its policy."""

    enforce: int
    shadow: int
    mode: str
    fails: str

    def mode_of(self, level: int, own: str) -> Mode:
        """The stricter of rule, policy and levels."""
        if own == "disabled" or level > self.shadow:
            return Mode.DISABLED
        if own == "shadow" or self.mode == "shadow" or level > self.enforce:
            return Mode.SHADOW
        return Mode.ENFORCE


def _rules(draft: Draft, scene: Scene) -> tuple[Rule, ...]:
    node = draft.root.get("rules")
    if node is None or (node.is_list and not node.value):
        draft.say(node or draft.root, "GP103", "a policy needs rules")
        return ()
    nodes = draft.listed(node)
    if len(nodes) > 2000:
        draft.say(node, "GP110", "more than 2,000 rules")
        return ()
    rules: list[Rule] = []
    seen: dict[str, int] = {}
    for item in nodes:
        rule = _rule(draft, item, scene)
        place = item.get("id") or item
        if rule.id in seen:
            draft.say(place, "GP107", f'rule "{rule.id}" stands already on line {seen[rule.id]}')
        seen.setdefault(rule.id, place.line)
        rules.append(rule)
    return tuple(rules)


def _rule(draft: Draft, node: Node, scene: Scene) -> Rule:
    draft.keys(node, frozenset(RULE), LATER_RULE)
    for key in ("id", "about"):
        if node.get(key) is None:
            draft.say(node, "GP101", f'missing key "{key}"')
    rule_id = draft.text(node.get("id"), 1, 64, "rule")
    if not _is_id(rule_id) or rule_id in ("unscannable", "language", "session"):
        draft.say(
            node.get("id") or node, "GP106", "ids are lower-case words joined by hyphens, none of the reserved ones"
        )
    kinds = [k for k in KINDS if node.get(k) is not None]
    if len(kinds) != 1:
        draft.say(node, "GP203", "exactly one of hazard, detector, words, pattern is expected")
    kind = Kind(kinds[0]) if kinds else Kind.WORDS
    level = draft.whole(node.get("level"), 1, 3, 1)
    mode = draft.choice(node.get("mode"), ("enforce", "shadow", "disabled"), "enforce")
    checks = frozenset(Stage(draft.choice(n, tuple(Stage), "input")) for n in draft.listed(node.get("checks")))
    scopes = frozenset(Scope(draft.choice(n, sorted(INPUT_SCOPES), "user")) for n in draft.listed(node.get("scopes")))
    ladder = _ladder(draft, node, kind)
    target, phrases, stages = _target(draft, node, kind)
    if any(s.action is Action.REGENERATE for s in ladder.steps):
        draft.say(node, "GP111", '"regenerate" is not available in this release')
        if Stage.INPUT in (checks or stages):
            draft.say(node, "GP209", "an input cannot be written again")
    return Rule(
        id=rule_id,
        kind=kind,
        target=target,
        ladder=ladder,
        phrases=phrases,
        checks=checks or stages,
        scopes=scopes or INPUT_SCOPES,
        scopes_written=bool(scopes),
        level=level,
        mode=scene.mode_of(level, mode),
        place=NoticePlace(draft.choice(node.get("place"), ("before", "after"), "after")),
        every_turn=draft.flag(node.get("every_turn"), default=False),
        replace_with=draft.text(node.get("replace_with"), 1, 60) or None,
        counts_as=draft.text(node.get("counts_as"), 3, 80)
        or (None if kind in (Kind.HAZARD, Kind.DETECTOR) else "custom"),
        topic=_locales(draft, node.get("topic")),
        appealable=draft.flag(node.get("appealable"), default=True),
        fails=FailMode(draft.choice(node.get("if_detector_fails"), ("closed", "open"), scene.fails)),
        about=draft.text(node.get("about"), 10, 300),
        source=Source(draft.file, node.line, node.column),
    )


def _is_id(text: str) -> bool:
    words = text.split("-")
    return all(w and w.isascii() and w.isalnum() and w == w.lower() for w in words) and text[:1].isalpha()


def _ladder(draft: Draft, node: Node, kind: Kind) -> Ladder:
    steps, match = node.get("thresholds"), node.get("on_match")
    if (steps is None) == (match is None):
        draft.say(node, "GP204", "exactly one of thresholds and on_match is expected")
        return Ladder(())
    if match is not None:
        if kind is Kind.HAZARD:
            draft.say(match, "GP207", "a hazard has scores: give thresholds")
        return Ladder((LadderStep(ACTIONS[draft.choice(match, ACTIONS, "refuse")], 1.0),))
    if steps is None or kind in (Kind.WORDS, Kind.PATTERN):
        draft.say(steps or node, "GP207", "words and patterns match or do not: give on_match")
        return Ladder(())
    found: list[LadderStep] = []
    for entry in steps.value if steps.is_mapping else ():
        value = entry.value.value
        if entry.key not in ACTIONS:
            draft.say(entry, "GP208", "steps are log, warn, redact, regenerate, refuse")
        elif type(value) not in (int, float) or not 0 < value <= 1:
            draft.say(entry.value, "GP205", "a threshold is a number above 0 and at most 1")
        else:
            found.append(LadderStep(ACTIONS[entry.key], float(value)))
    found.sort(key=lambda s: s.action)
    if any(a.threshold >= b.threshold for a, b in pairwise(found)):
        draft.say(steps, "GP206", "thresholds must rise with the actions")
    return Ladder(tuple(found))


def _target(draft: Draft, node: Node, kind: Kind) -> tuple[str, tuple[str, ...], frozenset[Stage]]:
    value = node.get(kind.value)
    if value is None:
        return "", (), frozenset(Stage)
    if kind is Kind.WORDS:
        return "", _phrases(draft, value), frozenset(Stage)
    text = draft.text(value, 1, 1000)
    if kind is Kind.PATTERN:
        _check_pattern(draft, value, text)
        return text, (), frozenset(Stage)
    if kind is Kind.DETECTOR:
        info = next((d for d in draft.detectors if d.id == text), None)
        if info is None:
            close = difflib.get_close_matches(text, [d.id for d in draft.detectors], n=1)
            draft.say(value, "GP202", f'unknown detector "{text}"', f'did you mean "{close[0]}"?' if close else "")
        return text, (), info.stages if info else frozenset(Stage)
    if not selectable(text):
        draft.say(value, "GP201", f'unknown hazard "{text}"')
    elif not any(h == text or h.startswith(text + ".") for d in draft.detectors for h in d.hazards):
        draft.say(value, "GP212", "no installed detector reports this hazard")
    return text, (), stages_of(text)


def _phrases(draft: Draft, node: Node) -> tuple[str, ...]:
    if node.is_mapping:
        draft.say(node, "GP111", "word lists in files are not available in this release", "write the phrases here")
        return ()
    phrases = []
    for item in draft.listed(node):
        phrase = draft.text(item, 1, 200)
        if sum(c.isalnum() for c in fold_key(phrase)) < 2:
            draft.say(item, "GP216", "a phrase needs at least two letters or digits")
        phrases.append(phrase)
    return tuple(phrases)


def _check_pattern(draft: Draft, node: Node, text: str) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(text, options)
    except re2.error:
        for construct in ("(?=", "(?!", "(?<=", "(?<!", *(f"\\{n}" for n in range(1, 10))):
            if construct in text:
                draft.say(node, "GP214", f"{construct} at column {text.index(construct) + 1} is not RE2")
                return
        draft.say(node, "GP214", "not an RE2 expression")
        return
    if pattern.search("") or all(pattern.search(probe) for probe in PROBES):
        draft.say(node, "GP215", "the pattern matches the empty text or everything")


def _streaming(draft: Draft, node: Node | None, rules: tuple[Rule, ...]) -> Streaming:
    base = Streaming()
    if node is None:
        return base
    draft.keys(node, frozenset({"release", "window", "longest_hold", "longest_match"}), frozenset())
    window = node.get("window") or Node((), node.place, is_mapping=True)
    draft.keys(window, frozenset({"first", "characters", "overlap", "cut_at"}), frozenset())
    made = Streaming(
        release=Release(draft.choice(node.get("release"), tuple(Release), "after_check")),
        first=draft.whole(window.get("first"), 40, 4000, base.first),
        characters=draft.whole(window.get("characters"), 80, 8000, base.characters),
        overlap=draft.whole(window.get("overlap"), 0, 2000, base.overlap),
        cut_at_sentence=draft.choice(window.get("cut_at"), ("sentence", "character"), "sentence") == "sentence",
        longest_hold_ms=_milliseconds(draft, node.get("longest_hold"), base.longest_hold_ms),
        longest_match=draft.whole(node.get("longest_match"), 100, 20_000, base.longest_match),
    )
    if made.overlap >= made.characters / 2 or made.overlap >= made.first:
        draft.say(window, "GP402", "overlap must be below half the window and below the first window")
    acting = [r for r in rules if r.enforced and Stage.OUTPUT in r.checks and r.strongest > Action.LOG]
    if made.release is Release.IMMEDIATE and acting:
        draft.say(node, "GP401", "immediate release with an enforced output rule")
    return made


def _milliseconds(draft: Draft, node: Node | None, default: int) -> int:
    if node is None:
        return default
    text = node.value if isinstance(node.value, str) else ""
    for unit, factor in (("ms", 1), ("s", 1000)):
        number = text.removesuffix(unit)
        if number != text and number.isdigit():
            value = int(number) * factor
            if not 200 <= value <= 30_000:
                draft.say(node, "GP404", "expected 200ms to 30s")
                return default
            return value
    draft.say(node, "GP105", "a duration such as 1500ms or 2s is expected")
    return default


def _disclosing(draft: Draft, node: Node | None) -> Disclosing:
    if node is None:
        return Disclosing()
    draft.keys(node, frozenset({"source_line", "hazards", "first_turn"}), frozenset({"first_turn"}))
    return Disclosing(
        source_line=draft.flag(node.get("source_line"), default=True),
        hazards=draft.choice(node.get("hazards"), ("leaf", "family", "none"), "leaf"),
    )


def _texts(draft: Draft, node: Node | None) -> PolicyTexts:
    if node is None:
        return PolicyTexts()
    cells: dict[tuple[str, str], LocaleTexts] = {}
    locale = draft.text(node.get("default_locale"), 2, 35, "en")
    tone = draft.choice(node.get("tone"), ("neutral", "warm", "brief"), "neutral")
    for entry in node.value:
        if entry.key in ("default_locale", "tone"):
            continue
        if entry.key in ("by_hazard", "by_rule"):
            prefix = "rule:" if entry.key == "by_rule" else ""
            for group in entry.value.value if entry.value.is_mapping else ():
                for shape in group.value.value if group.value.is_mapping else ():
                    _cell(draft, cells, prefix + group.key, shape)
        else:
            _cell(draft, cells, "", entry)
    return PolicyTexts(locale, tone, MappingProxyType(cells))


def _cell(draft: Draft, cells: dict[tuple[str, str], LocaleTexts], cell: str, entry: Any) -> None:
    shape = "hard" if entry.key == "refuse" else entry.key  # an old spelling, still found in case kits
    if shape not in SHAPES:
        draft.say(entry, "GP104", f'unknown shape "{entry.key}"')
        return
    cells[cell, shape] = _locales(draft, entry.value)


def _locales(draft: Draft, node: Node | None) -> LocaleTexts:
    if node is None:
        return LocaleTexts()
    if not node.is_mapping:
        draft.say(node, "GP105", "texts by locale are expected")
        return LocaleTexts()
    found = []
    for entry in node.value:
        if not (entry.key.replace("-", "").isalnum() and 2 <= len(entry.key.partition("-")[0]) <= 3):
            draft.say(entry, "GP501", f'"{entry.key}" is no locale')
        found.append((entry.key, draft.text(entry.value, 1, 1200)))
    return LocaleTexts(tuple(found))


def _hash(root: Node) -> str:
    """First 16 hex digits of SHA-256 over canonical JSON, without tests: reformatting keeps it."""
    tree = {k: v for k, v in plain(root).items() if k != "tests"}
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
