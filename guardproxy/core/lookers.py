"""Who looks under a policy, by name and revision: what a record says of it, and replay compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guardproxy.core.conversation import Stage
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.hazards import covers
from guardproxy.core.rules import Kind, Mode, Policy, Rule, RuleException, digest_of

WINDOWS = "windows"
MESSAGES = "messages"
RULES = "rules"
MOST = 128
"""Words, patterns and exceptions that a record names one by one: beyond, one digest stands for all of them."""


@dataclass(frozen=True, slots=True)
class Looker:
    """A detector by its id, or `rule:<id>`, `exception:<rule>:<key>`, `rules`, `windows`, `messages`.

    `output`: it looked at answers, too.
    """

    name: str
    revision: str
    output: bool = True


def needs(rule: Rule, info: DetectorInfo) -> bool:
    """Does this rule listen to this detector?"""
    if rule.kind is Kind.DETECTOR:
        return rule.target == info.id
    return rule.kind is Kind.HAZARD and any(covers(rule.target, hazard) for hazard in info.hazards)


def text_lookers(policy: Policy) -> tuple[Looker, ...]:
    """The words, the patterns and the phrases of exceptions: named, never said."""
    found = tuple(_each(policy))
    return found if len(found) <= MOST else (Looker(RULES, folded(policy)),)


def folded(policy: Policy) -> str:
    """All of them in one digest."""
    return digest_of(f"{one.name}={one.revision}={one.output}" for one in _each(policy))


def _each(policy: Policy) -> Iterator[Looker]:
    for rule in policy.rules:
        if rule.wording and rule.mode is not Mode.DISABLED:
            yield Looker(f"rule:{rule.id}", rule.wording, output=Stage.OUTPUT in rule.checks)
    for hole in policy.exceptions:
        if hole.phrases:
            yield Looker(exception_name(hole), hole.key)


def windows_of(policy: Policy) -> Iterator[Looker]:
    """How answers are cut for classifiers: other windows have other scores."""
    cut = policy.streaming
    where = "sentence" if cut.cut_at_sentence else "character"
    yield Looker(WINDOWS, f"{cut.first}/{cut.characters}/{cut.overlap}/{where}")


def messages_of(policy: Policy) -> Iterator[Looker]:
    """How many of the latest messages are looked at, where a policy does not look at all."""
    if policy.messages_looked_at is not None:
        yield Looker(MESSAGES, str(policy.messages_looked_at), output=False)


def exception_name(hole: RuleException) -> str:
    """The name of an exception's phrases."""
    return f"exception:{hole.rule}:{hole.key}"
