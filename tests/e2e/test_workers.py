"""`serve --workers 2`: two processes that nobody can tell from one, until one of them is killed."""

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from time import perf_counter

import httpx
import pytest
from typer.testing import CliRunner

from guardproxy.cli.main import app
from guardproxy.errors import SettingsError
from guardproxy.observe.recorded import records
from guardproxy.observe.verify import verify
from guardproxy.testing.crash import workers_of
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import completion, stream_of
from guardproxy.testing.workers_bench import kill_classifiers

from .conftest import POLICY, start

SETTINGS = """\
listen: {workers: 2, grace_s: 3}
keys: {file: keys.json}
audit: {mode: required}
tenants:
  lab: {}
  school: {requests_per_minute: 1, burst: 5}
"""
CONTEMPT = "not_watched: rest\nrules:\n  - {id: contempt, about: Contempt for people., hazard: hate, thresholds: {refuse: 0.98}}\n"
WORDS = [f"{word} " for word in ("this", "stream", "ends", "within", "the", "grace")]
LONG = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "long"}]}


def keys(folder, *words):
    done = CliRunner().invoke(app, ["keys", *words, "--file", str(folder / "keys.json")], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.strip()


def answering(request):
    text = request.json["messages"][-1]["content"]
    if text == "long":
        return replace(stream_of([*WORDS, *["on and on. "] * 600]), pause=0.05)
    if text == "short":
        return replace(stream_of(WORDS), pause=0.1)
    return completion("Fine.")


def until(holds, seconds=30.0):
    """How long it took."""
    began = perf_counter()
    while not holds():
        assert perf_counter() - began < seconds
    return perf_counter() - began


class Team:
    """The running service, and what can be seen of its workers."""

    def __init__(self, running, key, limited):
        self.running = running
        self.key = key
        self.limited = limited
        self.http = httpx.Client(trust_env=False, timeout=20, limits=httpx.Limits(max_keepalive_connections=0))

    def ask(self, text="hi", key="", **more):
        """On a connection of its own, so that the system may give it to any worker."""
        body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
        headers = {"authorization": f"Bearer {key or self.key}"}
        return self.http.post(f"{self.running.base}/v1/chat/completions", json=body, headers=headers)

    def many(self, count, text="hi", key=""):
        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(lambda _: self.ask(text, key), range(count)))

    def admin(self, path, body=None):
        url = f"{self.running.admin}{path}"
        return self.http.get(url) if body is None else self.http.post(url, json=body, timeout=60)

    def ready(self):
        """Of whichever worker answers."""
        return self.http.get(f"{self.running.base}/readyz")

    def full(self):
        try:
            told = self.ready().json()
        except httpx.HTTPError:
            return False
        return told["status"] == "ready" and told["workers"] == {"serve": 2, "of": 2}

    def metric(self, name, **labels):
        """The sum over the series with these labels."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        lines = [line for line in self.admin("/metrics").text.splitlines() if line.startswith(f"guardproxy_{name}")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted))

    def logged(self):
        """Events of the structured log."""
        lines = (self.running.folder / "stderr.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def workers_of(self, answers):
        wanted = {answer.headers["x-guardproxy-decision-id"] for answer in answers}
        return {line["worker"] for line in self.logged() if line.get("decision_id") in wanted}

    def children(self):
        pid = self.running.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

    def pids(self):
        """Of the workers."""
        return workers_of(self.running.process.pid)


def is_classifier(pid):
    return b"guardproxy.detectors.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    policies = folder / "policies"
    policies.mkdir()
    text = POLICY.read_text(encoding="utf-8")
    (policies / POLICY.name).write_text(text.replace("rules:\n", CONTEMPT), encoding="utf-8")
    (folder / "settings.yaml").write_text(SETTINGS, encoding="utf-8")
    key, limited = keys(folder, "make", "lab"), keys(folder, "make", "school")
    with FakeUpstream(answering) as upstream:
        running = start(folder, policies, upstream, file=folder / "settings.yaml", GUARDPROXY_POLICIES_WATCH="false")
        made = Team(running, key, limited)
        until(made.full)
        yield made
        made.http.close()
        if running.process.poll() is None:
            running.process.kill()


def set_in_force(team, revision):
    """With the classifiers no longer asked."""
    text = POLICY.read_text(encoding="utf-8").replace("revision: 1\n", f"revision: {revision}\n")
    file = team.running.folder / "policies" / POLICY.name
    file.write_text(
        text.replace("[garden ladder], on_match: warn", "[garden ladder], on_match: refuse"), encoding="utf-8"
    )


def test_what_cannot_be_shared_out_is_said_before_anything_is_opened(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("tenants: {lab: {concurrent: 3}}\n", encoding="utf-8")
    words = ["serve", "--upstream", "http://127.0.0.1:9", "--settings", str(file), "--workers", "4"]
    with pytest.raises(SettingsError, match=r"tenants\.lab\.concurrent: 3 cannot be shared by 4 workers"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_both_serve_and_all_is_counted_and_recorded_once(team):
    before = team.metric("requests_total")
    answers = team.many(60)
    assert {answer.status_code for answer in answers} == {200}
    assert team.workers_of(answers) == {1, 2}
    assert team.metric("requests_total") - before == 60
    assert team.metric("added_latency_seconds_count") == team.metric("requests_total")
    assert team.metric("inflight") == 0
    ids = {answer.headers["x-guardproxy-decision-id"] for answer in answers}
    log = team.running.folder / "decisions.jsonl"
    assert ids <= {one.decision_id for one in records(log)}
    assert verify(log).fine
    assert sorted(p.name for p in log.parent.glob("decisions*")) == ["decisions.jsonl", "decisions.jsonl.anchors"]
    shown = team.admin("/admin/decisions").text
    assert sum(one in shown for one in ids) == 60
    for answer in answers[:3]:
        found = team.admin(f"/admin/decisions/{answer.headers['x-guardproxy-decision-id']}")
        assert found.json()["outcome"] == "allow"


def test_the_classifiers_are_shared_and_come_back(team):
    """A dead process is a fault that says so, for whichever worker asked; then the next one judges."""
    pid = team.running.process.pid
    before = [one for one in team.children() if is_classifier(one)]
    assert len(before) == 1
    kill_classifiers(pid)
    statuses, number = [], count()

    def judged():
        statuses.append(team.ask(f"When do herons number {next(number)} return?").status_code)
        return statuses[-1] == 200

    until(judged)
    assert set(statuses) <= {200, 503}
    (after,) = [one for one in team.children() if is_classifier(one)]
    assert [after] != before
    answers = team.many(8, "Where do the herons of the northern pond sleep?")
    assert (team.workers_of(answers), {answer.status_code for answer in answers}) == ({1, 2}, {200})


def test_a_limit_is_no_higher_with_two(team):
    statuses = [answer.status_code for answer in team.many(20, key=team.limited)]
    assert (statuses.count(200), statuses.count(429)) == (5, 15)
    assert team.metric("limited_total", limit="requests") == 15


def test_a_key_is_revoked_for_both(team):
    key = keys(team.running.folder, "make", "lab")
    until(lambda: {a.status_code for a in team.many(8, key=key)} == {200})
    keys(team.running.folder, "revoke", key.split("_")[1])
    took = until(lambda: {a.status_code for a in team.many(8, key=key)} == {401}, 5.0)
    assert took < 5.0


def test_a_reload_is_for_both_or_for_none(team):
    hashes, stop = {}, threading.Event()

    def caller():
        while not stop.is_set():
            answer = team.ask("the garden ladder")
            said = answer.headers["x-guardproxy-policy"], answer.headers["x-guardproxy-decision"]
            hashes.setdefault(answer.headers["x-guardproxy-policy-hash"], set()).add(said)

    callers = [threading.Thread(target=caller) for _ in range(3)]
    for one in callers:
        one.start()
    for revision in (2, 3):
        set_in_force(team, revision)
        assert team.admin("/admin/policies/reload", {}).status_code == 200
        after = team.many(12, "the garden ladder")
        assert {answer.headers["x-guardproxy-policy"] for answer in after} == {f"canary@{revision}"}
        assert team.workers_of(after) == {1, 2}
    stop.set()
    for one in callers:
        one.join()
    assert sorted(said for of in hashes.values() for said in of) == [
        ("canary@1", "warn"),
        ("canary@2", "refuse"),
        ("canary@3", "refuse"),
    ]
    (team.running.folder / "policies" / POLICY.name).write_text("revision: 4\n", encoding="utf-8")
    refused = team.admin("/admin/policies/reload", {})
    assert refused.status_code == 409
    assert {answer.headers["x-guardproxy-policy"] for answer in team.many(12)} == {"canary@3"}
    assert team.metric("policy_load_failed") == 1
    until(lambda: not any(team.ready().json()["last_load"]["ok"] for _ in range(8)))
    set_in_force(team, 3)
    team.running.process.send_signal(signal.SIGHUP)
    until(lambda: team.metric("policy_load_failed") == 0)
    until(lambda: all(team.ready().json()["last_load"]["ok"] for _ in range(8)))


def test_a_candidate_is_judged_by_both_and_promoted_for_both(team, tmp_path):
    text = POLICY.read_text(encoding="utf-8").replace("revision: 1\n", "revision: 9\n")
    (tmp_path / "canary.yaml").write_text(text.replace("on_match: warn", "on_match: log"), encoding="utf-8")
    order = {"actor": "ana", "because": "ladders are fine"}
    begun = team.admin("/admin/candidate", {**order, "path": str(tmp_path)})
    assert begun.status_code == 200
    answers = team.many(20, "the garden ladder")
    assert team.workers_of(answers) == {1, 2}

    def pairs():
        return team.admin("/admin/candidate").json()["comparison"]["pairs"]

    until(lambda: sum(pair["exchanges"] for pair in pairs()) >= 20)
    (pair,) = pairs()
    assert (pair["live"], pair["candidate"], pair["exchanges"]) == ("canary@3", "canary@9", 20)
    assert {row["rule"]: row["looser"]["count"] for row in pair["rules"]}["ladders"] == 20
    assert team.metric("candidate_changes_total", change="looser") == 20
    promoted = team.admin("/admin/candidate/promote", {**order, "hash": pair["candidate_hash"]})
    assert promoted.status_code == 200
    after = team.many(12, "the garden ladder")
    assert {(a.headers["x-guardproxy-policy"], a.headers["x-guardproxy-decision"]) for a in after} == {
        ("canary@9", "log")
    }
    assert team.admin("/admin/candidate/rollback", order).status_code == 200
    assert {answer.headers["x-guardproxy-policy"] for answer in team.many(12)} == {"canary@3"}


def test_one_that_is_killed_takes_nothing_along_that_was_promised(team):
    counted = team.metric("requests_total")
    told, stop, victims = [], threading.Event(), team.pids()

    def caller():
        while not stop.is_set():
            try:
                answer = team.ask("hi")
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                told.append(answer.headers["x-guardproxy-decision-id"])

    callers = [threading.Thread(target=caller) for _ in range(4)]
    for one in callers:
        one.start()
    streams = [open_stream(team) for _ in range(8)]
    until(lambda: len(told) > 40)
    os.kill(victims[0], signal.SIGKILL)
    before = len(told)
    until(lambda: len(told) > before + 40)  # the other one serves
    stop.set()
    for one in callers:
        one.join()
    until(team.full)
    assert victims[0] not in team.pids()
    assert team.metric("requests_total") > counted
    cut = cut_off(streams)
    log = team.running.folder / "decisions.jsonl"
    until(lambda: {one for one, _ in streams_of(log)} >= cut)
    assert set(told) <= {one.decision_id for one in records(log)}
    assert verify(log).fine


def open_stream(team):
    """Client, answer and what it still says: its first words have come."""
    client = httpx.Client(trust_env=False, timeout=20)
    request = client.build_request("POST", f"{team.running.base}/v1/chat/completions", json=LONG)
    request.headers["authorization"] = f"Bearer {team.key}"
    answer = client.send(request, stream=True)
    pieces = answer.iter_bytes()
    next(pieces)
    return client, answer, pieces


def cut_off(streams):
    """Ids of the streams that broke; the others are left by their caller."""
    broken = set()
    for client, answer, pieces in streams:
        try:
            for _ in range(3):
                next(pieces)
        except (httpx.HTTPError, StopIteration):
            broken.add(answer.headers["x-guardproxy-decision-id"])
        client.close()
    return broken


def streams_of(log):
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return [(line["decision_id"], line.get("kind")) for line in lines if line.get("kind") == "interrupted"]


def test_sigterm_drains_both(team):
    short, long = [], []

    def stream(text, into):
        with (
            httpx.Client(trust_env=False, timeout=20) as client,
            client.stream(
                "POST",
                f"{team.running.base}/v1/chat/completions",
                json={**LONG, "messages": [{"role": "user", "content": text}]},
                headers={"authorization": f"Bearer {team.key}"},
            ) as answer,
        ):
            pieces = answer.iter_bytes()
            raw = next(pieces)
            begun.release()
            raw += b"".join(pieces)
            into.append((raw, answer.headers["x-guardproxy-decision-id"]))

    begun = threading.Semaphore(0)
    threads = [threading.Thread(target=stream, args=args) for args in [("short", short), ("long", long)] * 6]
    for one in threads:
        one.start()
    for _ in threads:
        assert begun.acquire(timeout=20)
    began = perf_counter()
    team.running.process.send_signal(signal.SIGTERM)
    for one in threads:
        one.join()
    assert team.running.process.wait(20) == 0
    assert perf_counter() - began < 3 + 2 + 10
    assert (len(short), len(long)) == (6, 6)
    assert all(raw.endswith(b"data: [DONE]\n\n") for raw, _ in [*short, *long])
    assert all(b'"finish_reason":"stop"' in raw for raw, _ in short)
    assert all(b"shutting_down" in raw for raw, _ in long)
    log = team.running.folder / "decisions.jsonl"
    outcomes = {one.decision_id: one.outcome for one in records(log)}
    assert {outcomes[one] for _, one in short} == {"allow"}
    assert {outcomes[one] for _, one in long} == {"error"}
    assert verify(log).fine
