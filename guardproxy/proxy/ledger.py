"""What one exchange learns about itself on its way, and the outcome it ends as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from guardproxy.core.decide import Decision
from guardproxy.core.findings import Failure
from guardproxy.core.lookers import Looker
from guardproxy.core.rules import Action, Policy
from guardproxy.detectors.bench import Inspection
from guardproxy.errors import (
    AuditUnavailable,
    BadRequest,
    GuardproxyError,
    GuardUnavailable,
    LimitReached,
    Overloaded,
    ShuttingDown,
    Unauthorized,
    UpstreamError,
)
from guardproxy.observe.outcome import SessionNote
from guardproxy.observe.record import Outcome, Score, Timing
from guardproxy.wire.headers import Headers, Marks, guard_headers


@dataclass(slots=True)
class Ledger:
    """Filled by the flow; read once by the recorder, and by headers and body fields before."""

    decision_id: str
    route: str
    tenant: str
    surface: str
    upstream: str
    at: float
    key: str = ""
    policy: Policy | None = None
    stream: bool = False
    input: Decision | None = None
    outputs: tuple[Decision, ...] = ()
    failures: list[Failure] = field(default_factory=list)
    by: tuple[Looker, ...] = ()
    scores: list[Score] = field(default_factory=list)
    held: float = 0.0
    unscanned: bool = False
    forwarded: bool = False
    """True once the request has gone to the model."""
    passed: list[Failure] = field(default_factory=list)
    """Failures over the answer that its rules let pass; needed where the exchange ends as a fault all the same."""
    seconds: list[tuple[str, float]] = field(default_factory=list)
    digests: tuple[str, ...] = ()
    error: str = ""
    error_kind: str = ""
    error_code: str = ""
    status: int = 0
    finish_reason: str = ""
    message_key: str = ""
    language: str | None = None
    language_covered: bool = True
    tightened: tuple[str, ...] = ()
    attempts: int = 1
    session: SessionNote | None = None
    subject: str = ""
    started: float = field(default_factory=perf_counter)
    upstream_seconds: float = 0.0
    first_token: float | None = None
    input_checked: bool = False
    output_checked: bool = False
    annotate: bool = True
    ai_notice: bool = False
    limit: str = ""
    tokens: int = 0

    @property
    def strictest(self) -> Decision | None:
        """The decision that stands for the whole exchange."""
        found = [d for d in (self.input, *self.outputs) if d is not None]
        return max(found, key=lambda d: d.action, default=None)

    @property
    def checked(self) -> tuple[str, ...]:
        """The stages that really ran, in full."""
        open_stages = {f.stage for f in self.failures}
        ran = (("input", self.input_checked and not self.unscanned), ("output", self.output_checked))
        return tuple(stage for stage, done in ran if done and stage not in open_stages)

    def headers(self) -> Headers:
        """Our headers, from the same decision as everything else."""
        decision = self.strictest
        word = "error" if self.error else (decision.action.word if decision else "allow")
        ref = self.policy.ref if self.policy else None
        return guard_headers(
            Marks(
                decision=word,
                decision_id=self.decision_id,
                policy=str(ref) if ref else "",
                policy_hash=ref.hash if ref else "",
                rule=decision.rule_name if decision and not self.error else "",
                checked=self.checked,
            )
        )

    def annotation(self) -> dict[str, object]:
        """The `guardproxy` member of bodies and last chunks; like the headers, a fault names no rule.

        Nothing where the route wants answers without it.
        """
        if not self.annotate:
            return {}
        decision = None if self.error else self.strictest
        ref = self.policy.ref if self.policy else None
        inside: dict[str, object] = {
            "decision_id": self.decision_id,
            "action": "error" if self.error else (decision.action.word if decision else "allow"),
            "stage": str(decision.stage) if decision and decision.action > Action.ALLOW else None,
            "policy": str(ref) if ref else None,
            "policy_hash": ref.hash if ref else None,
            "rule": (decision.rule_name or None) if decision else None,
            "hazards": self._hazards(decision),
        }
        return {"guardproxy": inside}

    def _hazards(self, decision: Decision | None) -> list[str]:
        how = self.policy.disclosing.hazards if self.policy else "leaf"
        if decision is None or how == "none":
            return []
        names = decision.hazards if how == "leaf" else tuple(h.partition(".")[0] for h in decision.hazards)
        return list(dict.fromkeys(names))

    def note_input(self, seen: Inspection) -> None:
        """What the detectors said of the input, failures included."""
        self.note("input", [seen])

    def note(self, stage: str, inspections: Sequence[Inspection]) -> None:
        """Times, failures and scores of model detectors: the highest of each hazard in a stage."""
        highest: dict[tuple[str, str], float] = {}
        for seen in inspections:
            self.by = seen.by or self.by
            self.failures += seen.failures
            self.seconds += seen.seconds
            for finding in seen.findings:
                if finding.score < 1.0 or finding.detector == "embedded":
                    key = (finding.detector, finding.hazard)
                    highest[key] = max(finding.score, highest.get(key, 0.0))
        self.scores += [Score(stage, detector, hazard, score) for (detector, hazard), score in highest.items()]

    def failed(self, error: GuardproxyError) -> None:
        """Writes down what kind of fault this was; never a refusal."""
        if isinstance(error, UpstreamError):
            self.error_kind = error.kind
        self.error_code = code_of(error)
        if isinstance(error, LimitReached):
            self.limit = error.limit
        if isinstance(error, Unauthorized):
            self.error = "unauthorized"
        elif isinstance(error, BadRequest):
            self.error = "bad_request"
        elif isinstance(error, Overloaded) and not isinstance(error, ShuttingDown):
            self.error = "overload"
        else:
            self.error = "error"

    def outcome(self, model: str) -> Outcome:
        """The record of this exchange."""
        decision = self.strictest
        total = perf_counter() - self.started
        versions, input_only = _told_of(self.by)
        return Outcome(
            decision_id=self.decision_id,
            time=self.at,
            tenant=self.tenant,
            route=self.route,
            surface=self.surface,
            stream=self.stream,
            upstream=self.upstream,
            model=model,
            policy=self.policy.ref if self.policy else None,
            input=self.input,
            outputs=self.outputs,
            outcome=self.error or (decision.action.word if decision else "allow"),
            status=self.status,
            finish_reason=self.finish_reason,
            checked=self.checked,
            failures=tuple(self.failures),
            unchecked=self._unchecked(),
            seconds=Timing(
                total=total,
                upstream=self.upstream_seconds,
                added=max(0.0, total - self.upstream_seconds),
                held=self.held,
                ttft=self.first_token,
            ),
            detectors=tuple(self.seconds),
            digests=self.digests,
            message_key=self.message_key,
            scores=tuple(self.scores),
            error_kind=self.error_kind,
            error_code=self.error_code,
            language=self.language or "",
            language_covered=self.language_covered,
            tightened=self.tightened,
            versions=versions,
            input_only=input_only,
            attempts=self.attempts,
            session=self.session,
            ai_notice=self.ai_notice,
            key=self.key,
            limit=self.limit,
            tokens=self.tokens,
            subject=self.subject,
        )

    @property
    def refused_at_input(self) -> bool:
        """Nothing of the request has left."""
        return self.input is not None and self.input.action is Action.REFUSE

    def _unchecked(self) -> tuple[tuple[str, str], ...]:
        """Text that left although a check did not run."""
        if self.refused_at_input:
            return ()
        failures = self.failures
        if self.error:
            failures = [f for f in failures if f.stage == "input" and self.forwarded] + self.passed
        found = [(f.stage, "detector_timeout" if f.kind == "timeout" else "detector_error") for f in failures]
        if self.unscanned and (self.forwarded or not self.error):
            found.append(("input", "unscannable"))
        return tuple(dict.fromkeys(found))


_MOST_POLICIES = 256
_told: dict[int, tuple[tuple[Looker, ...], tuple[tuple[str, str], ...], tuple[str, ...]]] = {}


def _told_of(by: tuple[Looker, ...]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Names and revisions of who looked, and who did not look at answers; the same for all exchanges of a policy."""
    known = _told.get(id(by))
    if known is None or known[0] is not by:
        if len(_told) >= _MOST_POLICIES:
            _told.clear()
        versions = tuple((looker.name, looker.revision) for looker in by)
        known = _told[id(by)] = (by, versions, tuple(looker.name for looker in by if not looker.output))
    return known[1], known[2]


def code_of(error: GuardproxyError) -> str:
    """The code the client sees for one of our errors."""
    if isinstance(error, BadRequest | UpstreamError):
        return error.code
    if isinstance(error, GuardUnavailable):
        return "guard_unavailable"
    if isinstance(error, AuditUnavailable):
        return "audit_unavailable"
    if isinstance(error, ShuttingDown):
        return "shutting_down"
    if isinstance(error, Overloaded):
        return "rate_limit_exceeded" if error.status == 429 else "overloaded"
    return "internal_error"
