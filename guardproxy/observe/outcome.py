"""What is known at the end of one exchange. Made by the flow, read by the recorder and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from guardproxy.core.decide import Decision, stronger
from guardproxy.core.findings import Failure
from guardproxy.core.rules import PolicyRef


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: all of it, waiting for the upstream, our own share, longest hold, first text."""

    total: float = 0.0
    upstream: float = 0.0
    added: float = 0.0
    held: float = 0.0
    ttft: float | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """How much text of a stage was looked at: classifier windows and code points."""

    stage: str
    windows: int = 0
    chars: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """A calibrated score of a model detector, whether a rule heard it or not: what `replay` decides from."""

    stage: str
    detector: str
    hazard: str
    score: float


def subject_of(tenant: str, source: str, value: str) -> str:
    """Whom an exchange is about: SHA-256 (hex) of the name a client gave an end user. The log keys it once more."""
    return sha256(f"{tenant}\0{source}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class SessionNote:
    """Where a session stood: how it is told apart, the sum of each leaf, the step, the subjects that rest."""

    source: str
    levels: tuple[tuple[str, float], ...] = ()
    step: str = "none"
    paused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything known at the end of one exchange. `time` is POSIX seconds; names are configured ones.

    `outcome` is a value of the label `outcome` (observability.md 2); `checked` the stages that really ran, in full;
    `unchecked` pairs of stage and reason for text that left without a check; `detectors` pairs of detector and
    seconds; `digests` SHA-256 of the input texts, which leave this object only as keyed digests. `error_kind` is the
    metric label `kind` of an upstream fault, `error_code` the code the client saw; both "" when nothing failed.
    `language` is that of the last user turn, "" when unclear; `language_covered` false when an enforced hazard rule
    heard no detector made for it. `versions`: who looked (`core.lookers`), `input_only` who did not look at answers.
    `tightened`: the stages that the request asked to be refused when flagged. `ai_notice`: the client was told that an
    AI speaks; that is a disclosure, and no warning. `key`: the id of the caller's key, "" for one without; `limit`:
    which of its limits turned it away; `tokens`: what the upstream has read and written. `subject`: see `subject_of`,
    "" for nobody.
    """

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
    error_code: str = ""
    attempts: int = 1
    looked: tuple[Looked, ...] = ()
    scores: tuple[Score, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    input_only: tuple[str, ...] = ()
    trace_id: str = ""
    language: str = ""
    language_covered: bool = True
    tightened: tuple[str, ...] = ()
    session: SessionNote | None = None
    ai_notice: bool = False
    key: str = ""
    limit: str = ""
    tokens: int = 0
    subject: str = ""

    def decisions(self) -> Iterator[Decision]:
        """The input's, then one for each choice."""
        if self.input is not None:
            yield self.input
        yield from self.outputs

    def stages(self) -> Iterator[Decision]:
        """One decision a stage: the input's, and the strongest of the choices'."""
        if self.input is not None:
            yield self.input
        output = None
        for decision in self.outputs:
            output = decision if output is None else stronger(output, decision)
        if output is not None:
            yield output

    @property
    def deciding(self) -> Decision | None:
        """The decision that stands for the exchange; the input's on a tie."""
        return max(self.decisions(), key=lambda d: d.action, default=None)

    def state(self, stage: str) -> str:
        """`scanned`, `not_run`, `failed_open` or `failed_closed`."""
        if any(f.stage == stage for f in self.failures):
            passed = any(unchecked == stage for unchecked, _ in self.unchecked)
            return "failed_closed" if self.outcome == "error" and not passed else "failed_open"
        return "scanned" if stage in self.checked else "not_run"

    def unrecorded(self) -> Outcome:
        """The same exchange when its record could not be written: a fault of ours, and nothing of it left."""
        return replace(self, outcome="error", status=503, error_code="audit_unavailable", unchecked=())

    def __repr__(self) -> str:
        return f"Outcome({self.decision_id}, {self.outcome})"
