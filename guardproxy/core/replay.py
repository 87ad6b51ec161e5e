"""A recorded stage decided again, from sightings alone: the same judge and decide as in the proxy, with another caller.

    redecide(stage, policy, context) -> Decision

With the policy that decided it the same comes out: action, rule and hazard. With another one this holds as far as that
policy acts on what was looked for; `core.unseen` names what it would have had to look for as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guardproxy.core.asked import decide_input
from guardproxy.core.commands import Channel
from guardproxy.core.conversation import Segment, Stage
from guardproxy.core.decide import Decision, decide
from guardproxy.core.findings import Evidence, Failure, Finding, Span
from guardproxy.core.holdback import Scanner
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Policy
from guardproxy.core.sighting import NOTHING, Found, Sighting, Sightings
from guardproxy.core.weighing import Plan, outcome, weigh


@dataclass(frozen=True, slots=True)
class Stored:
    """One stage of a record. `choice` is None at the input.

    `by_rule`: a rule of the policy decided; what something else decided (a picture nobody reads, a tool nobody
    offered, the session) stands unless the rules are stricter. `reports`: the surface only reports, whatever the
    verdicts.
    """

    stage: Stage
    action: Action
    rule: str = ""
    hazard: str = ""
    choice: int | None = None
    by_rule: bool = True
    reports: bool = False
    seen: Sightings = NOTHING


def redecide(stored: Stored, policy: Policy, context: Context) -> Decision:
    """The stage's decision under a policy. `context`: route, tenant and time of the record."""
    if stored.reports:
        return decide([], policy.ref, stored.stage)
    if stored.stage is Stage.INPUT:
        again = decide_input([finding_of(sighting, stored.stage) for sighting in stored.seen.kept], policy, context)
    else:
        again = _decide_output(stored.seen.kept, policy, context)
    if not stored.by_rule and again.action <= stored.action:
        return _unchanged(stored, again)
    return again


def stopped_at(stored: Stored, policy: Policy, context: Context) -> int | None:
    """The place of a recorded answer from which nothing would leave; None when all of it would."""
    plan = _plan(policy, context)
    found = [_found(sighting) for sighting in stored.seen.kept]
    return min((f.place for f in found if weigh(plan, f.finding, f.place, 0).stops), default=None)


def _unchanged(stored: Stored, again: Decision) -> Decision:
    """No rule decided it, so no milder rule decides it otherwise."""
    return replace(
        again,
        action=stored.action,
        because=None,
        would_have=max(again.would_have, stored.action),
        rule_name=stored.rule,
        hazard=stored.hazard,
    )


def _decide_output(kept: Sequence[Sighting], policy: Policy, context: Context) -> Decision:
    """The earliest stop in the text ends the choice; what was found behind it is as if it had never come."""
    plan = _plan(policy, context)
    weighed = [weigh(plan, found.finding, found.place, 0) for found in map(_found, kept)]
    stops = [w.at for w in weighed if w.stops]
    return outcome(plan, [w for w in weighed if not stops or w.at <= min(stops)])


def _found(sighting: Sighting) -> Found:
    return Found(finding_of(sighting, Stage.OUTPUT), sighting.place, sighting.replaceable)


def finding_of(sighting: Sighting, stage: Stage) -> Finding:
    """A finding that stands for the recorded one. Where nothing could be replaced it has no place."""
    span = sighting.span or Span(0, 0)
    return Finding(
        detector=sighting.detector,
        hazard=sighting.hazard,
        score=sighting.score,
        segment=Segment("", stage, sighting.scope),
        span=span if sighting.replaceable else None,
        rule=sighting.rule,
        evidence=Evidence(sighting.view),
        excused=frozenset(sighting.excused),
    )


def _plan(policy: Policy, context: Context) -> Plan:
    """Nothing is looked at any more."""
    return Plan(policy, context, _nobody, classifies=False, fatal=_harmless)


def _nobody(channel: Channel) -> tuple[Scanner, ...]:
    del channel
    return ()


def _harmless(failure: Failure) -> bool:
    del failure
    return False
