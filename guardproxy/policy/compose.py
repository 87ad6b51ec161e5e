"""Policies and their parents: what is inherited, overridden, excepted, and what that loosens (`policy-language.md` 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from guardproxy.core.rules import Rule, Source
from guardproxy.policy.compile import Scene, part, rule_of, scene_of
from guardproxy.policy.document import Document
from guardproxy.policy.loosening import looser, looser_outside_rules
from guardproxy.policy.nearest import did_you_mean
from guardproxy.policy.override import overridden
from guardproxy.policy.problems import Problems
from guardproxy.policy.shipped import NAMES
from guardproxy.policy.values import Field, Fields
from guardproxy.policy.written import Written, twice

DEEPEST = 3
NOT_INHERITED = frozenset({"policy", "revision", "owner", "about", "extends", "applies_to"})


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule of an effective policy: its fields, where it was written, whether children may loosen it."""

    fields: Fields
    place: Source
    home: str

    @property
    def id(self) -> str:
        """Its name."""
        name: str = self.fields["id"].value
        return name

    @property
    def locked(self) -> bool:
        """May children loosen it?"""
        return "locked" in self.fields and bool(self.fields["locked"].value)

    def compiled(self, scene: Scene) -> Rule:
        """As it runs under a policy."""
        return rule_of(self.fields, scene, self.place)


@dataclass(frozen=True, slots=True)
class Effective:
    """A policy with everything it inherits; own rules first, and as they run in `compiled`.

    `sound`: nothing of it or above it is wrong.
    """

    document: Document
    fields: Fields
    rules: tuple[Placed, ...]
    compiled: tuple[Rule, ...]
    sound: bool = True

    @property
    def scene(self) -> Scene:
        """What its rules take from it."""
        return scene_of(self.fields)


