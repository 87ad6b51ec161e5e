"""Every metric, its labels and its buckets, in one file.

Label sets are closed: values come from settings, policies and code; anything else becomes `other`. Every allowed
combination exists from the start, at 0, so that the first event is an increase. Children are looked up once and kept.
`python -m guardproxy.observe.metrics` prints this table as `docs/metrics.md`.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from guardproxy import __version__
from guardproxy.core.hazards import TOP_LEVEL, family_of
from guardproxy.core.rules import Action, PolicyRef

OTHER = "other"
CHECKS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
WAITS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
SCORES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1)
ACTIONS = tuple(action.word for action in Action)
MOST_TENANTS = 20
"""Tenants that have series of their own, five each; those named later in the settings are counted as `other`."""
RETIRED = 16
"""Retired policy revisions that stay visible, at 0. More would grow with every reload."""

disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Label:
    """A label. `values` empty: they come from settings and policies (`Labels`), or, for `free`, from our own call."""

    name: str
    values: tuple[str, ...] = ()
    free: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `name` is without prefix; a counter's ends in `_total`; buckets make it a histogram.

    `beside`: its series exist from the moment there is a candidate policy, not from the start.
    """

    name: str
    text: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    beside: bool = False

    @property
    def kind(self) -> str:
        """`counter`, `gauge` or `histogram`."""
        if self.buckets:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"

    @property
    def free(self) -> bool:
        """True when the label values are not known before the event (a policy's hash)."""
        return any(label.free for label in self.labels)


ROUTE, SURFACE, POLICY, RULE = Label("route"), Label("surface"), Label("policy"), Label("rule")
STREAMED = Label("surface", ("chat_completions", "completions", "messages", "responses"))
"""The surfaces that stream; the others would only add series that stay at 0."""
DETECTOR, UPSTREAM, TENANT = Label("detector"), Label("upstream"), Label("tenant")
STAGE = Label("stage", ("input", "output"))
ACTION = Label("action", ACTIONS)
HIT = Label("action", ACTIONS[1:])
MODE = Label("mode", ("enforce", "shadow"))
HAZARD = Label("hazard", TOP_LEVEL)
OUTCOME = Label("outcome", (*ACTIONS, "error", "overload", "bad_request", "unauthorized", "client_abort"))
APPEAL = Label("outcome", ("received", "upheld", "overturned", "expired"))
CHECK_ERROR = Label("kind", ("timeout", "exception", "invalid_result", "overloaded", "unavailable"))
CALL = Label("kind", ("unary", "stream"))
UPSTREAM_ERROR = Label(
    "kind", ("unreachable", "timeout", "idle", "reset", "protocol", "status_4xx", "status_5xx", "auth")
)
UNCHECKED = Label("reason", ("detector_timeout", "detector_error", "overload", "unscannable", "disabled"))
DROPPED = Label("reason", ("disk_full", "io_error", "queue_full"))
QUEUE = Label("queue", ("batch", "audit", "admission", "candidate"))
CHANGE = Label("change", ("tighter", "looser"))
UNCOMPARED = Label("reason", ("queue_full", "no_policy", "detector", "error"))
FRONT = Label(
    "code",
    (
        "invalid_http",
        "invalid_host",
        "target_too_long",
        "headers_too_large",
        "method_not_allowed",
        "expectation_failed",
        "request_timeout",
        "overloaded",
    ),
)
CACHE = Label("result", ("hit", "miss"))
LIMIT = Label("limit", ("requests", "tokens", "concurrent"))
STATE_ERROR = Label("kind", ("timeout", "error"))
RESULT = Label("result", ("answered", "refused", "limited", "failed"))
REF = (Label("policy", free=True), Label("revision", free=True), Label("hash", free=True))

