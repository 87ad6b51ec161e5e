"""Verdicts → one decision. The only place that knows which verdict wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.conversation import Stage
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, PolicyRef
from guardproxy.core.sighting import NOTHING, Sightings


@dataclass(frozen=True, slots=True)
class Decision:
    """The one outcome of a stage. Headers, body, metrics and log are all written from this object.

    `because` is the winning verdict; decisions that no written rule made (`unscannable` …) have none
    and carry their names in `rule_name` and `hazard`. `seen`: what was found, heard by a rule or not.
    """

    stage: Stage
    action: Action
    policy: PolicyRef
    because: Verdict | None = None
    verdicts: tuple[Verdict, ...] = ()
    would_have: Action = Action.ALLOW
    rule_name: str = ""
    hazard: str = ""
    seen: Sightings = NOTHING

    @property
    def enforced(self) -> tuple[Verdict, ...]:
        """The verdicts that count, in rule order."""
        return tuple(v for v in self.verdicts if v.enforced)

    @property
    def hazards(self) -> tuple[str, ...]:
        """The hazards of all enforced verdicts, the winner's first, each once."""
        if not self.verdicts:
            return (self.hazard,) if self.hazard else ()
        rest = [v.hazard for v in self.enforced]
        return tuple(dict.fromkeys([self.hazard, *rest] if self.hazard else rest))


def decide(verdicts: Sequence[Verdict], policy: PolicyRef, stage: Stage) -> Decision:
    """The strongest enforced action wins; then the graver hazard; then the earlier rule."""
    enforced = [v for v in verdicts if v.enforced]
    winner = max(enforced, key=lambda v: (v.action, v.severity, -v.order), default=None)
    return Decision(
        stage=stage,
        action=winner.action if winner else Action.ALLOW,
        policy=policy,
        because=winner,
        verdicts=tuple(verdicts),
        would_have=max((v.action for v in verdicts), default=Action.ALLOW),
        rule_name=winner.rule.id if winner else "",
        hazard=winner.hazard if winner else "",
    )


def stronger(first: Decision, second: Decision) -> Decision:
    """A request's outcome is the more severe of its two decisions; the input's on a tie."""
    return second if second.action > first.action else first
