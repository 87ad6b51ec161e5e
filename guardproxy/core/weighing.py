"""What one finding in an answer means for the stream: where it stops the choice, what it replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from guardproxy.core.commands import Channel
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision, decide
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.holdback import Scanner
from guardproxy.core.judge import Context, judge
from guardproxy.core.redact import Mark, replacement
from guardproxy.core.rules import Action, Kind, Policy


@dataclass(frozen=True, slots=True)
class Plan:
    """What the moderator needs to know.

    `scanners` makes fresh scanners for one text of a channel. `classifies`: some rule wants windows.
    `fatal`: must this failure end the exchange?
    """

    policy: Policy
    context: Context
    scanners: Callable[[Channel], tuple[Scanner, ...]]
    classifies: bool
    fatal: Callable[[Failure], bool]

    def holds(self) -> bool:
        """Can any output rule stop or replace text? Shadow and log-only rules never hold it."""
        return any(r.enforced and Stage.OUTPUT in r.checks and r.strongest >= Action.REDACT for r in self.policy.rules)

    def holds_windows(self) -> bool:
        """Can any rule that listens to windows stop or replace text?"""
        return self.classifies and any(
            r.enforced
            and Stage.OUTPUT in r.checks
            and r.strongest >= Action.REDACT
            and r.kind in (Kind.HAZARD, Kind.DETECTOR)
            for r in self.policy.rules
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """A finding and its coordinate `at`, in code points of the channel.

    `stops`: an enforced rule refuses because of it, and nothing from `at` on may leave. `marks`: what
    enforced rules replace, in offsets of the channel.
    """

    finding: Finding
    at: int
    stops: bool
    marks: tuple[Mark, ...]


def weigh(plan: Plan, finding: Finding, at: int, origin: int) -> Weighed:
    """One finding alone: its place must not depend on what is found later.

    `origin` is the offset of the finding's segment in the channel. A redact verdict without a place
    cannot be carried out, so it stops, like an enforced `regenerate` (the proxy tells them apart by the
    decision).
    """
    stops, marks = False, []
    for verdict in judge([finding], plan.policy, Stage.OUTPUT, plan.context):
        if not verdict.enforced or verdict.action < Action.REDACT:
            continue
        if verdict.action is Action.REDACT and finding.span is not None:
            marks.append(Mark(finding.span.shifted(origin), replacement(verdict, finding), verdict.order))
        else:
            stops = True
    return Weighed(finding, at, stops, tuple(marks))


def weigh_scanned(plan: Plan, finding: Finding) -> Weighed:
    """A scanner's finding: its span is absolute, while rules and exceptions read it inside its segment."""
    segment, span = finding.segment, finding.span
    if span is None:
        return weigh(plan, finding, segment.at, segment.at)
    if span.start < segment.at:
        raise AssertionError("a scanner's finding begins before its segment; this is a bug")
    inside = replace(finding, span=span.shifted(-segment.at)) if segment.at else finding
    return weigh(plan, inside, span.start, segment.at)


def scanned(plan: Plan, channel: Channel, text: str) -> list[Weighed]:
    """What fresh scanners find in a text that is complete."""
    found: list[Finding] = []
    for scanner in plan.scanners(channel):
        found += scanner.feed(text).findings
        found += scanner.flush().findings
    return [weigh_scanned(plan, finding) for finding in found]


def outcome(plan: Plan, found: Iterable[Weighed]) -> Decision:
    """The decision over these findings; a redaction that cannot be carried out is a refusal."""
    seen: Sequence[Weighed] = tuple(found)
    verdicts = judge([w.finding for w in seen], plan.policy, Stage.OUTPUT, plan.context)
    decision = decide(verdicts, plan.policy.ref, Stage.OUTPUT)
    if decision.action < Action.REGENERATE and any(w.stops for w in seen):
        return replace(decision, action=Action.REFUSE)
    return decision
