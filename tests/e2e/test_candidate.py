"""A candidate on trial in a real proxy: tried, read, promoted, rolled back, from the command line."""

import json
import subprocess
import sys

import httpx
import pytest

from guardproxy.observe.verify import verify
from guardproxy.testing.fake_upstream import FakeUpstream
from tests.e2e.conftest import POLICY, start

LADDER = {"model": "m", "messages": [{"role": "user", "content": "Where is the garden ladder?"}]}


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A proxy of its own, and a stricter set beside its policies."""
    folder = tmp_path_factory.mktemp("candidate")
    following = folder / "next" / POLICY.name
    following.parent.mkdir()
    text = POLICY.read_text(encoding="utf-8").replace("revision: 1\n", "revision: 2\n")
    following.write_text(text.replace("[garden ladder], on_match: warn", "[garden ladder], on_match: refuse"))
    with FakeUpstream() as upstream:
        light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", "GUARDPROXY_AUDIT_MODE": "required"}
        running = start(folder, POLICY, upstream, **light)
        yield running, following.parent
        running.process.terminate()
        assert running.process.wait(15) == 0


def command(running, *arguments):
    line = [sys.executable, "-m", "guardproxy", "policy", *arguments, "--admin", running.admin]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def judged(running, exchanges):
    """Waits until so many were judged."""

    def enough():
        pairs = httpx.get(f"{running.admin}/admin/candidate", trust_env=False).json()["comparison"]["pairs"]
        return sum(pair["exchanges"] for pair in pairs) >= exchanges

    return running.upstream.until(enough, 20)


def marks(answer):
    return answer.headers["x-guardproxy-policy"], answer.headers["x-guardproxy-decision"]


def test_a_candidate_is_tried_promoted_and_rolled_back(tried):
    running, following = tried
    assert command(running, "promote", "--actor", "ana") == (1, "not done: there is no candidate\n")
    code, said = command(running, "candidate", str(following), "--actor", "ana", "--because", "ladders fall")
    assert (code, "nothing judged yet" in said) == (0, True)
    for stream in (False, True):
        assert marks(running.chat({**LADDER, "stream": stream})) == ("canary@1", "warn")
    assert judged(running, 2)
    code, said = command(running, "status")
    assert "canary@1 -> canary@2: 2 exchanges" in said
    assert "input ladders: tighter 2 (100.00 %, 95 % interval 34.24 to 100.00 %)" in said
    code, said = command(running, "promote", "--actor", "ana")
    assert (code, "note: a restart would read" in said) == (0, True)
    refused = running.chat(LADDER)
    assert marks(refused) == ("canary@2", "refuse")
    assert running.record(refused)["policy_hash"] == refused.headers["x-guardproxy-policy-hash"]
    assert command(running, "rollback", "--actor", "ben")[0] == 0
    assert marks(running.chat(LADDER)) == ("canary@1", "warn")
    file = running.folder / "var" / "policy-changes.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()][1:]
    assert [(line["action"], line["actor"]) for line in lines] == [
        ("candidate", "ana"),
        ("promote", "ana"),
        ("rollback", "ben"),
    ]
    assert lines[1]["new"] == lines[2]["old"]
    assert verify(file).fine
