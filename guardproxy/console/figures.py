"""The numbers of the overview, read from the metrics that Prometheus reads: nothing is counted a second time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

PREFIX = "guardproxy_"
READ = (
    "requests_total",
    "rule_hits_total",
    "unchecked_total",
    "truncated_total",
    "check_errors_total",
    "audit_dropped_total",
    "added_latency_seconds_bucket",
)
SHARE = 0.95
WINDOW_S = 60.0
MOST_RULES = 12


@dataclass(frozen=True, slots=True)
class Hits:
    """How often a rule reached an action; `shadow`: it would have."""

    rule: str
    action: str
    shadow: bool
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Since the start of the process. `p95`: seconds, None before the first request, infinite past the last bucket."""

    outcomes: tuple[tuple[str, int], ...]
    rules: tuple[Hits, ...]
    unchecked: int
    truncated: int
    check_errors: int
    audit_dropped: int
    p95: float | None

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(count for _, count in self.outcomes)

    @property
    def refused(self) -> int:
        """Refused by a policy; faults are counted apart."""
        return dict(self.outcomes).get("refuse", 0)

    @property
    def refused_share(self) -> float | None:
        """Of all requests; None before the first."""
        return self.refused / self.requests if self.requests else None


def figures(registry: CollectorRegistry) -> Figures:
    """Sums over all labels. CPU work: call it in a thread."""
    outcomes: Counter[str] = Counter()
    hits: Counter[tuple[str, str, bool]] = Counter()
    sums: Counter[str] = Counter()
    buckets: Counter[float] = Counter()
    for metric in registry.restricted_registry([PREFIX + name for name in READ]).collect():
        for sample in metric.samples:
            name, labels, count = sample.name.removeprefix(PREFIX), sample.labels, int(sample.value)
            if name == "requests_total":
                outcomes[labels["outcome"]] += count
            elif name == "rule_hits_total":
                hits[labels["rule"], labels["action"], labels["mode"] == "shadow"] += count
            elif name == "added_latency_seconds_bucket":
                buckets[float(labels["le"])] += count
            else:
                sums[name] += count
    return Figures(
        outcomes=tuple((word, count) for word, count in outcomes.most_common() if count),
        rules=tuple(Hits(*key, count) for key, count in hits.most_common(MOST_RULES) if count),
        unchecked=sums["unchecked_total"],
        truncated=sums["truncated_total"],
        check_errors=sums["check_errors_total"],
        audit_dropped=sums["audit_dropped_total"],
        p95=quantile(SHARE, buckets.items()),
    )


def quantile(share: float, buckets: Iterable[tuple[float, int]]) -> float | None:
    """Prometheus' `histogram_quantile`: cumulative counts by upper bound, linear inside a bucket."""
    ordered = sorted(buckets)
    total = ordered[-1][1] if ordered else 0
    if not total:
        return None
    wanted, below, start = share * total, 0, 0.0
    for bound, count in ordered:
        if count >= wanted:
            return bound if bound == float("inf") else start + (bound - start) * (wanted - below) / (count - below)
        below, start = count, bound
    raise AssertionError("the last bucket holds all; this is a bug")


class Pace:
    """Requests a second over the last minute, from the totals seen whenever somebody looked."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def rate(self, now: float, total: int) -> float | None:
        """None at the first look: one total says nothing of a rate."""
        while self._seen and self._seen[0][0] < now - WINDOW_S:
            self._seen.popleft()
        self._seen.append((now, total))
        then, before = self._seen[0]
        return (total - before) / (now - then) if now > then else None
