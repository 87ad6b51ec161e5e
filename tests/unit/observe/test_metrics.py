from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from guardproxy.core.hazards import FAMILIES as HAZARDS
from guardproxy.core.rules import PolicyRef
from guardproxy.observe.metrics import FAMILIES, MOST_TENANTS, RETIRED, Labels, Metrics, markdown

CONTRACT = [
    "requests_total",
    "decisions_total",
    "rule_hits_total",
    "refusals_total",
    "unchecked_total",
    "truncated_total",
    "check_duration_seconds",
    "check_errors_total",
    "added_latency_seconds",
    "time_to_first_token_seconds",
    "stream_held_seconds",
    "upstream_request_seconds",
    "upstream_errors_total",
    "appeals_total",
    "policy_info",
    "policy_load_failed",
    "policy_loaded_timestamp_seconds",
    "inflight",
    "queue_depth",
    "audit_dropped_total",
    "score",
]

BIG = Labels(
    routes=("chat",),
    policies=("default", "base", "strict", "permissive", "research"),
    rules=tuple(f"rule-{n}" for n in range(45)),
    detectors=tuple(f"detector-{n}" for n in range(12)),
    upstreams=("main",),
    scores=tuple(("detector-0", hazard) for hazard in HAZARDS[:17]),
)


def series(metrics):
    page, _ = metrics.render(None)
    return [line for line in page.decode().splitlines() if not line.startswith("#")]


def test_the_contract_is_whole():
    assert {f.name for f in FAMILIES} >= set(CONTRACT)


def test_the_shipped_policy_fits_the_budget():
    metrics = Metrics(BIG)
    metrics.policies_in_force([PolicyRef(name, 1, "9f3c") for name in BIG.policies], 1.0)
    assert 1000 < len(series(metrics)) <= 2000


def test_tenants_beyond_the_most_share_their_series():
    many = tuple(f"t{number}" for number in range(MOST_TENANTS + 30))
    few, lots = (Metrics(replace(BIG, tenants=many[:count])) for count in (MOST_TENANTS, len(many)))
    assert len(series(few)) == len(series(lots))
    lots.count("tenant_requests_total", many[-1], "answered")
    assert 'guardproxy_tenant_requests_total{result="answered",tenant="other"} 1.0' in series(lots)


def test_the_registry_is_the_one_passed_in():
    registry = CollectorRegistry()
    metrics = Metrics(BIG, registry)
    assert metrics.registry is registry
    assert registry.get_sample_value("guardproxy_truncated_total", {"stage": "input"}) == 0


@pytest.mark.parametrize(
    "line",
    [
        'requests_total{outcome="client_abort",route="chat",surface="chat_completions"} 0.0',
        'rule_hits_total{action="redact",mode="shadow",rule="tone"} 0.0',
        'refusals_total{hazard="self_harm",policy="base",stage="output"} 0.0',
        'unchecked_total{reason="detector_timeout",stage="input"} 0.0',
        'check_errors_total{detector="pii.email",kind="timeout"} 0.0',
        'check_duration_seconds_count{detector="instant"} 0.0',
        'audit_dropped_total{reason="disk_full"} 0.0',
        'upstream_errors_total{kind="idle",upstream="main"} 0.0',
        'score_count{detector="embedded-harm",hazard="hate"} 0.0',
        'appeals_total{outcome="upheld"} 0.0',
        'queue_depth{queue="audit"} 0.0',
    ],
)
def test_series_are_there_before_the_first_event(metrics, line):
    assert f"guardproxy_{line}" in series(metrics)


def test_unknown_values_become_other_and_add_no_series(metrics):
    before = len(series(metrics))
    for n in range(20_000):
        metrics.count("requests_total", f"route-{n}", "chat_completions", "allow")
        metrics.count("upstream_errors_total", f"model-{n}", "timeout")
        metrics.score("embedded-harm", f"made.up-{n}", 0.5)
    metrics.count("decisions_total", "input", "allow", 'x"} 1\n')
    metrics.count("rule_hits_total", "no-such-rule", "warn", "enforce")
    metrics.observe("check_duration_seconds", 0.1, "no-such-detector")
    assert len(series(metrics)) == before
    assert 'guardproxy_upstream_errors_total{kind="timeout",upstream="other"} 20000.0' in series(metrics)


def test_the_cache_does_not_grow_with_unknown_values(metrics):
    before = len(metrics._children)
    for n in range(1000):
        metrics.count("requests_total", f"route-{n}", "chat_completions", "allow")
    assert len(metrics._children) == before


def test_children_are_looked_up_once(metrics, monkeypatch):
    asked = []
    monkeypatch.setattr(metrics._made["requests_total"], "labels", lambda *values: asked.append(values))
    metrics.count("requests_total", "chat", "chat_completions", "allow")
    assert asked == []


def test_a_leaf_counts_for_its_family(metrics, samples):
    metrics.count("refusals_total", "input", "crime.cyber", "base")
    metrics.count("refusals_total", "input", "custom.colours", "base")
    assert samples.total(metrics, "refusals_total", 'hazard="crime"') == 1
    assert samples.total(metrics, "refusals_total", 'hazard="custom"') == 1


