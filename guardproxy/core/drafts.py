"""Safe completion: the model is asked again when a rule says `regenerate` (policy-language.md 9.2). Pure.

    for_draft(policy, number) -> Policy        what judges the draft of this number (0 is the first answer)
    without_drafts(policy) -> Policy           where no second draft is possible: `regenerate` refuses
    instruction_of(policy, label) -> str       what the model is told beside; never a word of the withheld draft

The draft after the last try is judged with the fallback in the place of `regenerate`, so nothing hangs in the air.
"""

from __future__ import annotations

from dataclasses import replace

from guardproxy.core.decide import Decision
from guardproxy.core.rules import Action, Ladder, LadderStep, Policy, Rule

_DEFAULT = (
    "A draft of your answer went into {label}, which the safety policy of this service does not allow. "
    "Answer only the permissible part, in general terms, without steps, and name in one sentence what you leave out."
)


def asks_again(policy: Policy) -> bool:
    """True when some enforced rule may ask for another draft."""
    return any(rule.enforced and any(s.action is Action.REGENERATE for s in rule.ladder.steps) for rule in policy.rules)


def for_draft(policy: Policy, number: int) -> Policy:
    """The policy itself, until the tries are used up."""
    return policy if number < policy.regenerate.tries else _settled(policy, policy.regenerate.fallback)


def without_drafts(policy: Policy) -> Policy:
    """The verdict acts as `refuse`."""
    return _settled(policy, Action.REFUSE)


def instruction_of(policy: Policy, label: str) -> str:
    """One system message more. `label` is the hazard's noun phrase in English, from our own catalogue."""
    return policy.regenerate.instruction or _DEFAULT.replace("{label}", label or "a subject")


def rejects(decision: Decision) -> bool:
    """True for a draft that is to be written again."""
    return decision.action is Action.REGENERATE


def _settled(policy: Policy, instead: Action) -> Policy:
    if not asks_again(policy):
        return policy
    return replace(policy, rules=tuple(_without(rule, instead) for rule in policy.rules))


def _without(rule: Rule, instead: Action) -> Rule:
    if all(step.action is not Action.REGENERATE for step in rule.ladder.steps):
        return rule
    steps = [LadderStep(instead if s.action is Action.REGENERATE else s.action, s.threshold) for s in rule.ladder.steps]
    return replace(rule, ladder=Ladder(tuple(steps)))
