"""The one place that writes an outcome: metrics, log line, decision log and recent ring, once, from one object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, PolicyRef
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.metrics import Metrics
from guardproxy.observe.recent import Recent


class Logger(Protocol):
    """What of structlog is used here."""

    def info(self, event: str, **fields: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: all of it, waiting for the upstream, our own share, longest hold, first text."""

    total: float = 0.0
    upstream: float = 0.0
    added: float = 0.0
    held: float = 0.0
    ttft: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything known at the end of one exchange. No text."""

    decision_id: str
    time: float
    tenant: str
    route: str
    surface: str
    stream: bool
    upstream: str
    model: str
    policy: PolicyRef | None
    input: Decision | None
    outputs: tuple[Decision, ...]
    outcome: str
    status: int
    finish_reason: str
    checked: tuple[str, ...]
    failures: tuple[Failure, ...]
    unchecked: tuple[tuple[str, str], ...]
    seconds: Timing
    detectors: tuple[tuple[str, float], ...]
    digests: tuple[str, ...]
    message_key: str = ""
    error_kind: str = ""
    """Metric label `kind` of an upstream fault, or ""."""


class Recorder:
    """Writes each outcome to the metrics, the log and the decision log, once."""

    def __init__(self, metrics: Metrics, audit: AuditLog, logger: Logger, recent: Recent | None = None) -> None:
        self.metrics = metrics
        self.audit = audit
        self.recent = recent or Recent()
        self._logger = logger

    async def record(self, outcome: Outcome) -> None:
        """Raises AuditUnavailable in `required` mode when the record cannot be put on disk."""
        self._count(outcome)
        self.recent.add(outcome)
        self._logger.info(
            "exchange",
            decision_id=outcome.decision_id,
            outcome=outcome.outcome,
            status=outcome.status,
            rule=_rule(outcome),
            policy=str(outcome.policy) if outcome.policy else None,
            ms=round(outcome.seconds.total * 1000, 1),
            added_ms=round(outcome.seconds.added * 1000, 1),
        )
        await self.audit.append(row(outcome))

    def _count(self, outcome: Outcome) -> None:
        count, observe, surface = self.metrics.count, self.metrics.observe, outcome.surface
        count("requests_total", outcome.route, surface, outcome.outcome)
        decisions = [d for d in (outcome.input, *outcome.outputs) if d is not None]
        for decision in decisions:
            count("decisions_total", decision.stage, decision.action.word, decision.policy.name)
            for verdict in decision.verdicts:
                mode = "enforce" if verdict.enforced else "shadow"
                count("rule_hits_total", verdict.rule.id, verdict.action.word, mode)
        if outcome.outcome == "refuse":  # one per refused request, so that the two counters stay equal
            deciding = next(d for d in decisions if d.action is Action.REFUSE)
            count("refusals_total", deciding.stage, deciding.hazard, deciding.policy.name)
        for stage, reason in outcome.unchecked:
            count("unchecked_total", stage, reason)
        for failure in outcome.failures:
            count("check_errors_total", failure.detector, failure.kind)
        for detector, seconds in outcome.detectors:
            observe("check_duration_seconds", seconds, detector)
        observe("added_latency_seconds", outcome.seconds.added, surface)
        if outcome.seconds.ttft is not None:
            observe("time_to_first_token_seconds", outcome.seconds.ttft, surface)
        if outcome.seconds.upstream:
            kind = "stream" if outcome.stream else "unary"
            observe("upstream_request_seconds", outcome.seconds.upstream, outcome.upstream, kind)
        if outcome.error_kind:
            count("upstream_errors_total", outcome.upstream, outcome.error_kind)


def row(outcome: Outcome) -> dict[str, Any]:
    """The decision log's record: ids, scores, offsets and hashes. No text, no word, no pattern."""
    return {
        "time": datetime.fromtimestamp(outcome.time, UTC).isoformat(timespec="milliseconds"),
        "decision_id": outcome.decision_id,
        "tenant": outcome.tenant,
        "route": outcome.route,
        "surface": outcome.surface,
        "stream": outcome.stream,
        "upstream": outcome.upstream,
        "model": outcome.model,
        "policy": outcome.policy.name if outcome.policy else None,
        "revision": outcome.policy.revision if outcome.policy else None,
        "policy_hash": outcome.policy.hash if outcome.policy else None,
        "stages": [_stage(d) for d in (outcome.input, *outcome.outputs) if d is not None],
        "checked": list(outcome.checked),
        "failures": [{"detector": f.detector, "kind": str(f.kind), "stage": f.stage} for f in outcome.failures],
        "outcome": outcome.outcome,
        "status": outcome.status,
        "finish_reason": outcome.finish_reason,
        "timing": {
            "total": round(outcome.seconds.total * 1000, 1),
            "upstream": round(outcome.seconds.upstream * 1000, 1),
            "added": round(outcome.seconds.added * 1000, 1),
        },
        "text_sha256": list(outcome.digests),
    }


def _stage(decision: Decision) -> dict[str, Any]:
    return {
        "stage": str(decision.stage),
        "action": decision.action.word,
        "rule": decision.rule_name or None,
        "hazards": list(decision.hazards),
        "would_have": decision.would_have.word,
        "truncated": False,
        "verdicts": [_verdict(v) for v in decision.verdicts],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule.id,
        "action": verdict.action.word,
        "mode": "enforce" if verdict.enforced else "shadow",
        "hazard": verdict.hazard,
        "score": round(verdict.score, 4),
        "spans": [[f.span.start, f.span.end] for f in verdict.findings if f.span is not None][:20],
    }


def _rule(outcome: Outcome) -> str | None:
    decisions = [d for d in (outcome.input, *outcome.outputs) if d is not None]
    strictest = max(decisions, key=lambda d: d.action, default=None)
    return strictest.rule_name or None if strictest else None