FAMILIES = (
    Family("requests_total", "Requests by final outcome.", (ROUTE, SURFACE, OUTCOME)),
    Family("tenant_requests_total", "Requests by tenant; of those without a valid key none.", (TENANT, RESULT)),
    Family("tenant_tokens_total", "Tokens that the upstream has read and written.", (TENANT,)),
    Family("limited_total", "Requests turned away by a limit of their tenant or key.", (LIMIT,)),
    Family("keys_load_failed", "1 while the key file on disk is refused and the last good one is in force."),
    Family("state_shared", "1 while sessions and limits are shared through Redis, 0 while each replica has its own."),
    Family("state_errors_total", "Calls of Redis that failed; answered from this process.", (STATE_ERROR,)),
    Family("decisions_total", "Stages decided; a request has 0 to 2.", (STAGE, ACTION, POLICY)),
    Family("rule_hits_total", "Rules that matched; shadow: would have acted.", (RULE, HIT, MODE)),
    Family("refusals_total", "Refused requests, by the deciding rule's hazard.", (STAGE, HAZARD, POLICY)),
    Family("unchecked_total", "Text that left although a check did not run; must stay 0.", (STAGE, UNCHECKED)),
    Family("truncated_total", "Text cut before a detector saw all of it; must stay 0.", (STAGE,)),
    Family("check_duration_seconds", "Queue and run time of one inspection.", (DETECTOR,), CHECKS),
    Family("check_errors_total", "Inspections that could not look.", (DETECTOR, CHECK_ERROR)),
    Family("added_latency_seconds", "Wall time minus time waiting for the upstream.", (SURFACE,), CHECKS),
    Family("time_to_first_token_seconds", "Request end to first text released.", (STREAMED,), WAITS),
    Family("stream_held_seconds", "Longest time any text of a stream was held back.", (STREAMED,), CHECKS),
    Family("upstream_request_seconds", "Time waiting for the upstream.", (UPSTREAM, CALL), WAITS),
    Family("upstream_errors_total", "Faults of the upstream.", (UPSTREAM, UPSTREAM_ERROR)),
    Family("appeals_total", "Appeals; upheld = the refusal stands.", (APPEAL,)),
    Family("candidate_decisions_total", "As the candidate would decide.", (STAGE, ACTION, POLICY), beside=True),
    Family("candidate_changes_total", "Of those, what it would change.", (STAGE, CHANGE), beside=True),
    Family("candidate_dropped_total", "Exchanges that the candidate did not judge.", (UNCOMPARED,), beside=True),
    Family("policy_info", "1 for the policy in force, 0 for a retired one.", REF),
    Family("policy_load_failed", "1 while the file on disk is refused; labels name the policy in force.", REF),
    Family("policy_loaded_timestamp_seconds", "When it came into force (POSIX).", REF),
    Family("front_refusals_total", "Requests turned away for their HTTP, by error code; no exchange began.", (FRONT,)),
    Family("inflight", "Exchanges that run.", (SURFACE,)),
    Family("queue_depth", "Work that waits.", (QUEUE,)),
    Family("event_loop_lag_seconds", "How late the event loop is, while exchanges run."),
    Family("audit_dropped_total", "Decisions not durably recorded.", (DROPPED,)),
    Family("score", "Calibrated scores of model detectors, for drift.", (DETECTOR, HAZARD), SCORES),
    Family("verdict_cache_total", "Lookups in the verdict cache.", (CACHE,)),
    Family("build_info", "1; the version that runs.", (Label("version", free=True),)),
)


@dataclass(frozen=True, slots=True)
class Labels:
    """The closed sets. A reload adds to them (`Metrics.admit`); nothing is taken away while the process lives.

    `scores`: the (detector, hazard) pairs that model detectors really report.
    """

    routes: tuple[str, ...]
    policies: tuple[str, ...]
    rules: tuple[str, ...]
    detectors: tuple[str, ...]
    upstreams: tuple[str, ...]
    tenants: tuple[str, ...] = ("default",)
    surfaces: tuple[str, ...] = (
        "chat_completions",
        "completions",
        "messages",
        "responses",
        "embeddings",
        "moderations",
        "guard_check",
        "text_contents",
    )
    scores: tuple[tuple[str, str], ...] = ()

    def by_label(self) -> dict[str, tuple[str, ...]]:
        """The values by label name. The bench also reports on the instant tier as a whole and on rules' own texts."""
        return {
            "route": self.routes,
            "surface": self.surfaces,
            "policy": self.policies,
            "rule": self.rules,
            "detector": (*self.detectors, "instant", "words", "pattern"),
            "upstream": self.upstreams,
            "tenant": self.tenants[:MOST_TENANTS],
        }


