"""What one finding in an answer means for the stream: where it stops the choice, what it replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from guardproxy.core.commands import Channel
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import Decision, decide
from guardproxy.core.findings import Failure, Finding, Span
from guardproxy.core.holdback import Scanner
from guardproxy.core.judge import Context, judge
from guardproxy.core.redact import Mark, replacement
from guardproxy.core.rules import Action, Kind, Policy, Release


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


@dataclass(frozen=True, slots=True)
class Terms:
    """What follows from a plan, worked out once an answer.

    `holds`: some output rule can stop or replace text; shadow, log and warn rules never hold any.
    `waits`: some such rule listens to windows. `buffers`: nothing leaves before all of the choice is cleared.
    `reach`: how far an exception's phrase may reach beyond the finding it excuses, in characters.
    """

    plan: Plan
    holds: bool
    waits: bool
    buffers: bool
    reach: int

    @classmethod
    def of(cls, plan: Plan) -> Terms:
        """Reads the policy's rules."""
        acting = plan.policy.holding
        return cls(
            plan=plan,
            holds=bool(acting),
            waits=plan.classifies and any(r.kind in (Kind.HAZARD, Kind.DETECTOR) for r in acting),
            buffers=plan.policy.streaming.release is Release.BUFFER,
            reach=plan.policy.reach,
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """A finding and its coordinate `at`, in code points of the channel.

    `stops`: an enforced rule refuses because of it, and nothing from `at` on may leave. `marks`: what
    enforced rules replace, in offsets of the channel. `stuck`: it stands where nothing can be replaced.
    """

    finding: Finding
    at: int
    stops: bool
    marks: tuple[Mark, ...]
    stuck: bool = False


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


def seen_in(finding: Finding, text: str, at: int) -> Finding:
    """The same scanner's finding in a wider segment, so that an exception's phrase around it can be read."""
    return replace(finding, segment=Segment(text, Stage.OUTPUT, Scope.MODEL, at=at))


def scanned(terms: Terms, channel: Channel, text: str) -> list[Weighed]:
    """What fresh scanners find in a text that is complete."""
    found: list[Finding] = []
    for scanner in terms.plan.scanners(channel):
        found += scanner.feed(text).findings
        found += scanner.flush().findings
    if terms.reach:
        found = [seen_in(finding, text, 0) for finding in found]
    return [weigh_scanned(terms.plan, finding) for finding in found]


def outcome(plan: Plan, found: Iterable[Weighed]) -> Decision:
    """The decision over these findings; a redaction that cannot be carried out is a refusal."""
    seen: Sequence[Weighed] = tuple(found)
    verdicts = judge([w.finding for w in seen], plan.policy, Stage.OUTPUT, plan.context)
    decision = decide(verdicts, plan.policy.ref, Stage.OUTPUT)
    if decision.action < Action.REGENERATE and any(w.stops for w in seen):
        return replace(decision, action=Action.REFUSE, would_have=Action.REFUSE)
    return decision


def place_of(finding: Finding, start: int, otherwise: int) -> int:
    """Where a window's finding begins in its channel; `otherwise` when the detector gave no place."""
    span: Span | None = finding.span
    return otherwise if span is None else start + span.start
