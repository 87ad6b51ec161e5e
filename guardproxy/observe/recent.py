"""The last outcomes, for the console's "why": rules, places in files, scores, steps. Frozen rows without text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson
from pydantic import TypeAdapter

from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action
from guardproxy.observe.entry import mode
from guardproxy.observe.outcome import Outcome, Timing


@dataclass(frozen=True, slots=True)
class Why:
    """One verdict: which rule, where it is written (`file:line`), what it heard, which step that reached."""

    stage: str
    rule: str
    source: str
    action: str
    mode: str
    hazard: str
    severity: int
    score: float
    threshold: float
    detectors: tuple[str, ...]
    views: tuple[str, ...]
    """Readings that showed it: `plain`, `folded`, `decoded:base64` …"""


@dataclass(frozen=True, slots=True)
class Decided:
    """One stage (and choice): what was decided, and whether it was looked at in full."""

    stage: str
    action: str
    rule: str
    hazard: str
    would_have: str
    checked: str

    @property
    def harder(self) -> bool:
        """True when a shadow rule would have answered harder."""
        return self.would_have != self.action


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange, as the console shows it."""

    decision_id: str
    time: float
    route: str
    surface: str
    stream: bool
    outcome: str
    status: int
    finish_reason: str
    error: str
    policy: str
    policy_hash: str
    stages: tuple[Decided, ...]
    why: tuple[Why, ...]
    failures: tuple[str, ...]
    unchecked: tuple[str, ...]
    seconds: Timing
    detectors: tuple[tuple[str, float], ...]

    @property
    def deciding(self) -> Decided | None:
        """The stage that stands for the exchange, as in headers and counters; the input on a tie."""
        return max(self.stages, key=lambda done: Action[done.action.upper()], default=None)


_ROWS = TypeAdapter(list[Row])


class Recent:
    """A ring of the last `size` exchanges."""

    def __init__(self, size: int = 200) -> None:
        self._ring: deque[Row] = deque(maxlen=size)
        self._untaken = 0

    def add(self, outcome: Outcome) -> None:
        """The newest pushes out the oldest. Only the row stays: an outcome's findings hold the texts looked at."""
        self._ring.append(row(outcome))
        self._untaken += 1

    def take(self) -> bytes:
        """For the ring of another process: what came since it was last taken and is still here, as JSON."""
        taken = self.newest(self._untaken)
        self._untaken = 0
        return orjson.dumps(taken)

    def put(self, taken: Sequence[bytes]) -> None:
        """What other rings gave, the newest last whichever ring it was in."""
        self._ring.extend(sorted((row for raw in taken for row in _ROWS.validate_json(raw)), key=lambda row: row.time))

    def find(self, decision_id: str) -> Row | None:
        """The exchange of this decision, if it is still here."""
        return next((kept for kept in self._ring if kept.decision_id == decision_id), None)

    def newest(self, count: int = 50) -> list[Row]:
        """Newest first."""
        return list(reversed(self._ring))[:count]

    def __len__(self) -> int:
        return len(self._ring)

    def __iter__(self) -> Iterator[Row]:
        return iter(tuple(self._ring))


def row(outcome: Outcome) -> Row:
    """What of an outcome may be kept and shown."""
    return Row(
        decision_id=outcome.decision_id,
        time=outcome.time,
        route=outcome.route,
        surface=outcome.surface,
        stream=outcome.stream,
        outcome=outcome.outcome,
        status=outcome.status,
        finish_reason=outcome.finish_reason,
        error=outcome.error_code,
        policy=str(outcome.policy) if outcome.policy else "",
        policy_hash=outcome.policy.hash if outcome.policy else "",
        stages=tuple(
            Decided(d.stage, d.action.word, d.rule_name, d.hazard, d.would_have.word, checked=outcome.state(d.stage))
            for d in outcome.decisions()
        ),
        why=tuple(_why(d.stage, verdict) for d in outcome.decisions() for verdict in d.verdicts),
        failures=tuple(f"{f.stage}: {f.detector} {f.kind}" for f in outcome.failures),
        unchecked=tuple(f"{stage}: {reason}" for stage, reason in outcome.unchecked),
        seconds=outcome.seconds,
        detectors=outcome.detectors,
    )


def _why(stage: str, verdict: Verdict) -> Why:
    heard = verdict.findings
    return Why(
        stage=stage,
        rule=verdict.rule.id,
        source=str(verdict.rule.source),
        action=verdict.action.word,
        mode=mode(verdict),
        hazard=verdict.hazard,
        severity=verdict.severity,
        score=round(verdict.score, 4),
        threshold=verdict.threshold,
        detectors=tuple(dict.fromkeys(f.detector for f in heard)),
        views=tuple(dict.fromkeys(f.evidence.view for f in heard)),
    )
