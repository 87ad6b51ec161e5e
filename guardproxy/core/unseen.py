"""What a policy would have had to look for and nobody did: why a record cannot be replayed under it in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from guardproxy.core.conversation import Stage
from guardproxy.core.detector_info import DetectorInfo, Tier
from guardproxy.core.findings import Failure
from guardproxy.core.judge import Context, applies, listens
from guardproxy.core.lookers import MESSAGES, RULES, WINDOWS, exception_name, folded, messages_of, needs, windows_of
from guardproxy.core.replay import Stored, finding_of
from guardproxy.core.rules import Action, FailMode, Mode, Policy, Rule, RuleException


@dataclass(frozen=True, slots=True)
class Beheld:
    """What a record says of who looked. `input_only`: names that did not look at answers."""

    versions: Mapping[str, str]
    input_only: frozenset[str] = frozenset()
    failures: Sequence[Failure] = ()

    def saw(self, name: str, stage: Stage) -> bool:
        """Did this one look at the stage?"""
        return name in self.versions and (stage is Stage.INPUT or name not in self.input_only)


class Unseen:
    """Says of one policy why a stage cannot be decided again in full. `infos`: the detectors that are installed.

    A log names the same lookers line after line: what follows from them alone is worked out once.
    """

    def __init__(self, policy: Policy, infos: Sequence[DetectorInfo]) -> None:
        self._policy = policy
        self._infos = infos
        self._folded = folded(policy)
        self._messages = next((looker.revision for looker in messages_of(policy)), None)
        self._known: dict[tuple[object, ...], list[str]] = {}

    def reasons(self, stored: Stored, beheld: Beheld, context: Context) -> list[str]:
        """Names of rules, detectors and exceptions; [] when all of it was looked for."""
        if stored.reports or (stored.action is Action.REFUSE and not stored.by_rule):
            return []
        key = (stored.stage, tuple(sorted(beheld.versions.items())), beheld.input_only, tuple(beheld.failures))
        by_rules = self._known.get(key)
        if by_rules is None:
            by_rules = self._known[key] = self._by_rules(stored.stage, beheld)
        if RULES in beheld.versions:
            return by_rules
        return [*by_rules, *_by_exceptions(stored, beheld, self._policy, context)]

    def _by_rules(self, stage: Stage, beheld: Beheld) -> list[str]:
        many = beheld.versions.get(RULES)
        found: dict[str, None] = {}
        for rule in self._policy.rules:
            if rule.mode is not Mode.DISABLED and stage in rule.checks and not (many and rule.wording):
                found |= dict.fromkeys(_unseen_by(rule, stage, beheld, self._infos))
        if many not in (None, self._folded):
            found["words of rules are new or changed, too many for the record to name them"] = None
        if stage is Stage.INPUT and beheld.versions.get(MESSAGES) != self._messages:
            found["another number of the latest messages is looked at"] = None
        if stage is Stage.OUTPUT and _cut_otherwise(beheld, self._policy, self._infos):
            found["the windows of answers are cut differently"] = None
        return list(found)


def _by_exceptions(stored: Stored, beheld: Beheld, policy: Policy, context: Context) -> list[str]:
    found: dict[str, None] = {}
    for hole in policy.exceptions:
        known = beheld.versions.get(exception_name(hole)) == hole.key
        if hole.phrases and not known and applies(hole, context) and _may_excuse(hole, stored, policy):
            found[f"an exception of rule {hole.rule} is new or changed"] = None
    return list(found)


def _unseen_by(rule: Rule, stage: Stage, beheld: Beheld, infos: Sequence[DetectorInfo]) -> Iterator[str]:
    if rule.wording:
        name = f"rule:{rule.id}"
        if beheld.versions.get(name) != rule.wording or not beheld.saw(name, stage):
            yield f"rule {rule.id} is new or changed"
        elif rule.enforced and _failed(beheld, rule.kind.value, stage):  # a text that breaks them is to blame: closed
            yield f"rule {rule.id} fails closed, and {rule.kind.value} could not look"
        return
    closed = rule.enforced and rule.fails is FailMode.CLOSED
    for info in infos:
        if not needs(rule, info) or stage not in info.stages:
            continue
        if not beheld.saw(info.id, stage):
            yield f"rule {rule.id} listens to {info.id}, which did not look"
        elif closed and _failed(beheld, info.id, stage):
            yield f"rule {rule.id} fails closed, and {info.id} could not look"


def _failed(beheld: Beheld, detector: str, stage: Stage) -> bool:
    return any(failure.detector == detector and failure.stage == stage for failure in beheld.failures)


def _may_excuse(hole: RuleException, stored: Stored, policy: Policy) -> bool:
    """Only what was found and heard can be excused."""
    rule = policy.rule(hole.rule)
    if rule is None:
        return False
    return any(listens(rule, finding_of(sighting, stored.stage)) for sighting in stored.seen.kept)


def _cut_otherwise(beheld: Beheld, policy: Policy, infos: Sequence[DetectorInfo]) -> bool:
    cut = beheld.versions.get(WINDOWS)
    listens = any(
        needs(rule, info) and info.tier is not Tier.INSTANT and Stage.OUTPUT in rule.checks & info.stages
        for rule in policy.rules
        for info in infos
        if rule.mode is not Mode.DISABLED
    )
    return listens and cut is not None and cut != next(windows_of(policy)).revision
