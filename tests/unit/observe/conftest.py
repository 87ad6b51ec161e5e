"""Outcomes to record. Every text-bearing object holds the marker, which nothing may write down."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import Decision, decide
from guardproxy.core.findings import Evidence, Failure, FailureKind, Finding, Span
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, PolicyRef, Rule, Source
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.metrics import Labels, Metrics
from guardproxy.observe.outcome import Looked, Outcome, Score, Timing
from guardproxy.observe.record import Recorder

MARKER = "blorptastic"
REF = PolicyRef("base", 7, "9f3c0011")
LABELS = Labels(
    routes=("chat",),
    policies=("base",),
    rules=("crime-cyber", "tone", "quiet"),
    detectors=("embedded-harm", "pii.email"),
    upstreams=("main",),
    scores=(("embedded-harm", "crime.cyber"), ("embedded-harm", "hate.abuse")),
)


def verdict(action: Action, rule: str = "crime-cyber", *, enforced: bool = True) -> Verdict:
    """A rule whose phrases and texts, and a finding whose segment, hold the marker."""
    made = Rule(
        id=rule,
        kind=Kind.WORDS,
        target=MARKER,
        ladder=Ladder((LadderStep(action, 0.5),)),
        phrases=(MARKER,),
        mode=Mode.ENFORCE if enforced else Mode.SHADOW,
        replace_with=MARKER,
        about=MARKER,
        source=Source("policies/base.yaml", 23),
    )
    segment = Segment(f"some {MARKER} text", Stage.INPUT, Scope.USER, context=MARKER)
    finding = Finding("embedded-harm", "crime.cyber", 0.912345, segment, Span(5, 16), rule, Evidence("folded", "word"))
    return Verdict(made, action, "crime.cyber", 2, 0.912345, 0.5, enforced, 0, (finding,))


def decision(stage: Stage, *verdicts: Verdict) -> Decision:
    return decide(verdicts, REF, stage)


CALM = Outcome(
    decision_id="K7Q2",
    time=1_795_525_200.123,
    tenant="t_9f2c",
    route="chat",
    surface="chat_completions",
    stream=False,
    upstream="main",
    model="main",
    policy=REF,
    input=decision(Stage.INPUT),
    outputs=(decision(Stage.OUTPUT),),
    outcome="allow",
    status=200,
    finish_reason="stop",
    checked=("input", "output"),
    failures=(),
    unchecked=(),
    seconds=Timing(total=0.8402, upstream=0.812, added=0.0112, held=0.0401, ttft=0.3),
    detectors=(("embedded-harm", 0.004), ("embedded-harm", 0.0039), ("instant", 0.0001)),
    digests=("ab" * 32,),
    looked=(Looked("input", 1, 212), Looked("output", 3, 900)),
    scores=(Score("input", "embedded-harm", "hate.abuse", 0.012345),),
    versions=(("embedded-harm", "3+int8"),),
)
REFUSED = replace(
    CALM,
    input=decision(Stage.INPUT, verdict(Action.REFUSE), verdict(Action.REFUSE, "quiet", enforced=False)),
    outputs=(),
    outcome="refuse",
    finish_reason="content_filter",
    checked=("input",),
    seconds=Timing(total=0.01, added=0.01),
    message_key="en/crime.cyber/hard/neutral",
)
CUT = replace(
    CALM,
    stream=True,
    outputs=(decision(Stage.OUTPUT, verdict(Action.REFUSE)), decision(Stage.OUTPUT, verdict(Action.WARN, "tone"))),
    outcome="refuse",
    finish_reason="content_filter",
)
SHADOWED = replace(CALM, input=decision(Stage.INPUT, verdict(Action.REFUSE, "quiet", enforced=False)))
CLOSED = replace(
    CALM,
    input=None,
    outputs=(),
    outcome="error",
    status=503,
    finish_reason="",
    checked=(),
    failures=(Failure("embedded-harm", FailureKind.TIMEOUT, "input"),),
    error_code="guard_unavailable",
)
OPEN = replace(
    CALM,
    checked=("output",),
    failures=(Failure("embedded-harm", FailureKind.TIMEOUT, "input"),),
    unchecked=(("input", "detector_timeout"),),
)
ABORTED = replace(REFUSED, outcome="client_abort")
UNREACHED = replace(CALM, outputs=(), outcome="error", status=502, error_kind="unreachable", checked=("input",))


@dataclass
class Lines:
    """A logger that keeps what it is told."""

    told: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        self.told.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.told.append(("warning", event, fields))


class Samples:
    """What the tests of this room play with."""

    marker = MARKER
    labels = LABELS
    ref = REF
    calm, refused, cut, shadowed, closed, open = CALM, REFUSED, CUT, SHADOWED, CLOSED, OPEN
    aborted, unreached = ABORTED, UNREACHED
    all = (CALM, REFUSED, CUT, SHADOWED, CLOSED, OPEN, ABORTED, UNREACHED)

    def values(self, metrics: Metrics) -> dict[str, float]:
        """`name{labels}` → value, without the prefix and without what is 0."""
        page, _ = metrics.render(None)
        lines = [line.rsplit(" ", 1) for line in page.decode().splitlines() if not line.startswith("#")]
        return {name.removeprefix("guardproxy_"): float(value) for name, value in lines if float(value)}

    def total(self, metrics: Metrics, name: str, part: str = "") -> float:
        """The sum over all series of a metric whose labels hold `part`."""
        found = self.values(metrics).items()
        return sum(value for series, value in found if series.startswith(name + "{") and part in series)


@pytest.fixture
def samples():
    return Samples()


@pytest.fixture
def logger():
    return Lines()


@pytest.fixture
def metrics():
    return Metrics(LABELS)


@pytest.fixture
def audit(tmp_path: Path):
    log = AuditLog(tmp_path / "decisions.jsonl", "required", note=lambda *_args, **_fields: None)
    yield log
    log.close()


@pytest.fixture
def recorder(metrics, audit, logger):
    return Recorder(metrics, audit, logger, hmac_key=b"k" * 32)
