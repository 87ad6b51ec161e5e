"""The overview's numbers out of the metrics' own registry."""

import math

import pytest

from guardproxy.console.figures import Pace, figures, quantile
from guardproxy.observe.metrics import Labels, Metrics


@pytest.fixture
def metrics():
    return Metrics(Labels(("default",), ("p",), ("rude", "calm"), (), ("main",)))


def test_nothing_happened_yet(metrics):
    seen = figures(metrics.registry)
    assert (seen.requests, seen.refused, seen.refused_share, seen.unchecked, seen.p95) == (0, 0, None, 0, None)
    assert (seen.outcomes, seen.rules) == ((), ())


def test_sums_over_all_labels(metrics):
    for outcome in ("allow", "allow", "refuse", "error"):
        metrics.count("requests_total", "default", "chat_completions", outcome)
    metrics.count("requests_total", "default", "completions", "refuse")
    metrics.count("rule_hits_total", "rude", "refuse", "enforce")
    metrics.count("rule_hits_total", "calm", "warn", "shadow")
    metrics.count("rule_hits_total", "calm", "warn", "shadow")
    metrics.count("unchecked_total", "output", "overload")
    metrics.observe("added_latency_seconds", 0.003, "chat_completions")
    seen = figures(metrics.registry)
    assert (seen.requests, seen.refused, seen.refused_share, seen.unchecked) == (5, 2, 0.4, 1)
    assert [(h.rule, h.action, h.shadow, h.count) for h in seen.rules] == [
        ("calm", "warn", True, 2),
        ("rude", "refuse", False, 1),
    ]
    assert 0.0025 < seen.p95 <= 0.005


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ([], None),
        ([(1, 0), (math.inf, 0)], None),
        ([(1, 100), (math.inf, 100)], 0.95),
        ([(1, 90), (2, 100), (math.inf, 100)], 1.5),
        ([(1, 10), (math.inf, 100)], math.inf),
    ],
)
def test_the_quantile_is_that_of_prometheus(buckets, expected):
    assert quantile(0.95, buckets) == (None if expected is None else pytest.approx(expected))


def test_a_rate_needs_two_looks():
    pace = Pace()
    assert pace.rate(0, 100) is None
    assert pace.rate(10, 150) == 5
    assert pace.rate(65, 205) == 1  # the look at 0 is older than a minute
