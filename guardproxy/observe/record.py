"""The one place that writes an outcome: decision log, metrics, log line and recent ring, once, from one object."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol

from guardproxy.core.rules import Action
from guardproxy.errors import AuditUnavailable
from guardproxy.observe.entry import beginning, entry, keyed, mode
from guardproxy.observe.metrics import Metrics
from guardproxy.observe.outcome import Looked, Outcome, Score, Timing
from guardproxy.observe.recent import Recent

__all__ = ["Looked", "Outcome", "Recorder", "Score", "Timing"]


UNAUTHORIZED = "unauthorized"
TOLD_EVERY_S = 1.0
"""Seconds between two log lines on requests that were turned away."""


class Logger(Protocol):
    """What of structlog is used here."""

    def info(self, event: str, **fields: object) -> object: ...

    def warning(self, event: str, **fields: object) -> object: ...


class DecisionLog(Protocol):
    """Where records go: `AuditLog`, or the way to one in another process. See there."""

    mode: str

    @property
    def depth(self) -> int: ...

    @property
    def ready(self) -> bool: ...

    @property
    def state(self) -> str: ...

    def begin(self, decision_id: str, record: Mapping[str, Any]) -> None: ...

    def end(self, decision_id: str) -> None: ...

    async def append(self, record: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


class Recorder:
    """Writes each outcome to the decision log, the metrics, the log and the ring, once.

    `hmac_key` keys the digests of texts; without one a random key makes them comparable until the process ends.
    """

    def __init__(
        self,
        metrics: Metrics,
        audit: DecisionLog,
        logger: Logger,
        recent: Recent | None = None,
        hmac_key: bytes = b"",
    ) -> None:
        self.metrics = metrics
        self.audit = audit
        self.recent = Recent() if recent is None else recent
        self._logger = logger
        self._hmac_key = hmac_key or secrets.token_bytes(32)
        self._away: Counter[str] = Counter()
        self._told = -TOLD_EVERY_S
        metrics.watch("queue_depth", lambda: audit.depth, "audit")

    @property
    def hmac_key(self) -> bytes:
        """For processes that record into the same log."""
        return self._hmac_key

    def begin(self, outcome: Outcome) -> None:
        """Call it before the headers of a stream leave: they name a decision that is not complete yet.

        In `required` mode a crash then leaves a trace of it. AuditUnavailable: nothing may leave.
        """
        if self.audit.mode == "required":
            self.audit.begin(outcome.decision_id, beginning(outcome, self._hmac_key))

    async def record(self, outcome: Outcome) -> None:
        """Call it once an exchange, before its last bytes leave.

        In `required` mode it returns when the record is on disk, and raises AuditUnavailable when it cannot be put
        there: then the exchange counts as `error` whatever was decided, and the caller answers 503. In the other
        modes it returns at once. A caller that is cancelled while it waits has still been recorded as it was.
        """
        counted = outcome
        try:
            if self.audit.mode != "off" and not _turned_away(outcome):
                await self.audit.append(entry(outcome, self._hmac_key))
        except AuditUnavailable:
            counted = outcome.unrecorded()
            raise
        finally:
            if counted is outcome:
                self.audit.end(outcome.decision_id)
            self._count(counted)
            if not _turned_away(outcome):
                self.recent.add(counted)
            self._log(counted)

    def turned_away(self, route: str, surface: str, outcome: str) -> None:
        """A request that was not let in. Nothing of it was read, so nothing was decided, and the decision log is silent.

        It is counted; the log tells how many there were, at most once a second.
        """
        self.metrics.count("requests_total", route, surface, outcome)
        self._away[outcome] += 1
        now = monotonic()
        if now - self._told >= TOLD_EVERY_S:
            self._told = now
            self._logger.warning("turned_away", **self._away)
            self._away.clear()

    def check(self, detector: str, seconds: float) -> None:
        """An inspection outside an exchange (canary, console). Those of an exchange come with its outcome."""
        self.metrics.observe("check_duration_seconds", seconds, detector)

    def check_error(self, detector: str, kind: str) -> None:
        """The same for an inspection that could not look."""
        self.metrics.count("check_errors_total", detector, kind)

    def score(self, detector: str, hazard: str, score: float) -> None:
        """The same for a calibrated score."""
        self.metrics.score(detector, hazard, score)

    def text_digest(self, sha256: str) -> str:
        """The digest that stands in the decision log for a text of this SHA-256 (hex): is it the same text?"""
        return keyed(self._hmac_key, sha256)

    def _count(self, outcome: Outcome) -> None:
        count, surface = self.metrics.count, outcome.surface
        count("requests_total", outcome.route, surface, outcome.outcome)
        if outcome.outcome != UNAUTHORIZED:
            count("tenant_requests_total", outcome.tenant, _result(outcome))
        if outcome.limit:
            count("limited_total", outcome.limit)
        if outcome.tokens:
            count("tenant_tokens_total", outcome.tenant, by=outcome.tokens)
        for decision in outcome.stages():
            count("decisions_total", decision.stage, decision.action.word, decision.policy.name)
        hits = {(d.stage, v.rule.id, v.action.word, mode(v)) for d in outcome.decisions() for v in d.verdicts}
        for _, rule, action, how in hits:
            count("rule_hits_total", rule, action, how)
        deciding = outcome.deciding
        if outcome.outcome == Action.REFUSE.word and deciding is not None:
            count("refusals_total", deciding.stage, deciding.hazard, deciding.policy.name)
        for stage, reason in outcome.unchecked:
            count("unchecked_total", stage, reason)
        for failure in outcome.failures:
            count("check_errors_total", failure.detector, failure.kind)
        if outcome.error_kind:
            count("upstream_errors_total", outcome.upstream, outcome.error_kind)
        self._measure(outcome)

    def _measure(self, outcome: Outcome) -> None:
        observe, surface, seconds = self.metrics.observe, outcome.surface, outcome.seconds
        for detector, took in outcome.detectors:
            observe("check_duration_seconds", took, detector)
        for seen in outcome.scores:
            self.metrics.score(seen.detector, seen.hazard, seen.score)
        observe("added_latency_seconds", seconds.added, surface, decision_id=outcome.decision_id)
        if seconds.ttft is not None:
            observe("time_to_first_token_seconds", seconds.ttft, surface, decision_id=outcome.decision_id)
        if outcome.stream and seconds.ttft is not None:
            observe("stream_held_seconds", seconds.held, surface)
        if seconds.upstream:
            observe("upstream_request_seconds", seconds.upstream, outcome.upstream, _call(outcome))

    def _log(self, outcome: Outcome) -> None:
        deciding = outcome.deciding
        say = self._logger.warning if outcome.outcome == "error" or outcome.unchecked else self._logger.info
        say(
            "exchange",
            decision_id=outcome.decision_id,
            tenant=outcome.tenant,
            key=outcome.key or None,
            route=outcome.route,
            surface=outcome.surface,
            stream=outcome.stream,
            outcome=outcome.outcome,
            status=outcome.status,
            error=outcome.error_code or None,
            stage=str(deciding.stage) if deciding and deciding.action > Action.ALLOW else None,
            rule=deciding.rule_name or None if deciding else None,
            hazard=deciding.hazard or None if deciding else None,
            policy=str(outcome.policy) if outcome.policy else None,
            checked=",".join(outcome.checked),
            unchecked=[f"{stage}:{reason}" for stage, reason in outcome.unchecked] or None,
            ms=round(outcome.seconds.total * 1000, 1),
            added_ms=round(outcome.seconds.added * 1000, 1),
        )


def _turned_away(outcome: Outcome) -> bool:
    """A stranger, or a tenant over its limit. Counted and logged, not recorded: nothing was decided, and neither of
    them may fill the decision log, push others out of the ring, or make them wait for the disk.
    """
    return outcome.outcome == UNAUTHORIZED or bool(outcome.limit)


def _result(outcome: Outcome) -> str:
    """What became of a tenant's request, in four words."""
    if outcome.limit:
        return "limited"
    if outcome.outcome == Action.REFUSE.word:
        return "refused"
    return "answered" if outcome.outcome in _ACTIONS else "failed"


_ACTIONS = frozenset(action.word for action in Action)


def _call(outcome: Outcome) -> str:
    return "stream" if outcome.stream else "unary"
