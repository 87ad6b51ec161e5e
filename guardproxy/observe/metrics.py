"""Every metric, its labels and its buckets, in one file.

Label sets are closed: values come from settings and policies, anything else becomes `other`. Series exist from the
start, at 0, so that the first event is an increase. Children are looked up once and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from guardproxy.core.hazards import TOP_LEVEL, family_of
from guardproxy.core.rules import Action, PolicyRef

SURFACE = "chat_completions"
OUTCOMES = (
    "allow",
    "log",
    "warn",
    "redact",
    "regenerate",
    "refuse",
    "error",
    "overload",
    "bad_request",
    "unauthorized",
    "client_abort",
)
STAGES = ("input", "output")
UNCHECKED = ("detector_timeout", "detector_error", "overload", "unscannable", "disabled")
CHECK_ERRORS = ("timeout", "exception", "invalid_result", "overloaded", "unavailable")
UPSTREAM_ERRORS = ("unreachable", "timeout", "idle", "reset", "protocol", "status_4xx", "status_5xx", "auth")
APPEALS = ("received", "upheld", "overturned", "expired")
DROPPED = ("disk_full", "io_error", "queue_full")
CHECKS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
WAITS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)

disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Labels:
    """The closed sets. A reload may add policies and rules; retired ones stay, their `policy_info` at 0."""

    routes: tuple[str, ...]
    policies: tuple[str, ...]
    rules: tuple[str, ...]
    detectors: tuple[str, ...]
    upstreams: tuple[str, ...]


class Metrics:
    """All series of one process, in a registry of its own."""

    def __init__(self, labels: Labels) -> None:
        self.registry = CollectorRegistry()
        self._known: dict[str, set[str]] = {
            "route": set(labels.routes),
            "policy": set(labels.policies),
            "rule": set(labels.rules),
            "detector": {*labels.detectors, "instant", "words", "pattern"},
            "upstream": set(labels.upstreams),
        }
        self._in_force: dict[str, PolicyRef] = {}
        self._children: dict[tuple[str, tuple[str, ...]], Counter | Gauge | Histogram] = {}
        self._families = self._declared()
        self._create()

    def _declared(self) -> dict[str, Counter | Gauge | Histogram]:
        made: dict[str, Counter | Gauge | Histogram] = {}

        def counter(name: str, text: str, *names: str) -> None:
            made[name] = Counter(f"guardproxy_{name}", text, names, registry=self.registry)

        def gauge(name: str, text: str, *names: str) -> None:
            made[name] = Gauge(f"guardproxy_{name}", text, names, registry=self.registry)

        def histogram(name: str, text: str, buckets: Sequence[float], *names: str) -> None:
            made[name] = Histogram(f"guardproxy_{name}", text, names, registry=self.registry, buckets=buckets)

        counter("requests_total", "Requests by final outcome", "route", "surface", "outcome")
        counter("decisions_total", "Stages decided", "stage", "action", "policy")
        counter("rule_hits_total", "Rules that matched; shadow: would have acted", "rule", "action", "mode")
        counter("refusals_total", "Refusals by the deciding hazard's family", "stage", "hazard", "policy")
        counter("unchecked_total", "Text that left although a check did not run; must stay 0", "stage", "reason")
        counter("truncated_total", "Text cut before a detector saw all of it; must stay 0", "stage")
        histogram("check_duration_seconds", "Time of one inspection", CHECKS, "detector")
        counter("check_errors_total", "Detectors that could not look", "detector", "kind")
        histogram("added_latency_seconds", "Our own share of the time", CHECKS, "surface")
        histogram("time_to_first_token_seconds", "Request end to first text released", WAITS, "surface")
        histogram("stream_held_seconds", "Longest time text was held back", CHECKS, "surface")
        histogram("upstream_request_seconds", "Time waiting for the model server", WAITS, "upstream", "kind")
        counter("upstream_errors_total", "Faults of the model server", "upstream", "kind")
        counter("appeals_total", "Appeals", "outcome")
        gauge("policy_info", "1 for the policy in force", "policy", "revision", "hash")
        gauge("policy_load_failed", "1 while the files on disk are refused", "policy", "revision", "hash")
        gauge("policy_loaded_timestamp_seconds", "When it came into force", "policy", "revision", "hash")
        gauge("inflight", "Exchanges running", "surface")
        gauge("queue_depth", "Waiting work", "queue")
        counter("audit_dropped_total", "Decisions not durably recorded", "reason")
        return made

    def _create(self) -> None:
        """Every allowed combination, at 0."""
        known = {name: sorted(values) for name, values in self._known.items()}
        fixed: tuple[tuple[str, tuple[Sequence[str], ...]], ...] = (
            ("requests_total", (known["route"], (SURFACE,), OUTCOMES)),
            ("truncated_total", (STAGES,)),
            ("unchecked_total", (STAGES, UNCHECKED)),
            ("check_duration_seconds", (known["detector"],)),
            ("check_errors_total", (known["detector"], CHECK_ERRORS)),
            ("added_latency_seconds", ((SURFACE,),)),
            ("time_to_first_token_seconds", ((SURFACE,),)),
            ("stream_held_seconds", ((SURFACE,),)),
            ("inflight", ((SURFACE,),)),
            ("upstream_request_seconds", (known["upstream"], ("unary", "stream"))),
            ("upstream_errors_total", (known["upstream"], UPSTREAM_ERRORS)),
            ("appeals_total", (APPEALS,)),
            ("queue_depth", (("audit", "admission"),)),
            ("audit_dropped_total", (DROPPED,)),
        )
        for name, sets in fixed:
            for values in product(*sets):
                self._child(name, *values)
        for policy in known["policy"]:
            self.add_policy(policy)
        for rule in known["rule"]:
            self.add_rule(rule)

    def add_policy(self, name: str) -> None:
        """Series of a policy that came with a reload."""
        self._known["policy"].add(name)
        for stage in STAGES:
            for action in Action:
                self._child("decisions_total", stage, action.word, name)
            for hazard in TOP_LEVEL:
                self._child("refusals_total", stage, hazard, name)

    def add_rule(self, rule: str) -> None:
        """Series of a rule: what it does most is enough; further ones appear when they happen."""
        self._known["rule"].add(rule)
        for mode in ("enforce", "shadow"):
            self._child("rule_hits_total", rule, "refuse", mode)

    def policies_in_force(self, refs: Sequence[PolicyRef], at: float) -> None:
        """Marks these as the policies in force since `at` (POSIX seconds); all others as retired."""
        for old in self._in_force.values():
            self._set("policy_info", 0, old.name, str(old.revision), old.hash)
            self._set("policy_load_failed", 0, old.name, str(old.revision), old.hash)
        self._in_force = {ref.name: ref for ref in refs}
        for ref in refs:
            if ref.name not in self._known["policy"]:
                self.add_policy(ref.name)
            self._set("policy_info", 1, ref.name, str(ref.revision), ref.hash)
            self._set("policy_load_failed", 0, ref.name, str(ref.revision), ref.hash)
            self._set("policy_loaded_timestamp_seconds", at, ref.name, str(ref.revision), ref.hash)

    def policy_load_failed(self) -> None:
        """A reload was refused: 1 for every policy that stays in force."""
        for ref in self._in_force.values():
            self._set("policy_load_failed", 1, ref.name, str(ref.revision), ref.hash)

    def count(self, name: str, *values: str) -> None:
        """One more; the labels in the order of the declaration."""
        child = self._child(name, *values)
        if isinstance(child, Counter | Gauge):
            child.inc()

    def observe(self, name: str, seconds: float, *values: str) -> None:
        """One duration."""
        child = self._child(name, *values)
        if isinstance(child, Histogram):
            child.observe(seconds)

    def gauge(self, name: str, value: float, *values: str) -> None:
        """The value now."""
        self._set(name, value, *values)

    def render(self, accept: str | None) -> tuple[bytes, str]:
        """The page, in the format asked for. 2,000 series block for 46 ms: call it in a thread."""
        encode, kind = choose_encoder(accept or "")
        return encode(self.registry), kind

    def _set(self, name: str, value: float, *values: str) -> None:
        child = self._child(name, *values)
        if isinstance(child, Gauge):
            child.set(value)

    def _child(self, name: str, *values: str) -> Counter | Gauge | Histogram:
        key = (name, values)
        child = self._children.get(key)
        if child is None:
            family = self._families[name]
            tamed = [self._tame(label, value) for label, value in zip(family._labelnames, values, strict=True)]  # noqa: SLF001
            child = family.labels(*tamed) if tamed else family
            if tuple(tamed) == values:  # an unknown value must not grow the cache
                self._children[key] = child
        return child

    def _tame(self, label: str, value: str) -> str:
        if label == "hazard":
            family = family_of(value)
            return family if family in TOP_LEVEL else "other"
        known = self._known.get(label)
        return value if known is None or value in known else "other"
