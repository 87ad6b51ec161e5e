"""Where the values of an effective policy were written: parents and overrides included."""

from __future__ import annotations

from dataclasses import dataclass

from guardproxy.core.rules import Action, Mode, Rule, Source
from guardproxy.policy.compile import UNSCANNABLE, part
from guardproxy.policy.lint import Compiled
from guardproxy.policy.values import Fields


@dataclass(frozen=True, slots=True)
class Places:
    """Of one policy. What guardproxy itself adds has no place: None."""

    compiled: Compiled

    def rule(self, rule: Rule) -> Source | None:
        """Where the rule begins."""
        if rule.id == UNSCANNABLE.id:
            return None
        if rule.source.file:
            return rule.source
        return self._policy_wide("uncovered_language")

    def step(self, rule: Rule, action: Action) -> Source | None:
        """Where the rule says from which score on it does this."""
        fields = self._fields(rule)
        if "on_match" in fields:
            return fields["on_match"].place
        steps = part(fields, "thresholds")
        return steps[action.word].place if action.word in steps else self.rule(rule)

    def mode(self, rule: Rule) -> Source | None:
        """What makes it act, watch or rest: its own mode, the policy's, or the levels. None when nothing is written."""
        fields, scene = self._fields(rule), self.compiled.effective.scene
        if "mode" in fields and fields["mode"].value != Mode.ENFORCE.value:
            return fields["mode"].place
        if rule.level > scene.enforce or rule.mode is Mode.DISABLED:
            return fields["level"].place if "level" in fields else self._policy_wide("levels")
        return self._policy_wide("mode")

    def exception(self, number: int) -> Source:
        """Where the policy's exception of this number (from 0) begins."""
        return self.compiled.document.exceptions[number].place

    def text(self, key: str) -> Source | None:
        """Where a text of the policy stands, by the key of `core.refusal.Rendered`; None for our own texts."""
        head, _, rest = key.partition("/")
        cell, _, shape_and_locale = rest.rpartition("/")
        shape, _, locale = shape_and_locale.partition("@")
        if head != "policy":
            return None
        texts = part(self.compiled.effective.fields, "messages")
        if cell.startswith("rule:"):
            texts = part(part(texts, "by_rule"), cell.removeprefix("rule:"))
        elif cell != "all":
            texts = part(part(texts, "by_hazard"), cell)
        found = part(texts, shape)
        return found[locale].place if locale in found else None

    def _fields(self, rule: Rule) -> Fields:
        return next((placed.fields for placed in self.compiled.effective.rules if placed.id == rule.id), {})

    def _policy_wide(self, key: str) -> Source | None:
        fields = self.compiled.effective.fields
        return fields[key].place if key in fields else None
