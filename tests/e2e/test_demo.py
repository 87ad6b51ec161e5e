"""The demo as its first user meets it: the greeting, the fourteen prompts, plain and streamed, and the switch."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import openai
import pytest

from guardproxy.demo.prompts import PROMPTS
from guardproxy.testing.demo_process import running_demo

RUDE = ("dummy", "nitwit", "numbskull", "blockhead", "nobody asked")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="module")
def clients(demo):
    with (
        openai.OpenAI(base_url=demo.raw, api_key="none", max_retries=0) as raw,
        openai.OpenAI(base_url=demo.proxy, api_key="none", max_retries=0) as guarded,
    ):
        yield raw, guarded


def request(prompt):
    return {
        "model": prompt.model,
        "messages": [{"role": "user", "content": prompt.text}],
        "extra_headers": {"x-guardproxy-locale": prompt.language},
    }


def plain(client, prompt):
    """The text, the finish reason, and the `guardproxy` member."""
    answer = client.chat.completions.create(**request(prompt))
    choice = answer.choices[0]
    return choice.message.content, choice.finish_reason, (answer.model_extra or {}).get("guardproxy")


def streamed(client, prompt):
    text, finish, note = "", None, None
    for chunk in client.chat.completions.create(stream=True, **request(prompt)):
        note = (chunk.model_extra or {}).get("guardproxy", note)
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return text, finish, note


@pytest.fixture(params=[plain, streamed], ids=["plain", "streamed"])
def ask(request):
    return request.param


def test_it_is_ready_soon(demo):
    """Processor time, so that a busy machine does not decide; on an idle one it is about the clock's."""
    print(f"ready after {demo.cpu:.2f} s of processor time, {demo.wall:.2f} s by the clock")
    assert demo.cpu <= 4.0


def test_the_greeting_names_three_addresses_and_three_commands(demo):
    commands = [line.strip() for line in demo.greeting if line.strip().startswith("curl")]
    assert len(commands) == 3
    for url in (demo.console, demo.proxy, demo.raw):
        assert url.startswith("http://127.0.0.1:")


def test_the_commands_work_as_printed(demo):
    for line in demo.greeting:
        if line.strip().startswith("curl"):
            said = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20, check=True).stdout
            assert "chat.completion" in said


def test_both_sides_list_the_same_models(clients):
    raw, guarded = ([m.id for m in client.models.list()] for client in clients)
    assert raw == guarded
    assert "raw-base" in raw


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda p: p.id)
def test_the_openai_client_sees_each_prepared_prompt_as_designed(prompt, clients, ask):
    raw_text, raw_finish, _ = ask(clients[0], prompt)
    text, finish, note = ask(clients[1], prompt)
    assert raw_text
    assert (note["action"], note["rule"] or "", note["stage"] or "") == (prompt.action, prompt.rule, prompt.stage)
    match prompt.kind:
        case "harmless" | "trap":
            assert (text, finish) == (raw_text, raw_finish)
        case "declined":
            assert finish == "content_filter"
            assert text[:20] != raw_text[:20]
            assert note["decision_id"] in text
        case "notice":
            assert text.startswith(raw_text)
            assert "known to be false" in text
        case "crisis":
            assert "don't have to face it alone" in text
            assert "trust" in text
        case "redacted":
            assert "@" not in text
            assert "4242" not in text
        case "cut":
            assert any(word in raw_text for word in RUDE)
            assert not any(word in text for word in RUDE)
            assert finish == "content_filter"


def test_german_is_refused_in_german(clients):
    prompt = next(p for p in PROMPTS if p.language == "de")
    text, _, note = plain(clients[1], prompt)
    assert "Diese" in text
    assert note["rule"] == prompt.rule


def test_a_stream_is_cut_after_it_has_begun(clients):
    prompt = next(p for p in PROMPTS if p.kind == "cut")
    raw_text, text = streamed(clients[0], prompt)[0], streamed(clients[1], prompt)[0]
    released = len([1 for a, b in zip(raw_text, text, strict=False) if a == b])
    assert text[:100] == raw_text[:100]
    assert released >= 100


