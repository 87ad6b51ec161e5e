"""An outcome → one entry of the decision log. Ids, scores, offsets and keyed digests; no text, no word, no pattern."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from guardproxy.core.conversation import Stage
from guardproxy.core.decide import Decision
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action
from guardproxy.core.sighting import Sighting
from guardproxy.observe.outcome import Looked, Outcome

MOST_SPANS = 20
MOST_DIGESTS = 64
"""Texts of one request that get a digest: a body may hold 100,000 strings, and a record must stay small."""


def entry(outcome: Outcome, hmac_key: bytes) -> dict[str, Any]:
    """The record without the members that the log adds (`seq`, `len`, `crc`, `prev`, `hash`)."""
    ref = outcome.policy
    return {
        "v": 1,
        "time": posix_text(outcome.time),
        "decision_id": outcome.decision_id,
        "trace_id": outcome.trace_id or None,
        "tenant": outcome.tenant,
        "key": outcome.key or None,
        "route": outcome.route,
        "surface": outcome.surface,
        "stream": outcome.stream,
        "upstream": outcome.upstream,
        "model": outcome.model,
        "policy": ref.name if ref else None,
        "revision": ref.revision if ref else None,
        "policy_hash": ref.hash if ref else None,
        "versions": dict(outcome.versions),
        "input_only": list(outcome.input_only),
        "stages": list(_stages(outcome)),
        "would_have": [w for d in outcome.decisions() if (w := _would_have(d))],
        "failures": [{"stage": f.stage, "detector": f.detector, "kind": str(f.kind)} for f in outcome.failures],
        "unchecked": [{"stage": stage, "reason": reason} for stage, reason in outcome.unchecked],
        "language": {"tag": outcome.language or None, "covered": outcome.language_covered},
        "tightened": list(outcome.tightened),
        "session": _session(outcome),
        "outcome": outcome.outcome,
        "status": outcome.status,
        "finish_reason": outcome.finish_reason or None,
        "error": outcome.error_code or None,
        "attempts": outcome.attempts,
        "tokens": outcome.tokens,
        "statement": _statement(outcome),
        "ai_notice": outcome.ai_notice,
        "message": {"key": outcome.message_key} if outcome.message_key else None,
        "timing": _timing(outcome),
        "text_hmac": [keyed(hmac_key, digest) for digest in outcome.digests[:MOST_DIGESTS]],
        "texts": len(outcome.digests),
        "subject": subject_key(hmac_key, outcome.subject) if outcome.subject else None,
    }


def beginning(outcome: Outcome, hmac_key: bytes) -> dict[str, Any]:
    """What is known of a stream when its headers leave: for the record of one that a crash cuts off."""
    ref = outcome.policy
    return {
        "time": posix_text(outcome.time),
        "tenant": outcome.tenant,
        "route": outcome.route,
        "surface": outcome.surface,
        "policy": ref.name if ref else None,
        "revision": ref.revision if ref else None,
        "policy_hash": ref.hash if ref else None,
        "input": outcome.input.action.word if outcome.input else None,
        "subject": subject_key(hmac_key, outcome.subject) if outcome.subject else None,
    }


def keyed(key: bytes, digest: str) -> str:
    """HMAC-SHA-256 over the hex SHA-256 of a text, cut to 128 bits: equality for who has the key, nothing without."""
    return "h1:" + hmac.new(key, digest.encode("ascii"), "sha256").hexdigest()[:32]


def subject_key(key: bytes, subject: str) -> str:
    """How the log calls an end user: for erasure on request by whoever has the key, a random word to all others."""
    return "hmac:" + hmac.new(key, b"subject\n" + subject.encode("ascii"), "sha256").hexdigest()[:32]


def posix_text(seconds: float) -> str:
    """POSIX seconds as RFC 3339 in UTC, milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _session(outcome: Outcome) -> dict[str, Any] | None:
    note = outcome.session
    if note is None:
        return None
    levels = {leaf: round(total, 4) for leaf, total in note.levels}
    return {"source": note.source, "s": levels, "step": note.step, "paused": list(note.paused)}


