"""A request may tighten a policy, never loosen it (contract.md 4): `moderation` with `mode: block`.

    tightened(policy, stage, covered) -> Policy

What OpenAI's shape would call flagged is refused: whatever reaches a step of `warn` or stronger, shadow rules included,
and where no rule of the stage listens, a score of `categories.DEFAULT_THRESHOLD` or more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from guardproxy.core.categories import DEFAULT_THRESHOLD
from guardproxy.core.conversation import Stage
from guardproxy.core.hazards import covers
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, Release, Rule

RULE = "moderation"
"""The id of the rules that the policy does not have."""


def tightened(policy: Policy, stage: Stage, covered: Collection[str]) -> Policy:
    """The policy for one stage. `covered`: the hazards that somebody looks for there."""
    heard = [rule for rule in policy.rules if rule.mode is not Mode.DISABLED and stage in rule.checks]
    listening = [rule.target for rule in heard if rule.kind is Kind.HAZARD]
    unheard = [hazard for hazard in sorted(covered) if not any(covers(target, hazard) for target in listening)]
    streaming = policy.streaming
    if streaming.release is Release.IMMEDIATE:
        streaming = replace(streaming, release=Release.AFTER_CHECK)
    rules = tuple(_hardened(rule) if rule in heard else rule for rule in policy.rules)
    return replace(policy, rules=(*rules, *(_own(hazard, stage) for hazard in unheard)), streaming=streaming)


def _hardened(rule: Rule) -> Rule:
    """Every step from `warn` on refuses; a rule that only logs stays as it is."""
    if rule.strongest < Action.WARN:
        return rule
    steps = [LadderStep(Action.REFUSE if s.action >= Action.WARN else s.action, s.threshold) for s in rule.ladder.steps]
    first = next(at for at, step in enumerate(steps) if step.action is Action.REFUSE)
    return replace(rule, ladder=Ladder(tuple(steps[: first + 1])), mode=Mode.ENFORCE)


def _own(hazard: str, stage: Stage) -> Rule:
    ladder = Ladder((LadderStep(Action.REFUSE, DEFAULT_THRESHOLD),))
    return Rule(RULE, Kind.HAZARD, hazard, ladder, checks=frozenset({stage}))
