"""What `explain` says is what a client of the running proxy reads."""

import json
import subprocess
import sys

import pytest

from guardproxy.testing.scripts import completion

from .conftest import POLICY
from .test_replay import ANSWERS, ASKED


def command(*words):
    started = [sys.executable, "-m", "guardproxy", *words]
    return subprocess.run(started, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    file = tmp_path_factory.mktemp("settings") / "settings.yaml"
    file.write_text("detectors:\n  embedded: false\n")
    return str(file)


@pytest.mark.parametrize(
    ("asked", "answer"), [(q, a) for q, a in zip(ASKED, ANSWERS, strict=True)] + [(ASKED[0], ANSWERS[2])]
)
def test_the_words_are_those_of_the_proxy(proxy, settings, asked, answer):
    proxy.upstream.answer_with(completion(answer))
    said = proxy.chat({"model": "m", "messages": [{"role": "user", "content": asked}]}).json()
    ran = command(
        *("explain", "--policy", str(POLICY), "--settings", settings, "--format", "json"),
        *("--user", asked, "--assistant", answer),
    )
    tree = json.loads(ran.stdout)
    inside = said["guardproxy"]
    assert tree["user_reads"] == said["choices"][0]["message"]["content"].replace(inside["decision_id"], "EXAMPLE")
    decided = [(s["stage"], s["decision"]["action"], s["decision"]["rule"]) for s in tree["stages"]]
    acting = (inside["stage"] or "input", inside["action"], inside["rule"])
    assert acting in decided
    assert tree["policy_hash"] == inside["policy_hash"]


def test_a_decision_of_the_log_is_explained_without_its_text(proxy, settings):
    identity = proxy.chat({"model": "m", "messages": [{"role": "user", "content": ASKED[1]}]}).json()["guardproxy"]
    ran = command(
        *("explain", "--policy", str(POLICY), "--settings", settings),
        *("--audit", str(proxy.folder / "decisions.jsonl"), "--decision-id", identity["decision_id"]),
    )
    assert ran.returncode == 0, ran.stderr
    assert "the same policy" in ran.stdout
    assert "recorded: refuse by finch at input" in ran.stdout
    assert "decision: refuse by finch" in ran.stdout
    assert "bluefinch" not in ran.stdout
