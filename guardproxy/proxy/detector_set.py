"""Which detectors a policy puts to work: their common name, and the hazards they look for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from guardproxy.core.conversation import Stage
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.findings import Failure
from guardproxy.core.hazards import BY_ID, stages_of
from guardproxy.core.rules import Kind, Mode, Policy


@dataclass(frozen=True, slots=True)
class DetectorSet:
    """The detectors of one policy."""

    policy: Policy
    infos: tuple[DetectorInfo, ...]

    @classmethod
    def of(cls, policy: Policy, running: Sequence[str], installed: Sequence[DetectorInfo]) -> DetectorSet:
        """`running`: the ids of the policy's bench."""
        return cls(policy, tuple(info for info in installed if info.id in running))

    @property
    def model(self) -> str:
        """`guardproxy-` and twelve digits that change with any detector's revision."""
        names = sorted(f"{info.id}@{info.revision}" for info in self.infos)
        return "guardproxy-" + sha256("\n".join(names).encode()).hexdigest()[:12]

    def hazards(self, stage: Stage, failures: Sequence[Failure] = ()) -> frozenset[str]:
        """What is looked for at a stage; nothing of a detector that could not look."""
        broken = {failure.detector for failure in failures if failure.stage == stage}
        reported = {
            hazard
            for info in self.infos
            if stage in info.stages and info.id not in broken
            for hazard in info.hazards
            if hazard not in BY_ID or stage in stages_of(hazard)
        }
        written = {
            rule.counts_as or "custom"
            for rule in self.policy.rules
            if rule.kind in (Kind.WORDS, Kind.PATTERN) and rule.mode is not Mode.DISABLED and stage in rule.checks
        }
        return frozenset(reported | written)
