"""The decision over a request: all of it is looked at before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision, decide
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context, judge
from guardproxy.core.redact import replaceable, unredactable
from guardproxy.core.rules import Action, Policy
from guardproxy.core.sighting import Found, sightings


def decide_input(findings: Sequence[Finding], policy: Policy, context: Context) -> Decision:
    """Findings → verdicts → decision; a redaction that cannot be carried out is a refusal."""
    if not findings:
        return decide((), policy.ref, Stage.INPUT)
    verdicts = judge(findings, policy, Stage.INPUT, context)
    decision = decide(verdicts, policy.ref, Stage.INPUT)
    if decision.action < Action.REFUSE and unredactable([v for v in verdicts if v.enforced]):
        decision = replace(decision, action=Action.REFUSE)
    found = (Found(finding, replaceable=replaceable(finding)) for finding in findings)
    return replace(decision, seen=sightings(policy, found))
