"""What an override makes of an inherited rule (`policy-language.md` 7)."""

from __future__ import annotations

from guardproxy.core.canonical import fold_key
from guardproxy.policy.ladders import NEVER, rises
from guardproxy.policy.phrases import Change, Phrases
from guardproxy.policy.problems import Problems
from guardproxy.policy.rulekeys import check_meaning
from guardproxy.policy.values import Field, Fields


def overridden(rule: Fields, change: Field, problems: Problems) -> Fields:
    """The rule's fields after the change; the result is checked like a new rule."""
    fields: Fields = dict(rule)
    for key, field in change.value.items():
        if key == "words":
            _words(fields, field, problems)
        elif key == "thresholds":
            _thresholds(fields, field, problems)
        elif key == "on_match" and "on_match" not in rule:
            message = '"on_match" does not fit: this rule has thresholds'
            problems.error("GP204", field.key, message, "change single steps: thresholds: {warn: 0.55}")
        elif key == "counts_as" and "hazard" in rule:
            problems.error("GP104", field.key, '"counts_as" does not go with "hazard"', "take it out")
        else:
            fields[key] = field
    check_meaning(fields, change.place, problems)
    return fields


def _thresholds(fields: Fields, field: Field, problems: Problems) -> None:
    """Step by step; `never` removes one."""
    if "thresholds" not in fields:
        problems.error("GP204", field.key, '"thresholds" does not fit: this rule has on_match', "on_match: <action>")
        return
    steps = {k: f for k, f in {**fields["thresholds"].value, **field.value}.items() if f.value != NEVER}
    if not steps:
        problems.error("GP204", field.place, "no step is left", "mode: disabled switches a rule off")
    elif rises(steps, problems):
        fields["thresholds"] = Field(steps, field.node, field.key)


def _words(fields: Fields, field: Field, problems: Problems) -> None:
    change: Change = field.value
    if "words" not in fields:
        problems.error("GP203", field.key, "this rule has no words", "write a rule of your own beside it")
        return
    old: Phrases = fields["words"].value
    gone = {fold_key(phrase) for phrase in change.remove}
    there = {fold_key(phrase) for phrase in old.texts}
    for phrase in change.remove:
        if fold_key(phrase) not in there:
            problems.warning("GP701", field.place, "a phrase to remove is not among the inherited ones")
    kept = tuple(p for p in old.texts if fold_key(p) not in gone) if gone else old.texts
    texts = (*kept, *(p for p in change.add if fold_key(p) not in there))
    if not texts:
        problems.error("GP108", field.place, "no phrase is left", "mode: disabled switches a rule off")
        return
    fields["words"] = Field(Phrases(texts, old.listed), field.node, field.key)
