"""A decision told from the text to the outcome as JSON holds it, each value with the `file:line` it was written at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from guardproxy.core.account import Account, accounts
from guardproxy.core.conversation import Scope, Segment
from guardproxy.core.decide import Decision
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.findings import Failure, Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.lookers import needs
from guardproxy.core.rules import Kind, LadderStep, Mode, Policy, Source
from guardproxy.core.sighting import Sighting
from guardproxy.policy.places import Places
from guardproxy.wire.answer import Answer

Tree = dict[str, Any]
BUILT_IN = "built in"


def stage_tree(decision: Decision, context: Context, places: Places) -> Tree:
    """One stage. `texts` and what was found in them is added by who has the texts."""
    policy = places.compiled.policy
    told = accounts(decision, policy, context)
    heard = {sighting for account in told for sighting in account.heard}
    looking = [rule for rule in policy.rules if rule.mode is not Mode.DISABLED and decision.stage in rule.checks]
    return {
        "stage": str(decision.stage),
        "rules": [_account(account, places) for account in told],
        "silent_rules": len([rule for rule in looking if rule.id not in {account.rule.id for account in told}]),
        "heard_by_no_rule": [sighting_tree(s) for s in decision.seen.kept if s not in heard],
        "decision": {
            "action": decision.action.word,
            "rule": decision.rule_name or None,
            "hazard": decision.hazard or None,
            "would_have": decision.would_have.word,
            "place": place(places.rule(decision.because.rule)) if decision.because else None,
        },
    }


def sighting_tree(sighting: Sighting) -> Tree:
    """One finding, without its text. In an answer its place counts from the beginning of the answer."""
    span = sighting.span
    if span is not None and sighting.scope is Scope.MODEL:
        span = Span(sighting.place, sighting.place + span.end - span.start)
    return {
        "detector": sighting.detector,
        "hazard": sighting.hazard,
        "score": round(sighting.score, 4),
        "scope": str(sighting.scope),
        "span": [span.start, span.end] if span else None,
        "rule": sighting.rule,
        "view": sighting.view,
    }


def place(source: Source | None) -> str:
    """`file:line`."""
    return str(source) if source else BUILT_IN


def _account(account: Account, places: Places) -> Tree:
    rule, verdict = account.rule, account.verdict
    exceptions = places.compiled.policy.exceptions
    reached = next((s for s in rule.ladder.steps if verdict and s.action is verdict.action), None)
    return {
        "rule": rule.id,
        "place": place(places.rule(rule)),
        "looks": account.looks and rule.mode is not Mode.DISABLED,
        "idle": _idle(account),
        "state": str(rule.mode),
        "state_place": place(found) if (found := places.mode(rule)) else None,
        "heard": [sighting_tree(sighting) for sighting in account.heard],
        "score": round(account.score, 4),
        "reached": _step(account, reached, places) if reached else None,
        "logged_by_exception": verdict is not None and reached is None,
        "next": _step(account, account.next, places) if account.next else None,
        "excused_by": [
            {"place": str(places.exception(number)), "then": str(exceptions[number].then)} for number in account.excused
        ],
    }


def _idle(account: Account) -> str | None:
    """Why a rule stays silent about what it would act on."""
    step = account.rule.ladder.reached(account.score)
    if step is None or account.verdict is not None:
        return None
    if not account.looks:
        return f"would {step.action.word}, but looks at {'+'.join(sorted(account.rule.checks))} only"
    return f"would {step.action.word}, but is disabled" if account.rule.mode is Mode.DISABLED else None


def _step(account: Account, step: LadderStep, places: Places) -> Tree:
    missing = round(max(0.0, step.threshold - account.score), 4)
    where = place(places.step(account.rule, step.action))
    return {"action": step.action.word, "threshold": step.threshold, "distance": missing, "place": where}


def asked_tree(segments: Sequence[Segment], findings: Sequence[Finding]) -> list[Tree]:
    """The texts of a request, the joins of neighbours among them, each with what was found in it."""
    return [
        {
            "where": " + ".join(str(piece.pointer) for piece in segment.pieces),
            "scope": str(segment.scope),
            "characters": len(segment.text),
            "joined": segment.joined,
            "findings": [_finding(finding) for finding in findings if finding.segment == segment],
        }
        for segment in segments
    ]


def answer_tree(answer: Answer, decision: Decision) -> list[Tree]:
    """The texts of an answer. They are read in windows: what was found is told with the first of them."""
    found = [sighting_tree(sighting) for sighting in decision.seen.kept]
    return [
        {
            "where": str(text.channel.kind),
            "scope": "model",
            "characters": len(text.text),
            "joined": False,
            "findings": [] if at else found,
        }
        for at, text in enumerate(answer.texts)
    ]


def _finding(finding: Finding) -> Tree:
    return {
        "detector": finding.detector,
        "hazard": finding.hazard,
        "score": round(finding.score, 4),
        "scope": str(finding.segment.scope),
        "span": [finding.span.start, finding.span.end] if finding.span else None,
        "rule": finding.rule,
        "view": finding.evidence.view,
    }


def unheard(
    policy: Policy, infos: Sequence[DetectorInfo], missing: str, failures: Sequence[Failure], places: Places
) -> Iterator[str]:
    """Who could not look, and the rules that therefore hear nobody."""
    if missing:
        yield f"the embedded classifiers: {missing}"
    yield from dict.fromkeys(f"{f.detector} could not look at the {f.stage} ({f.kind})" for f in failures)
    for rule in policy.rules:
        waits = rule.kind in (Kind.HAZARD, Kind.DETECTOR) and rule.mode is not Mode.DISABLED
        if waits and places.rule(rule) is not None and not any(needs(rule, info) for info in infos):
            yield f"rule {rule.id} ({place(places.rule(rule))}): no installed detector reports {rule.target}"