class Metrics:
    """All series of one process, in the registry passed in."""

    def __init__(self, labels: Labels, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._known: dict[str, dict[str, None]] = {}
        self._scores: set[tuple[str, str]] = set()
        self._families = {family.name: family for family in FAMILIES}
        self._made = {family.name: _declare(family, self.registry) for family in FAMILIES}
        self._children: dict[tuple[str, tuple[str, ...]], Counter | Gauge | Histogram] = {}
        self._beside = False
        self._in_force: tuple[PolicyRef, ...] = ()
        self._retired: deque[PolicyRef] = deque()
        self.admit(labels)
        self.gauge("build_info", 1, __version__)

    def admit(self, labels: Labels) -> None:
        """Adds label values (at start, and when a reload brings policies and rules) and creates their series at 0."""
        for label, values in labels.by_label().items():
            self._known.setdefault(label, {}).update(dict.fromkeys(values))
        self._scores.update((detector, family_of(hazard)) for detector, hazard in labels.scores)
        for family in FAMILIES:
            for values in self._allowed(family):
                self._child(family.name, values)

    def admit_candidate(self, labels: Labels) -> None:
        """The same for the policies and rules of a candidate, whose metrics begin now."""
        self._beside = True
        self.admit(labels)

    def _allowed(self, family: Family) -> Iterator[tuple[str, ...]]:
        if family.free or (family.beside and not self._beside):
            return iter(())
        if family.name == "score":
            return iter(sorted(self._scores))
        return product(*(label.values or (*self._known[label.name], OTHER) for label in family.labels))

    def policies_in_force(self, refs: Sequence[PolicyRef], at: float) -> None:
        """Marks these as the policies in force since `at` (POSIX seconds), all others as retired (0)."""
        for old in self._in_force:
            if old not in refs:
                self.gauge("policy_info", 0, *_named(old))
                self._retired.append(old)
            self.gauge("policy_load_failed", 0, *_named(old))
        self.admit(Labels((), tuple(ref.name for ref in refs), (), (), (), ()))
        for ref in refs:
            if ref not in self._in_force:
                self.gauge("policy_loaded_timestamp_seconds", at, *_named(ref))
            self.gauge("policy_info", 1, *_named(ref))
            self.gauge("policy_load_failed", 0, *_named(ref))
        self._in_force = tuple(refs)
        self._retired = deque(dict.fromkeys(old for old in self._retired if old not in refs))
        while len(self._retired) > RETIRED:
            self._forget(self._retired.popleft())

    def policy_load_failed(self) -> None:
        """A reload was refused: 1 for every policy that stays in force."""
        for ref in self._in_force:
            self.gauge("policy_load_failed", 1, *_named(ref))

    def count(self, name: str, *values: str, by: float = 1) -> None:
        """One more, or some; the labels in the order of `FAMILIES`."""
        child = self._child(name, values)
        if not isinstance(child, Counter):
            raise TypeError(f"{name} is not a counter; this is a bug")
        child.inc(by)

    def observe(self, name: str, value: float, *values: str, decision_id: str = "") -> None:
        """One observation; a decision id becomes the exemplar, which only OpenMetrics shows."""
        child = self._child(name, values)
        if not isinstance(child, Histogram):
            raise TypeError(f"{name} is not a histogram; this is a bug")
        child.observe(value, {"decision_id": decision_id} if decision_id else None)

    def score(self, detector: str, hazard: str, score: float) -> None:
        """One calibrated score; pairs that no model detector announced are left out."""
        pair = (detector, family_of(hazard))
        if pair in self._scores:
            self.observe("score", score, *pair)

    def gauge(self, name: str, value: float, *values: str) -> None:
        """The value now."""
        self._gauge(name, values).set(value)

    def watch(self, name: str, read: Callable[[], float], *values: str) -> None:
        """A gauge that is read when somebody scrapes; `read` runs in the scraping thread."""
        self._gauge(name, values).set_function(read)

    def render(self, accept: str | None) -> tuple[bytes, str]:
        """The page and its content type (OpenMetrics when asked for). CPU work: call it in a thread."""
        encode, kind = choose_encoder(accept or "")
        return encode(self.registry), kind

    def _gauge(self, name: str, values: tuple[str, ...]) -> Gauge:
        child = self._child(name, values)
        if not isinstance(child, Gauge):
            raise TypeError(f"{name} is not a gauge; this is a bug")
        return child

    def _child(self, name: str, values: tuple[str, ...]) -> Counter | Gauge | Histogram:
        child = self._children.get((name, values))
        if child is None:
            tamed = tuple(self._tame(label, v) for label, v in zip(self._families[name].labels, values, strict=True))
            made = self._made[name]
            child = made.labels(*tamed) if tamed else made
            if tamed == values:  # an unknown value must not grow the cache
                self._children[name, values] = child
        return child

    def _tame(self, label: Label, value: str) -> str:
        if label.free:
            return value
        word = family_of(value) if label is HAZARD else value
        return word if word in (label.values or self._known[label.name]) else OTHER

    def _forget(self, ref: PolicyRef) -> None:
        for name in ("policy_info", "policy_load_failed", "policy_loaded_timestamp_seconds"):
            self._made[name].remove(*_named(ref))
            self._children.pop((name, _named(ref)), None)


def _declare(family: Family, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, names = f"guardproxy_{family.name}", [label.name for label in family.labels]
    if family.kind == "histogram":
        return Histogram(name, family.text, names, registry=registry, buckets=family.buckets)
    made = Counter if family.kind == "counter" else Gauge
    return made(name, family.text, names, registry=registry)


def _named(ref: PolicyRef) -> tuple[str, ...]:
    return (ref.name, str(ref.revision), ref.hash)


def markdown() -> str:
    """`docs/metrics.md`."""
    lines = [
        "# Metrics",
        "",
        "Made by `python -m guardproxy.observe.metrics > docs/metrics.md`; a test compares. Times in seconds.",
        "Values not listed come from settings and policies; an unknown one becomes `other`. All series start at 0;",
        "those of `candidate_…` begin with the first candidate policy.",
        "",
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for family in FAMILIES:
        labels = ", ".join(f"`{label.name}`" for label in family.labels)
        lines.append(f"| `guardproxy_{family.name}` | {family.kind} | {labels} | {family.text} |")
    lines += ["", "| label | of | values |", "|---|---|---|"]
    for label in dict.fromkeys(label for family in FAMILIES for label in family.labels if label.values):
        users = ", ".join(f"`{family.name}`" for family in FAMILIES if label in family.labels)
        lines.append(f"| `{label.name}` | {users} | {', '.join(label.values)} |")
    lines += ["", "| histograms | buckets |", "|---|---|"]
    for buckets in dict.fromkeys(family.buckets for family in FAMILIES if family.buckets):
        users = ", ".join(f"`{family.name}`" for family in FAMILIES if family.buckets == buckets)
        lines.append(f"| {users} | {', '.join(f'{bound:g}' for bound in buckets)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