def test_scores_only_of_announced_pairs(metrics, samples):
    metrics.score("embedded-harm", "hate.abuse", 0.3)
    metrics.score("embedded-harm", "violence.crime", 0.3)
    metrics.score("pii.email", "privacy.pii", 1.0)
    assert samples.total(metrics, "score_count") == 1


def test_a_reload_adds_series_and_retires_the_old_revision(metrics, samples):
    metrics.policies_in_force([PolicyRef("base", 7, "aaaa")], 100.0)
    metrics.policies_in_force([PolicyRef("base", 8, "bbbb"), PolicyRef("new", 1, "cccc")], 200.0)
    metrics.admit(Labels((), (), ("fresh-rule",), (), ()))
    lines = series(metrics)
    assert 'guardproxy_policy_info{hash="aaaa",policy="base",revision="7"} 0.0' in lines
    assert 'guardproxy_policy_info{hash="bbbb",policy="base",revision="8"} 1.0' in lines
    assert 'guardproxy_policy_loaded_timestamp_seconds{hash="bbbb",policy="base",revision="8"} 200.0' in lines
    assert 'guardproxy_decisions_total{action="allow",policy="new",stage="input"} 0.0' in lines
    assert 'guardproxy_rule_hits_total{action="refuse",mode="enforce",rule="fresh-rule"} 0.0' in lines


def test_an_unchanged_policy_keeps_its_time(metrics):
    metrics.policies_in_force([PolicyRef("base", 7, "aaaa")], 100.0)
    metrics.policies_in_force([PolicyRef("base", 7, "aaaa")], 200.0)
    line = 'guardproxy_policy_loaded_timestamp_seconds{hash="aaaa",policy="base",revision="7"} 100.0'
    assert line in series(metrics)


def test_a_refused_file_names_the_policy_still_in_force(metrics, samples):
    metrics.policies_in_force([PolicyRef("base", 7, "aaaa")], 100.0)
    metrics.policy_load_failed()
    assert samples.total(metrics, "policy_load_failed") == 1
    metrics.policies_in_force([PolicyRef("base", 8, "bbbb")], 200.0)
    assert samples.total(metrics, "policy_load_failed") == 0


def test_a_thousand_reloads_do_not_grow_the_page(metrics):
    for revision in range(1000):
        metrics.policies_in_force([PolicyRef("base", revision, f"{revision:04x}")], float(revision))
    infos = [line for line in series(metrics) if line.startswith("guardproxy_policy_info")]
    assert len(infos) == RETIRED + 1
    assert sum(line.endswith(" 1.0") for line in infos) == 1


def test_a_policy_that_comes_back_is_in_force_again(metrics):
    old, new = PolicyRef("base", 7, "aaaa"), PolicyRef("base", 8, "bbbb")
    for ref in (old, new, old):
        metrics.policies_in_force([ref], 1.0)
    assert 'guardproxy_policy_info{hash="aaaa",policy="base",revision="7"} 1.0' in series(metrics)
    assert 'guardproxy_policy_info{hash="bbbb",policy="base",revision="8"} 0.0' in series(metrics)


def test_a_watched_gauge_is_read_at_the_scrape(metrics):
    running = [1, 2, 3]
    metrics.watch("inflight", lambda: len(running), "chat_completions")
    assert 'guardproxy_inflight{surface="chat_completions"} 3.0' in series(metrics)
    running.clear()
    assert 'guardproxy_inflight{surface="chat_completions"} 0.0' in series(metrics)


@pytest.mark.parametrize("accept", [None, "", "*/*", "text/plain;version=0.0.4", "text/html"])
def test_plain_text_unless_asked_otherwise(metrics, accept):
    page, kind = metrics.render(accept)
    assert kind.startswith("text/plain")
    assert "exemplar" not in page.decode()
    assert any(family.name == "guardproxy_requests" for family in parse_text(page.decode()))


def test_openmetrics_carries_the_decision_id(metrics):
    metrics.observe("added_latency_seconds", 0.003, "chat_completions", decision_id="K7Q2")
    page, kind = metrics.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind.startswith("application/openmetrics-text")
    assert page.endswith(b"# EOF\n")
    assert b'# {decision_id="K7Q2"} 0.003' in page
    assert len(list(parse_openmetrics(page.decode()))) == len(FAMILIES)


def test_no_created_series(metrics):
    assert not [line for line in series(metrics) if "_created" in line]


def test_names_are_clean():
    for family in FAMILIES:
        assert ":" not in family.name
        assert family.name.endswith("_total") == (family.kind == "counter")


def test_the_wrong_kind_is_a_bug(metrics):
    with pytest.raises(TypeError, match="not a counter"):
        metrics.count("inflight", "chat_completions")


def test_the_page_in_docs_is_this_table():
    docs = Path(__file__).parents[3] / "docs" / "metrics.md"
    assert docs.read_text() == markdown()
