"""Why a decision came out as it did: every rule that heard something, and how far it was from its next step.

accounts(decision, policy, context) -> tuple[Account, ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.decide import Decision
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context, Verdict, applies, excuses, listens, sees
from guardproxy.core.replay import finding_of
from guardproxy.core.rules import LadderStep, Policy, Rule
from guardproxy.core.sighting import Sighting


@dataclass(frozen=True, slots=True)
class Account:
    """One rule that heard something, whatever its mode and stage.

    `looks`: the rule looks at this stage. `score`: the highest it heard and did not excuse, 0 when all of it was
    excused. `excused`: numbers of the policy's exceptions that took something out. `next`: the lowest step above.
    """

    rule: Rule
    looks: bool
    heard: tuple[Sighting, ...]
    score: float
    verdict: Verdict | None
    next: LadderStep | None
    excused: tuple[int, ...]

    @property
    def distance(self) -> float | None:
        """How much is missing to the next step."""
        return None if self.next is None else self.next.threshold - self.score


def accounts(decision: Decision, policy: Policy, context: Context) -> tuple[Account, ...]:
    """In the order of the rules. Rules that heard nothing are left out."""
    verdicts = {verdict.rule.id: verdict for verdict in decision.verdicts}
    found = []
    for rule in policy.rules:
        heard = [s for s in decision.seen.kept if _hears(rule, finding_of(s, decision.stage), context)]
        if heard:
            verdict = verdicts.get(rule.id)
            found.append(_account(rule, heard, verdict, decision, policy, context))
    return tuple(found)


def _hears(rule: Rule, finding: Finding, context: Context) -> bool:
    return listens(rule, finding) and sees(rule, finding.segment, context)


def _account(
    rule: Rule,
    heard: Sequence[Sighting],
    verdict: Verdict | None,
    decision: Decision,
    policy: Policy,
    context: Context,
) -> Account:
    holes = [(n, h) for n, h in enumerate(policy.exceptions) if h.rule == rule.id and applies(h, context)]
    reports = [finding_of(sighting, decision.stage) for sighting in heard]
    excused = [n for n, hole in holes if any(excuses(hole, finding) for finding in reports)]
    left = [f.score for f in reports if not any(excuses(hole, f) for _, hole in holes)]
    score = max(left, default=0.0)
    above = [step for step in rule.ladder.steps if step.threshold > score]
    return Account(
        rule=rule,
        looks=decision.stage in rule.checks,
        heard=tuple(heard),
        score=score,
        verdict=verdict,
        next=above[0] if above else None,
        excused=tuple(excused),
    )
