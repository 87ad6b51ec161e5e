"""A real proxy whose decision log cannot be written: a full disk (RLIMIT_FSIZE), a file that is taken away, and back."""

import json
import resource
import time

import httpx
import pytest

from guardproxy.observe.audit_file import canonical
from guardproxy.observe.journal import Journal
from guardproxy.observe.verify import verify
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.proxy_process import killable

from .conftest import POLICY

LIGHT = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}


def lengthen(log):
    """An old log, longer than the structured log: the limit of sizes must not meet that one."""
    journal = Journal(log, lambda: 1_800_000_000.0, lambda *_args, **_fields: None)
    for _ in range(2):
        journal.append([canonical({"v": 1, "kind": "padding", "pad": "x" * 1_000_000})])
    journal.close()


class Proxy:
    """One that serves, and the size that its files may reach."""

    def __init__(self, running, upstream):
        self.running, self.upstream, self.log = running, upstream, running.decisions

    def ask(self, **more):
        body = {"model": "m", "messages": [{"role": "user", "content": "When do the herons return?"}], **more}
        return httpx.post(f"{self.running.base}/chat/completions", json=body, timeout=60, trust_env=False)

    def get(self, path):
        return httpx.get(self.running.base.removesuffix("/v1") + path, timeout=60, trust_env=False)

    def dropped(self):
        page = httpx.get(f"{self.running.admin}/metrics", timeout=60, trust_env=False).text
        wanted = 'guardproxy_audit_dropped_total{reason="disk_full"}'
        return next(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(wanted))

    def fill(self):
        self.limit(self.log.stat().st_size + 10)

    def limit(self, size):
        resource.prlimit(self.running.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free(self):
        self.limit(resource.RLIM_INFINITY)

    def records(self):
        return [json.loads(line) for line in self.log.read_bytes().splitlines()]

    def recorded(self, answer):
        wanted = answer.headers["x-guardproxy-decision-id"]
        return [r for r in self.records() if r.get("decision_id") == wanted and "kind" not in r]


@pytest.fixture(scope="module")
def proxy_in(tmp_path_factory):
    """Starts one in a mode; all end with the module."""
    started = []

    def made(mode):
        environment = {**LIGHT, "GUARDPROXY_AUDIT_MODE": mode}
        folder = tmp_path_factory.mktemp(mode)
        lengthen(folder / "decisions.jsonl")
        running = killable(folder, upstream.base, POLICY, environment)
        proxy = Proxy(running.__enter__(), upstream)
        started.append((running, proxy))
        assert proxy.ask().status_code == 200
        return proxy

    with FakeUpstream() as upstream:
        yield made
        codes = []
        for running, proxy in started:
            proxy.running.process.terminate()
            codes.append(proxy.running.process.wait(20))
            running.__exit__(None, None, None)
        assert set(codes) <= {
            0
        }  # the limit may keep the model of languages from being unpacked, which is no fault here


@pytest.fixture(scope="module")
def required(proxy_in):
    return proxy_in("required")


@pytest.fixture(scope="module")
def best_effort(proxy_in):
    return proxy_in("best_effort")


def test_required_refuses_to_serve_what_it_cannot_record_and_recovers(required):
    before = required.dropped()
    required.fill()
    try:
        first = required.ask(stream=True)  # nobody knows yet that the disk is full
        hits, began = required.upstream.hits, time.perf_counter()
        refused = [required.ask(stream=stream) for stream in (False, True)]
        took = time.perf_counter() - began
        ready, alive = required.get("/readyz"), required.get("/healthz")
    finally:
        required.free()
    assert '"code":"audit_unavailable"' in first.text.replace(" ", "")
    assert first.text.endswith("data: [DONE]\n\n")
    for answer in refused:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], answer.headers["retry-after"]) == (503, "audit_unavailable", "5")
        assert answer.headers["x-guardproxy-decision"] == "error"
    assert took < 2
    assert required.upstream.hits == hits  # the model is not asked for what would be thrown away
    assert (ready.status_code, ready.json()["status"], ready.json()["audit"]) == (503, "not_ready", "disk_full")
    assert alive.status_code == 200
    assert required.dropped() >= before + 3
    assert required.upstream.until(lambda: required.get("/readyz").status_code == 200, 20)  # nobody asks anything
    again = [required.ask(stream=stream) for stream in (False, True)]
    assert [(answer.status_code, len(required.recorded(answer))) for answer in again] == [(200, 1)] * 2
    assert [required.recorded(answer) for answer in (first, *refused)] == [[]] * 3
    assert [r["reasons"].keys() for r in required.records() if r.get("kind") == "dropped"][-1] == {"disk_full"}
    assert verify(required.log).fine


def test_a_file_that_is_taken_away_is_begun_anew(required):
    required.log.unlink()
    answer = required.ask()
    assert answer.status_code == 200
    assert len(required.recorded(answer)) == 1
    assert required.records()[0]["because"] == "removed"
    assert not verify(required.log).fine  # what was in the old one is gone


def test_best_effort_serves_and_counts(best_effort):
    before = best_effort.dropped()
    best_effort.fill()
    try:
        lost = [best_effort.ask(stream=stream) for stream in (False, True)]
        assert best_effort.upstream.until(lambda: best_effort.dropped() >= before + 2, 20)
        ready = best_effort.get("/readyz")
    finally:
        best_effort.free()
    assert [answer.status_code for answer in lost] == [200, 200]
    assert (ready.status_code, ready.json()["audit"]) == (200, "disk_full")
    assert best_effort.upstream.until(lambda: best_effort.get("/readyz").json()["audit"] == "ok", 20)
    kept = best_effort.ask()
    assert best_effort.upstream.until(lambda: len(best_effort.recorded(kept)) == 1, 20)
    assert sum(r["count"] for r in best_effort.records() if r.get("kind") == "dropped") == best_effort.dropped()
    assert verify(best_effort.log).fine
