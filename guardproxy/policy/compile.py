"""Checked fields → `core.rules.Policy`, and the hash that names its content (`policy-language.md` 20)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from guardproxy.core.conversation import INPUT_SCOPES, Scope, Stage
from guardproxy.core.hazards import CRISIS, family_of
from guardproxy.core.rules import (
    DRIFT,
    Action,
    CoolDown,
    Disclosing,
    Escalation,
    FailMode,
    Kind,
    Ladder,
    LadderStep,
    LocaleTexts,
    Memory,
    Mode,
    NoticePlace,
    Policy,
    PolicyRef,
    PolicyTexts,
    Regenerate,
    Release,
    Rule,
    RuleException,
    Source,
    Streaming,
    TaxBudget,
    ThenDo,
    Unscanned,
)
from guardproxy.policy.cells import SHAPES
from guardproxy.policy.ladders import ACTIONS, ladder_from, ladder_of
from guardproxy.policy.rulekeys import KINDS, stages_checked
from guardproxy.policy.values import Fields, plain_value
from guardproxy.policy.written import Written

UNSCANNABLE = Rule(
    id="unscannable",
    kind=Kind.DETECTOR,
    target="disguise.over_encoded",
    ladder=Ladder((LadderStep(Action.REFUSE, 1.0),)),
    counts_as="unscannable.over_encoded",
    appealable=False,
    about="Text nested deeper than the decoder's bound cannot be looked at.",
)
"""In force under every policy, whatever it says (`policy-language.md` 3.1)."""

_BEYOND = {"warn": Action.WARN, "refuse": Action.REFUSE, "escalate": Action.REFUSE}
"""`escalate` needs a detector for that language; where none is installed (GP202) nothing weaker than a refusal is honest."""

_CRISIS = (CRISIS, family_of(CRISIS))
_NO_EFFECT = frozenset({"known_false_positives"})


@dataclass(frozen=True, slots=True)
class Scene:
    """What a rule takes from its policy."""

    enforce: int = 1
    shadow: int = 1
    mode: Mode = Mode.ENFORCE
    fails: FailMode = FailMode.CLOSED

    def mode_of(self, level: int, own: Mode) -> Mode:
        """The stricter of rule, policy and levels; what does not run is disabled."""
        if own is Mode.DISABLED or level > self.shadow:
            return Mode.DISABLED
        if Mode.SHADOW in (own, self.mode) or level > self.enforce:
            return Mode.SHADOW
        return Mode.ENFORCE


def scene_of(fields: Fields) -> Scene:
    """The scene a policy's merged fields set."""
    levels = part(fields, "levels")
    enforce = get(levels, "enforce", 1)
    return Scene(
        enforce=enforce,
        shadow=get(levels, "shadow", enforce),
        mode=Mode(get(fields, "mode", "enforce")),
        fails=FailMode(get(fields, "if_detector_fails", "closed")),
    )


def part(fields: Fields, key: str) -> Fields:
    """A mapping inside the fields; {} if it is not there."""
    return fields[key].value if key in fields else {}


def get(fields: Fields, key: str, default: Any) -> Any:
    """A value, or its default."""
    return fields[key].value if key in fields else default


def rule_of(fields: Fields, scene: Scene, place: Source) -> Rule:
    """One rule, compiled."""
    kind = next(Kind(k) for k in KINDS if k in fields)
    written = fields[kind.value].value
    crisis = kind is Kind.HAZARD and written in _CRISIS
    level = get(fields, "level", 1)
    return Rule(
        id=fields["id"].value,
        kind=kind,
        target="" if kind is Kind.WORDS else written,
        ladder=ladder_of(fields),
        phrases=written.texts if kind is Kind.WORDS else (),
        checks=stages_checked(fields),
        scopes=frozenset(map(Scope, fields["scopes"].value)) if "scopes" in fields else INPUT_SCOPES,
        scopes_written="scopes" in fields,
        level=level,
        mode=scene.mode_of(level, Mode(get(fields, "mode", "enforce"))),
        place=NoticePlace(get(fields, "place", "before" if crisis else "after")),
        every_turn=get(fields, "every_turn", False),
        replace_with=fields["replace_with"].value if "replace_with" in fields else None,
        counts_as=_counted(fields, kind),
        topic=texts_of(part(fields, "topic")),
        appealable=get(fields, "appealable", True),
        fails=FailMode(get(fields, "if_detector_fails", scene.fails)),
        about=get(fields, "about", ""),
        source=place,
    )


def _counted(fields: Fields, kind: Kind) -> str | None:
    default = "custom" if kind in (Kind.WORDS, Kind.PATTERN) else None
    return fields["counts_as"].value if "counts_as" in fields else default


def texts_of(fields: Fields) -> LocaleTexts:
    """Locale → text."""
    return LocaleTexts(tuple((tag, field.value) for tag, field in fields.items()))


def streaming_of(fields: Fields) -> Streaming:
    """The mapping `streaming:` with its defaults."""
    own, base = part(fields, "streaming"), Streaming()
    window = part(own, "window")
    return Streaming(
        release=Release(get(own, "release", base.release.value)),
        first=get(window, "first", base.first),
        characters=get(window, "characters", base.characters),
        overlap=get(window, "overlap", base.overlap),
        cut_at_sentence=get(window, "cut_at", "sentence") == "sentence",
        longest_hold_ms=get(own, "longest_hold", base.longest_hold_ms),
        longest_match=get(own, "longest_match", base.longest_match),
    )


