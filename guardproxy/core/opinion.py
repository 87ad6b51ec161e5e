"""What the rules of a policy say of an exchange that is over. Pure, like `judge` and `decide`, which do the work.

    of_input(findings, policy, context) -> Decision        what detectors found in the request
    of_answer(plan, said, found) -> Decision               one choice: its texts, and what was found in its windows

The rules alone: no memory of a session, no wish of the request, no draft written again. Texts are read by the plan's
scanners; model detectors are not asked again, what they found is passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guardproxy.core.commands import Channel
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision, decide
from guardproxy.core.findings import Finding
from guardproxy.core.judge import Context, judge
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.redact import unredactable
from guardproxy.core.rules import Action, Policy
from guardproxy.core.weighing import outcome, weigh


@dataclass(frozen=True, slots=True)
class Said:
    """Text of one channel of an answer, as the model wrote it."""

    channel: Channel
    text: str

    def __repr__(self) -> str:
        return f"Said({self.channel.kind}, {len(self.text)} chars)"


def of_input(findings: Sequence[Finding], policy: Policy, context: Context) -> Decision:
    """The decision on a request; what cannot be redacted is refused."""
    verdicts = judge(findings, policy, Stage.INPUT, context)
    decision = decide(verdicts, policy.ref, Stage.INPUT)
    redacting = [v for v in verdicts if v.enforced and v.action is Action.REDACT]
    if redacting and unredactable(redacting) and decision.action < Action.REFUSE:
        return replace(decision, action=Action.REFUSE)
    return decision


def of_answer(plan: Plan, said: Sequence[Said], found: Sequence[Finding]) -> Decision:
    """The decision on one choice. `found`: what model detectors saw in it, under whatever policy."""
    moderator = Moderator(replace(plan, classifies=False))
    for one in said:
        moderator.feed(0, one.channel, one.text)
    moderator.flush(0)
    read = moderator.decision(0)
    seen = [finding for verdict in read.verdicts for finding in verdict.findings]
    both = outcome(plan, [weigh(plan, finding, 0, 0) for finding in (*seen, *found)])
    return read if read.action > both.action else both
