"""The fourteen prompts once more through OpenAI's JavaScript client."""

import json
import subprocess

import pytest

from guardproxy.demo.prompts import PROMPTS
from guardproxy.testing.demo_process import running_demo

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def said(tmp_path_factory, node_client):
    rows = [json.dumps({"model": p.model, "text": p.text, "language": p.language}) for p in PROMPTS]
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        command = ["node", "demo.mjs", demo.proxy, *rows]
        ended = subprocess.run(command, cwd=node_client, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.parametrize("at", range(len(PROMPTS)), ids=[p.id for p in PROMPTS])
def test_a_prepared_prompt_goes_as_designed(said, at):
    prompt, row = PROMPTS[at], said[at]
    finish = "content_filter" if prompt.action == "refuse" else "stop"
    for note in (row["plainNote"], row["note"]):
        assert (note["action"], note["rule"] or "") == (prompt.action, prompt.rule)
    assert (row["plainFinish"], row["finish"]) == (finish, finish)
    assert row["plain"]
    if prompt.action != "refuse":
        assert row["plain"] == row["streamed"]


def test_the_clients_accumulator_follows_a_cut_stream(said):
    assert said[-1]["finish"] == "content_filter"
    assert "safety policy" in said[-1]["accumulated"]