def test_a_model_that_breaks_off_is_a_fault_and_no_refusal(demo):
    body = {"model": "raw-cut", "stream": True, "messages": [{"role": "user", "content": "Describe the river."}]}
    answer = httpx.post(f"{demo.proxy}/chat/completions", json=body, timeout=20, trust_env=False)
    assert '"content_filter"' not in answer.text
    assert '"error"' in answer.text


def test_the_page_asks_both_and_learns_why(demo):
    asked = {"model": "raw-base", "prompt": "You are such", "language": "en"}
    with httpx.Client(base_url=demo.console.removesuffix("/admin/demo"), trust_env=False, timeout=20) as http:
        raw = http.post("/admin/demo/raw", json=asked)
        guarded = http.post("/admin/demo/guarded", json=asked)
        kinds = {answer.headers["content-type"].partition(";")[0] for answer in (raw, guarded)}
        assert kinds == {"text/event-stream"}
        why = http.get(f"/admin/decisions/{guarded.headers['x-guardproxy-decision-id']}").json()
        assert http.get("/metrics").text.count("guardproxy_refusals_total") > 2
    assert why["outcome"] == "refuse"
    verdict = why["why"][0]
    assert (verdict["rule"], verdict["hazard"]) == ("rude-words", "harassment.abuse")
    file, line = verdict["source"].rsplit(":", 1)
    assert "rude-words" in Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert why["policy"] == "demo@1"


def test_the_switch_changes_what_the_running_proxy_does(demo, clients):
    prompt = next(p for p in PROMPTS if p.kind == "notice")
    with httpx.Client(base_url=demo.console.removesuffix("/admin/demo"), trust_env=False, timeout=20) as http:
        before = http.get("/admin/demo/setup").json()
        try:
            assert http.post("/admin/demo/policy", json={"strict": True}).json() == {"ok": True, "report": ""}
            _, finish, note = plain(clients[1], prompt)
            assert (finish, note["action"], note["policy"]) == ("content_filter", "refuse", "demo@2")
            assert http.get("/admin/demo/setup").json()["strict"] is True
        finally:
            assert http.post("/admin/demo/policy", json={"strict": False}).status_code == 200
        assert http.get("/admin/demo/setup").json() == before
    assert plain(clients[1], prompt)[2]["action"] == "warn"


def test_nothing_of_a_prompt_is_written_down(demo, tmp_path):
    secret = "marmalade-cellar"
    body = {"model": "raw-base", "messages": [{"role": "user", "content": f"You are such {secret}"}]}
    httpx.post(f"{demo.proxy}/chat/completions", json=body, timeout=20, trust_env=False)
    setup = httpx.get(f"{demo.console}/setup", trust_env=False).json()
    folder = Path(setup["policy_file"]).parent
    files = [file for file in folder.iterdir() if file.is_file()]
    assert {file.name.partition(".jsonl")[0] for file in files} <= {"demo.yaml", "policy-changes"}
    assert not any(secret.encode() in file.read_bytes() for file in files)
    assert secret not in json.dumps(setup)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--host", "0.0.0.0"], 2, "loopback"),  # the refusal is the point
        (["--host", "example.org"], 2, "loopback"),
        (["--raw-port", "TAKEN"], 78, "cannot listen"),
        (["--port", "TAKEN"], 78, "cannot listen"),
    ],
)
def test_a_demo_that_cannot_start_says_why_in_one_line(demo, options, code, says):
    taken = demo.raw.rpartition(":")[2].partition("/")[0]
    ports = [] if "TAKEN" in options and options[0] == "--raw-port" else ["--raw-port", "0"]
    command = [sys.executable, "-m", "guardproxy", "demo", *ports, *(o.replace("TAKEN", taken) for o in options)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == code
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