def cells_of(fields: Fields) -> PolicyTexts:
    """The mapping `messages:` as one table."""
    own = part(fields, "messages")
    cells = {("", shape): texts_of(own[shape].value) for shape in SHAPES if shape in own}
    for group, prefix in (("by_hazard", ""), ("by_rule", "rule:")):
        for name, shapes in part(own, group).items():
            cells |= {(prefix + name, shape): texts_of(field.value) for shape, field in shapes.value.items()}
    return PolicyTexts(get(own, "default_locale", "en"), get(own, "tone", "neutral"), MappingProxyType(cells))


def end_of(day: date) -> float:
    """The end of the day in UTC, as POSIX seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + timedelta(days=1).total_seconds()


def exception_of(written: Written) -> RuleException:
    """One exception, compiled."""
    fields = written.fields
    when = part(fields, "when")
    return RuleException(
        rule=fields["rule"].value,
        then=ThenDo(get(fields, "then", "log")),
        expires=end_of(fields["expires"].value),
        phrases=get(when, "words", ()),
        routes=_named(when, "routes"),
        tenants=_named(when, "tenants"),
    )


def _named(when: Fields, key: str) -> tuple[str, ...]:
    """`"*"` is any name: the same as not asking."""
    names: tuple[str, ...] = get(when, key, ())
    return () if "*" in names else names


def policy_of(fields: Fields, rules: Iterable[Rule], exceptions: Iterable[Written], content: str) -> Policy:
    """A whole policy from its merged fields and compiled rules; `content` is its hash."""
    conversation = part(fields, "conversation")
    looked_at = get(conversation, "messages", "all")
    disclosing = part(fields, "disclosure")
    own = tuple(rules)
    return Policy(
        ref=PolicyRef(fields["policy"].value, fields["revision"].value, content),
        rules=(*own, *_beyond_languages(fields, own), UNSCANNABLE),
        owner=fields["owner"].value,
        about=fields["about"].value,
        on_unscannable=Unscanned(get(fields, "on_unscannable", "refuse")),
        max_input_chars=get(fields, "max_input_chars", 200_000),
        refuse_logit_bias=get(fields, "logit_bias", "allow") == "refuse",
        streaming=streaming_of(fields),
        disclosing=Disclosing(
            source_line=get(disclosing, "source_line", True),
            first_turn=get(disclosing, "first_turn", False),
            hazards=get(disclosing, "hazards", "leaf"),
        ),
        texts=cells_of(fields),
        exceptions=tuple(exception_of(e) for e in exceptions),
        forget_refused=get(conversation, "forget_refused", True),
        messages_looked_at=None if looked_at == "all" else looked_at,
        crisis_instruction=get(part(fields, "crisis"), "instruction", ""),
        under_18=get(fields, "audience", "general") == "under_18",
        escalation=_escalation_of(part(conversation, "escalation")),
        cool_down=_cool_down_of(part(conversation, "cool_down")),
        memory=_memory_of(part(conversation, "memory")),
        regenerate=_regenerate_of(part(fields, "regenerate")),
        tax_budget=_tax_budget_of(part(fields, "tax_budget")),
    )


def _escalation_of(fields: Fields) -> Escalation | None:
    if not fields:
        return None
    ladder = ladder_from(fields["steps"].value)
    return Escalation(tuple(fields["hazards"].value), ladder, get(fields, "drift", DRIFT))


def _cool_down_of(fields: Fields) -> CoolDown | None:
    if not fields:
        return None
    return CoolDown(fields["after"].value, fields["within"].value / 1000, fields["lasts"].value / 1000)


def _regenerate_of(fields: Fields) -> Regenerate:
    return Regenerate(
        tries=get(fields, "tries", 1),
        instruction=get(fields, "instruction", ""),
        fallback=ACTIONS[get(fields, "fallback", "refuse")],
        notice=get(fields, "notice", False),
    )


def _memory_of(fields: Fields) -> Memory:
    plain = Memory()
    keep, half_life = get(fields, "keep", plain.keep * 1000), get(fields, "half_life", plain.half_life * 1000)
    return Memory(keep / 1000, half_life / 1000)


def _tax_budget_of(fields: Fields) -> TaxBudget:
    return TaxBudget(
        over_refusal=get(fields, "over_refusal", None),
        added_p95_ms=get(fields, "added_p95", None),
        extra_tokens=get(fields, "extra_tokens", None),
    )


def _beyond_languages(fields: Fields, rules: Iterable[Rule]) -> Iterator[Rule]:
    """The rule `language`: only where an enforced hazard rule would otherwise not see what it should."""
    action = _BEYOND.get(get(fields, "uncovered_language", "allow"))
    if action and any(rule.kind is Kind.HAZARD and rule.enforced and Stage.INPUT in rule.checks for rule in rules):
        yield Rule(
            id="language",
            kind=Kind.DETECTOR,
            target="language.uncovered",
            ladder=Ladder((LadderStep(action, 1.0),)),
            checks=frozenset({Stage.INPUT}),
            counts_as="unscannable.language",
            appealable=False,
            about="Text in a language that no classifier of this policy covers.",
        )


def content_hash(fields: Fields, rules: Iterable[Fields], exceptions: Iterable[Written], words: str) -> str:
    """First 16 hex digits of SHA-256 over canonical JSON of the effective policy; `words` names the catalogue."""
    tree = {
        "fields": plain_value(fields),
        "rules": [plain_value({k: v for k, v in rule.items() if k not in _NO_EFFECT}) for rule in rules],
        "exceptions": [plain_value(e.fields) for e in exceptions],
        "words": words,
    }
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