def _stages(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """One object a decision; a stage that decided nothing but failed still says so."""
    looked = {seen.stage: seen for seen in outcome.looked}
    if outcome.input is not None:
        yield _stage(outcome, outcome.input, looked)
    elif outcome.state(Stage.INPUT) != "not_run":
        yield {"stage": "input", "action": None, "checked": outcome.state(Stage.INPUT)}
    for choice, decision in enumerate(outcome.outputs):
        yield {"choice": choice, **_stage(outcome, decision, looked)}
    if not outcome.outputs and outcome.state(Stage.OUTPUT) != "not_run":
        yield {"stage": "output", "action": None, "checked": outcome.state(Stage.OUTPUT)}


def _stage(outcome: Outcome, decision: Decision, looked: dict[str, Looked]) -> dict[str, Any]:
    seen = looked.get(decision.stage, Looked(decision.stage))
    because = decision.because
    return {
        "stage": str(decision.stage),
        "action": decision.action.word,
        "rule": decision.rule_name or None,
        "mode": mode(because) if because else None,
        "hazards": list(decision.hazards),
        "severity": because.severity if because else None,
        "checked": outcome.state(decision.stage),
        "windows": seen.windows,
        "chars": seen.chars,
        "truncated": False,
        "scores": _scores(outcome, decision),
        "verdicts": [_verdict(verdict) for verdict in decision.verdicts],
        "seen": list(_seen(decision.seen.kept)),
        "left_out": decision.seen.left_out,
    }


def _scores(outcome: Outcome, decision: Decision) -> dict[str, dict[str, float]]:
    """The highest score of each detector and hazard, four digits."""
    best: dict[str, dict[str, float]] = {}
    heard = [(f.detector, f.hazard, f.score) for v in decision.verdicts for f in v.findings]
    seen = [(s.detector, s.hazard, s.score) for s in outcome.scores if s.stage == decision.stage]
    for detector, hazard, score in (*heard, *seen):
        of_detector = best.setdefault(detector, {})
        of_detector[hazard] = max(round(score, 4), of_detector.get(hazard, 0.0))
    return best


def _verdict(verdict: Verdict) -> dict[str, Any]:
    """Spans are half-open offsets, relative to the text looked at."""
    spans = sorted({(f.span.start, f.span.end) for f in verdict.findings if f.span is not None})
    return {
        "rule": verdict.rule.id,
        "action": verdict.action.word,
        "mode": mode(verdict),
        "hazard": verdict.hazard,
        "severity": verdict.severity,
        "score": round(verdict.score, 4),
        "threshold": verdict.threshold,
        "spans": [list(span) for span in spans[:MOST_SPANS]],
    }


def _seen(kept: Sequence[Sighting]) -> Iterator[dict[str, Any]]:
    """What `replay` decides from, in order: exact scores, for a rounded one may pass a threshold.

    Neighbours that differ in hazard and score only stand together; what is usual is left out.
    """
    for _, group in groupby(kept, key=_beside_hazard_and_score):
        neighbours = list(group)
        alike = neighbours[0]
        told: dict[str, Any] = {
            "detector": alike.detector,
            "scope": str(alike.scope),
            "found": [[sighting.hazard, sighting.score] for sighting in neighbours],
        }
        usual: dict[str, Any] = {
            "rule": (alike.rule, None),
            "at": (alike.place, 0),
            "span": ([alike.span.start, alike.span.end] if alike.span else None, None),
            "replaceable": (alike.replaceable, alike.span is not None),
            "excused": (list(alike.excused), []),
            "view": (alike.view, "window" if alike.span is None else "plain"),
        }
        yield told | {name: value for name, (value, default) in usual.items() if value != default}


def _beside_hazard_and_score(sighting: Sighting) -> tuple[object, ...]:
    s = sighting
    return s.detector, s.scope, s.rule, s.place, s.span, s.replaceable, s.excused, s.view


def _would_have(decision: Decision) -> dict[str, Any] | None:
    """What shadow rules would have done, when that is more than what was done."""
    shadow = [v for v in decision.verdicts if not v.enforced and v.action > decision.action]
    if not shadow:
        return None
    worst = max(shadow, key=lambda v: (v.action, v.severity, -v.order))
    ref = str(decision.policy)
    return {"policy": ref, "stage": str(decision.stage), "action": worst.action.word, "rule": worst.rule.id}


def mode(verdict: Verdict) -> str:
    """The metric label `mode`."""
    return "enforce" if verdict.enforced else "shadow"


_DECIDED = frozenset({"client_abort", *(action.word for action in Action)})
_RESTRICTIONS = {Action.WARN: "notice", Action.REDACT: "span_removed", Action.REGENERATE: "answer_replaced"}


def _statement(outcome: Outcome) -> dict[str, Any]:
    """What was restricted and on what ground (alignment.md 7.1)."""
    decision = outcome.deciding
    faulty = outcome.outcome not in _DECIDED
    if decision is None or faulty:
        restriction = "fault" if faulty else "none"
        return {"restriction": restriction, "ground": None, "rationale": None, "automated_decision": True}
    restriction = _RESTRICTIONS.get(decision.action, "none")
    if decision.action is Action.REFUSE:
        restriction = "input_refused" if decision.stage is Stage.INPUT else "answer_withheld"
    ground = None if restriction == "none" else "policy_rule" if decision.because else "unscannable"
    return {
        "restriction": restriction,
        "ground": ground,
        "rationale": (decision.hazard or None) if ground else None,
        "automated_decision": True,
    }


def _timing(outcome: Outcome) -> dict[str, Any]:
    """Milliseconds."""
    spent: dict[str, float] = {}
    for detector, seconds in outcome.detectors:
        spent[detector] = spent.get(detector, 0.0) + seconds
    took = outcome.seconds
    return {
        "total": _ms(took.total),
        "upstream": _ms(took.upstream),
        "added": _ms(took.added),
        "held": _ms(took.held),
        "ttft": None if took.ttft is None else _ms(took.ttft),
        "detectors": {name: _ms(seconds) for name, seconds in spent.items()},
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
