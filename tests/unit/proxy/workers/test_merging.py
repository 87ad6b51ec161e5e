from __future__ import annotations

from itertools import count, pairwise

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from guardproxy.console.figures import figures
from guardproxy.core.rules import PolicyRef
from guardproxy.observe.metrics import FAMILIES, Labels, Metrics
from guardproxy.proxy.workers.merging import GAUGES, MergedRegistry, snapshot

LABELS = Labels(("chat",), ("sample",), ("finch",), ("embedded",), ("main",))
OPEN_METRICS = "application/openmetrics-text"


@pytest.fixture
def parent():
    """Its metrics, rendered from the merged registry, and those of two workers."""
    made = Metrics(LABELS)
    made.registry = MergedRegistry(made.registry, 2)
    return made


@pytest.fixture
def workers():
    return [Metrics(LABELS) for _ in range(2)]


def tell(parent, workers):
    for number, one in enumerate(workers, 1):
        parent.registry.put(number, snapshot(one.registry))


def value(metrics, name, **labels):
    page = metrics.render(None)[0].decode()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == f"guardproxy_{name}" and sample.labels == labels:
                return sample.value
    return None


def test_every_gauge_says_how_several_are_one():
    assert set(GAUGES) == {family.name for family in FAMILIES if family.kind == "gauge"}


def test_counters_and_histograms_are_added_up(parent, workers):
    for n, one in enumerate(workers, 1):
        one.count("requests_total", "chat", "messages", "refuse", by=n)
        for _ in range(n):
            one.observe("added_latency_seconds", 0.002, "messages")
    parent.count("requests_total", "chat", "messages", "refuse")
    tell(parent, workers)
    assert value(parent, "requests_total", route="chat", surface="messages", outcome="refuse") == 4
    assert value(parent, "requests_total", route="chat", surface="messages", outcome="allow") == 0
    assert value(parent, "added_latency_seconds_count", surface="messages") == 3
    assert value(parent, "added_latency_seconds_bucket", surface="messages", le="0.0025") == 3
    assert value(parent, "added_latency_seconds_bucket", surface="messages", le="0.001") == 0
    assert figures(parent.registry).outcomes == (("refuse", 4),)


def test_buckets_stay_in_their_order(parent, workers):
    workers[0].observe("score", 0.55, "embedded", "hate")
    workers[0].admit(Labels((), (), (), (), (), scores=(("embedded", "hate"),)))
    workers[0].observe("score", 0.55, "embedded", "hate")
    tell(parent, workers)
    families = {family.name: family for family in parent.registry.collect()}
    for name in ("guardproxy_score", "guardproxy_check_duration_seconds"):
        bounds = [float(s.labels["le"]) for s in families[name].samples if s.name.endswith("_bucket")]
        assert all(one < other or other == 0.0005 for one, other in pairwise(bounds))


def test_what_a_worker_counted_outlives_it_and_its_gauges_do_not(parent, workers):
    for one in workers:
        one.count("limited_total", "tokens", by=5)
        one.gauge("inflight", 3, "messages")
    tell(parent, workers)
    assert value(parent, "inflight", surface="messages") == 6
    parent.registry.leave(1)
    assert value(parent, "inflight", surface="messages") == 3
    assert value(parent, "limited_total", limit="tokens") == 10
    again = Metrics(LABELS)
    again.count("limited_total", "tokens")
    parent.registry.put(3, snapshot(again.registry))
    parent.registry.leave(3)
    parent.registry.leave(3)
    assert value(parent, "limited_total", limit="tokens") == 11


def test_policies_are_what_the_parent_says(parent, workers):
    ref, at = PolicyRef("sample", 1, "a" * 64), count(10)
    for one in (parent, *workers):
        one.policies_in_force([ref], next(at))
    tell(parent, workers)
    labels = {"policy": "sample", "revision": "1", "hash": "a" * 64}
    assert value(parent, "policy_info", **labels) == 1
    assert value(parent, "policy_loaded_timestamp_seconds", **labels) == 10


def test_one_worker_without_its_keys_shows_and_so_does_one_without_redis(parent, workers):
    for one in workers:
        one.gauge("state_shared", 1)
    workers[1].gauge("keys_load_failed", 1)
    parent.registry.put(1, snapshot(workers[0].registry))
    assert value(parent, "state_shared") == 0
    tell(parent, workers)
    assert (value(parent, "state_shared"), value(parent, "keys_load_failed")) == (1, 1)
    workers[0].gauge("state_shared", 0)
    tell(parent, workers)
    assert value(parent, "state_shared") == 0


def test_exemplars_pass(parent, workers):
    workers[1].observe("added_latency_seconds", 0.002, "messages", decision_id="ABC")
    tell(parent, workers)
    assert b'# {decision_id="ABC"} 0.002' in parent.render(OPEN_METRICS)[0]


def test_a_registry_that_nobody_told_anything_is_the_parents_own(parent):
    plain = Metrics(LABELS)
    assert parent.render(None)[0] == plain.render(None)[0]
    assert snapshot(CollectorRegistry()) == b"{}"
