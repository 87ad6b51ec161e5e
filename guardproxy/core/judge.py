"""Findings × rules → verdicts. Pure: no clock, no log, no await."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.findings import Finding
from guardproxy.core.hazards import covers, severity_of
from guardproxy.core.rules import Action, Kind, Mode, Policy, Rule, RuleException, ThenDo


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule applied to what was found.

    `severity` says how bad the hazard is, 0 … 3; `score` how sure the detector is. `order` is the
    rule's place in the policy. `findings` are those the rule heard, strongest first.
    """

    rule: Rule
    action: Action
    hazard: str
    severity: int
    score: float
    threshold: float
    enforced: bool
    order: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What exceptions need to know: the route and tenant by name, and the time (POSIX seconds)."""

    route: str = "test"
    tenant: str = "test"
    now: float = 0.0
    trusted_system: bool = False


def judge(findings: Sequence[Finding], policy: Policy, stage: Stage, context: Context) -> list[Verdict]:
    """Each rule of the stage that reached a step gives one verdict, in the order of the rules."""
    if not findings:
        return []
    verdicts = []
    for order, rule in enumerate(policy.rules):
        if rule.mode is Mode.DISABLED or stage not in rule.checks:
            continue
        heard = [f for f in findings if listens(rule, f) and sees(rule, f.segment, context)]
        if not heard:
            continue
        verdict = _verdict(rule, order, heard, _exceptions(policy, rule, context))
        if verdict is not None:
            verdicts.append(verdict)
    return verdicts


def listens(rule: Rule, finding: Finding) -> bool:
    """Is this the kind of finding the rule waits for? A family hears its leaves, a leaf not its family."""
    match rule.kind:
        case Kind.HAZARD:
            return covers(rule.target, finding.hazard)
        case Kind.DETECTOR:
            return finding.detector == rule.target
        case Kind.WORDS | Kind.PATTERN:
            return finding.rule == rule.id


def sees(rule: Rule, segment: Segment, context: Context) -> bool:
    """Is the segment among those the rule looks at? Output has no scopes."""
    if segment.stage is Stage.OUTPUT:
        return True
    trusted = context.trusted_system and segment.scope in (Scope.SYSTEM, Scope.TOOL_DEFINITION)
    if trusted and not rule.scopes_written:
        return False
    return segment.scope in rule.scopes


def _exceptions(policy: Policy, rule: Rule, context: Context) -> list[RuleException]:
    return [hole for hole in policy.exceptions if hole.rule == rule.id and applies(hole, context)]


def applies(hole: RuleException, context: Context) -> bool:
    """Is the exception in force for this route and tenant, at this time?"""
    return (
        context.now < hole.expires
        and (not hole.routes or context.route in hole.routes)
        and (not hole.tenants or context.tenant in hole.tenants)
    )


def _verdict(rule: Rule, order: int, heard: list[Finding], holes: list[RuleException]) -> Verdict | None:
    excused = [f for f in heard if any(excuses(hole, f) for hole in holes)]
    left = [f for f in heard if f not in excused]
    logged = any(hole.then is ThenDo.LOG and excuses(hole, f) for hole in holes for f in excused)
    if not left:
        return _made(rule, order, excused, Action.LOG, 1.0) if logged else None
    step = rule.ladder.reached(max(f.score for f in left))
    return None if step is None else _made(rule, order, left, step.action, step.threshold)


def _made(rule: Rule, order: int, findings: list[Finding], action: Action, threshold: float) -> Verdict:
    ranked = sorted(findings, key=lambda f: (-f.score, -severity_of(f.hazard)))
    hazard = rule.counts_as or ranked[0].hazard
    return Verdict(
        rule=rule,
        action=action,
        hazard=hazard,
        severity=severity_of(hazard),
        score=ranked[0].score,
        threshold=threshold,
        enforced=rule.enforced,
        order=order,
        findings=tuple(ranked),
    )


def excuses(hole: RuleException, finding: Finding) -> bool:
    """Without phrases the exception holds for the whole rule; with them only inside an occurrence."""
    if not hole.phrases:
        return True
    if finding.excused is not None:
        return hole.key in finding.excused
    if finding.span is None:
        return False
    folded = finding.segment.text.casefold()
    if len(folded) != len(finding.segment.text):
        return False  # full folding moved the offsets: the narrow reading is the safe one
    for phrase in hole.phrases:
        needle = phrase.casefold()
        at = folded.find(needle)
        while at >= 0:
            if at <= finding.span.start and finding.span.end <= at + len(needle):
                return True
            at = folded.find(needle, at + 1)
    return False
