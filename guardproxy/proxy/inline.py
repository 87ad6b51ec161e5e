"""The inline `moderation` of one exchange: which policy judges a stage, and what the answer reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from guardproxy.core.categories import Moderation, moderate
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Policy, Unscanned
from guardproxy.core.tighten import RULE, tightened
from guardproxy.proxy.detector_set import DetectorSet
from guardproxy.wire.body import Tree
from guardproxy.wire.inline_moderation import NAME, ModerationAsk
from guardproxy.wire.moderations import stage_member


@dataclass(slots=True)
class Inline:
    """`score` only reports. `block` tightens its stage; what no rule could refuse, `heed` refuses."""

    ask: ModerationAsk
    detectors: DetectorSet
    context: Context
    exact: bool = False
    _found: dict[Stage, list[Moderation]] = field(default_factory=dict)

    def policy(self, stage: Stage) -> Policy:
        """What judges the stage."""
        policy = self.detectors.policy
        if not self.ask.blocks(stage):
            return policy
        hard = tightened(policy, stage, self.detectors.hazards(stage))
        return replace(hard, on_unscannable=Unscanned.REFUSE)  # nobody can say of an attachment that it is not flagged

    def strict(self, stage: Stage) -> bool:
        """True when the stage must be checked in full or not pass at all."""
        return self.ask.blocks(stage)

    def heed(self, decision: Decision, findings: Sequence[Finding]) -> Decision:
        """Takes down what a decision reports; a flagged stage that must be refused is refused."""
        found = moderate(
            findings,
            decision.verdicts,
            self.detectors.policy,
            self.context,
            self.detectors.hazards(decision.stage),
        )
        self._found.setdefault(decision.stage, []).append(found)
        if not (self.ask.blocks(decision.stage) and found.flagged) or decision.action is Action.REFUSE:
            return decision
        hazard = next((c.key for c in found.own if c.flagged), "")
        return replace(
            decision, action=Action.REFUSE, because=None, would_have=Action.REFUSE, rule_name=RULE, hazard=hazard
        )

    def member(self, failures: Sequence[Failure], *, unread: bool = False) -> Tree:
        """The `moderation` of the answer; a stage that was not judged, or not in full, says so.

        `unread`: the input holds parts that passed unread.
        """
        broken = {failure.stage for failure in failures} | ({str(Stage.INPUT)} if unread else set())
        own, model = self.detectors.policy.disclosing.hazards == "leaf", self.detectors.model
        stages = {stage: None if stage in broken or stage not in self._found else self._found[stage] for stage in Stage}
        return {
            NAME: {str(stage): stage_member(model, found, own=own, exact=self.exact) for stage, found in stages.items()}
        }