class Composer:
    """Resolves parents among the loaded documents, then among the shipped ones."""

    def __init__(
        self,
        loaded: Mapping[str, Document],
        unreadable: frozenset[str],
        shipped: Callable[[str], Document | None],
        problems: Problems,
    ) -> None:
        self._loaded = loaded
        self._unreadable = unreadable
        self._shipped = shipped
        self._problems = problems
        self._made: dict[str, Effective | None] = {}

    def effective(self, document: Document) -> Effective | None:
        """The policy with its parents; None when they cannot be put together (already reported)."""
        if document.name not in self._made:
            above = self._above(document)
            self._made[document.name] = None if above is None else self._composed(document, above)
        return self._made[document.name]

    def _find(self, name: str) -> Document | None:
        return self._loaded.get(name) or self._shipped(name)

    def _above(self, document: Document) -> list[Document] | None:
        """The ancestors, nearest first."""
        chain = [document]
        while (name := chain[-1].parent) is not None:
            at = chain[-1].fields["extends"].place
            parent = self._find(name)
            if parent is None:
                if name not in self._unreadable and chain[-1] is document:
                    self._unknown(name, at)
                return None
            if parent in chain:
                if parent is document:
                    self._cycle(chain)
                return None
            chain.append(parent)
            if len(chain) > DEEPEST + 1:
                if len(chain) == DEEPEST + 2:
                    names = " → ".join(d.name for d in chain)
                    place = document.fields["extends"].place
                    self._problems.error("GP303", place, f"more than {DEEPEST} levels above: {names}", "flatten them")
                return None
        return chain[1:]

    def _unknown(self, name: str, at: Source) -> None:
        known = [n for n in (*self._loaded, *NAMES) if self._find(n) is not None]
        hint = did_you_mean(name, known) or f"loaded: {', '.join(sorted(self._loaded)) or 'none'}"
        self._problems.error("GP301", at, f'unknown parent "{name}"', hint)

    def _cycle(self, chain: list[Document]) -> None:
        """Reported once, at the member that comes first by name."""
        first = min(chain, key=lambda d: d.name)
        if chain[0] is not first:
            return
        places = [d.fields["extends"].place for d in chain]
        names = " → ".join(f"{d.name} ({d.file.name})" for d in (*chain, chain[0]))
        self._problems.error("GP302", places[0], f"policies extend each other: {names}", "one must go", places[1:])

    def _composed(self, document: Document, above: list[Document]) -> Effective | None:
        parent = self.effective(above[0]) if above else None
        if above and (parent is None or not parent.sound):
            return None
        fields = merged(_passed_on(parent), document.fields) if parent else document.fields
        own = tuple(Placed(w.fields, w.place, document.name) for w in document.rules if _usable(w))
        inherited = self._overridden(document, parent)
        if parent is not None:
            self._check_repeated(own, parent)
        scene, rules = scene_of(fields), (*own, *inherited)
        made = Effective(document, fields, rules, tuple(rule.compiled(scene) for rule in rules))
        if parent is not None:
            self._check_loosened(made, parent)
        self._check_exceptions(made)
        sound = all(row.place.file != str(document.file) for row in self._problems.errors)
        return replace(made, sound=sound)

    def _overridden(self, document: Document, parent: Effective | None) -> tuple[Placed, ...]:
        twice(document.overrides, "rule", "an override of", self._problems)
        rules = {rule.id: rule for rule in parent.rules} if parent else {}
        for written in document.overrides:
            target = written.fields.get("rule")
            if target is None:
                continue
            if target.value not in rules:
                own = any("id" in w.fields and w.fields["id"].value == target.value for w in document.rules)
                hint = "this rule is your own: edit it in place" if own else did_you_mean(target.value, rules)
                self._problems.error("GP304", target.place, f'"{target.value}" is not an inherited rule', hint)
                continue
            if "change" in written.fields:
                rule = rules[target.value]
                fields = overridden(rule.fields, written.fields["change"], self._problems)
                rules[target.value] = Placed(fields, rule.place, rule.home)
        return tuple(rules.values())

    def _check_repeated(self, own: tuple[Placed, ...], parent: Effective) -> None:
        inherited = {rule.id: rule for rule in parent.rules}
        for rule in own:
            before = inherited.get(rule.id)
            if before is not None:
                message = f'"{rule.id}" is inherited from {before.home} ({before.place})'
                hint = "change it under `override:`, or give yours another name"
                self._problems.error("GP310", rule.fields["id"].place, message, hint, [before.place])

    def _check_loosened(self, made: Effective, parent: Effective) -> None:
        """GP702, and GP309 for locked rules: by an override, by what the policy says for all its rules or outside of them."""
        changes = {w.fields["rule"].value: w for w in made.document.overrides if "rule" in w.fields}
        above, here = parent.scene, made.scene
        old = {rule.id: rule for rule in parent.rules}
        by_all = []
        for rule in made.rules:
            if rule.id not in old or rule.home == made.document.name:
                continue
            steps = looser(old[rule.id].compiled(above), rule.compiled(here))
            written = changes.get(rule.id)
            by_override = written is not None and looser(old[rule.id].compiled(above), rule.compiled(above))
            if not steps:
                continue
            place = written.place if written is not None and by_override else _policy_wide(made.document)
            if rule.locked:
                message = f'"{rule.id}" is locked by {rule.home}: {"; ".join(steps)}'
                self._problems.error("GP309", place, message, "locked rules may be tightened only", [rule.place])
            elif by_override:
                self._problems.warning("GP702", place, f'"{rule.id}" acts less than in {rule.home}: {"; ".join(steps)}')
            else:
                by_all.append(rule.id)
        for step in looser_outside_rules(parent.fields, made.fields):
            place = made.document.place_of(step.partition(" ")[0])
            self._problems.warning("GP702", place, f"less than in {parent.document.name}: {step}")
        if by_all:
            message = f"{len(by_all)} inherited rules act less under this policy: {', '.join(by_all[:5])}"
            self._problems.warning("GP702", _policy_wide(made.document), message)

    def _check_exceptions(self, made: Effective) -> None:
        rules = {rule.id: rule for rule in made.rules}
        for written in made.document.exceptions:
            target = written.fields.get("rule")
            if target is None:
                continue
            rule = rules.get(target.value)
            if rule is None:
                hint = did_you_mean(target.value, rules)
                self._problems.error("GP304", target.place, f'there is no rule "{target.value}" here', hint)
            elif rule.locked:
                message = f'"{rule.id}" is locked by {rule.home}: no exception may be made'
                self._problems.error("GP309", target.place, message, "ask its owner", [rule.place])


def _usable(written: Written) -> bool:
    """Enough of a rule to compare it: the rest has been reported."""
    return "id" in written.fields and any(k in written.fields for k in ("hazard", "detector", "words", "pattern"))


def _policy_wide(document: Document) -> Source:
    for key in ("mode", "levels", "if_detector_fails"):
        if key in document.fields:
            return document.place_of(key)
    return document.top


def _passed_on(parent: Effective) -> Fields:
    return {k: v for k, v in parent.fields.items() if k not in NOT_INHERITED}


def merged(parent: Fields, child: Fields) -> Fields:
    """Mappings merge key by key, the child wins; everything else is replaced."""
    out = dict(parent)
    for key, field in child.items():
        above = parent.get(key)
        if above is not None and isinstance(above.value, dict) and isinstance(field.value, dict):
            out[key] = Field(merged(above.value, field.value), field.node, field.key)
        else:
            out[key] = field
    return out


__all__ = ["Composer", "Effective", "Placed", "part"]
