"""An upstream that is down, slow, wrong or cut: our errors, well-formed ends, nothing unscanned."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import httpx
import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import Script, answer, completion, stream_of

from .conftest import POLICY, start


def ask(text="hello", **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A proxy that waits one second for an answer and one for the next piece."""
    folder = tmp_path_factory.mktemp("hasty")
    with FakeUpstream() as upstream:
        running = start(
            folder,
            POLICY,
            upstream,
            GUARDPROXY_UPSTREAM_ANSWER_TIMEOUT_S="1",
            GUARDPROXY_UPSTREAM_IDLE_TIMEOUT_S="1",
        )
        yield running
        running.process.terminate()
        running.process.wait(15)


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (Script((b"<html>",), content_type="text/html"), 502, "upstream_protocol_error"),
        (Script((b"{",)), 502, "upstream_protocol_error"),
        (Script((b"",)), 502, "upstream_protocol_error"),
        (Script((b"[]",)), 502, "upstream_protocol_error"),
        (answer({"error": {"message": "boom"}}, status=500), 502, None),
        (answer({"error": {"message": "no key"}}, status=401), 502, "upstream_auth"),
        (answer({"error": {"message": "busy"}}, status=429, retry_after="7"), 429, None),
        (
            answer({"error": {"message": "long", "code": "context_length_exceeded"}}, status=400),
            400,
            "context_length_exceeded",
        ),
        (Script((b"",), status=307, headers=(("location", "http://127.0.0.1:1/"),)), 502, None),
        (Script(hang=True, segments=(), delay=3), 504, "upstream_timeout"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_faults_before_the_first_byte(hasty, script, status, code, stream):
    hasty.upstream.answer_with(script)
    got = hasty.chat(ask(stream=stream))
    assert got.status_code == status
    error = got.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert code is None or error["code"] == code
    assert got.headers["x-guardproxy-decision"] == "error"
    if status == 429:
        assert got.headers["retry-after"] == "7"


def ends(got):
    frames = [f.removeprefix("data: ") for f in got.text.split("\n\n") if f.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    return [json.loads(f) for f in frames[:-1]]


@pytest.mark.parametrize(
    "script",
    [
        replace(
            stream_of(["Hello there. ", "How are"]), segments=stream_of(["Hello there. ", "How are"]).segments[:-2]
        ),
        replace(stream_of(["Hello there. ", "How are"]), reset_at=420),
        replace(stream_of(["Hello there. ", "x"]), segments=stream_of(["Hello there. ", "x"]).segments[:3], hang=True),
    ],
    ids=["cut", "reset", "silent"],
)
def test_a_broken_stream_ends_well_formed(hasty, script):
    hasty.upstream.answer_with(script)
    events = ends(hasty.chat(ask(stream=True)))
    finishes = [c["finish_reason"] for e in events for c in e.get("choices", []) if c["finish_reason"]]
    assert finishes == ["length"]
    assert next(e["error"]["code"] for e in events if "error" in e).startswith("upstream_")


def test_nobody_listens(tmp_path):
    with FakeUpstream() as upstream:
        running = start(tmp_path, POLICY, upstream)
    try:
        began = time.monotonic()
        got = running.chat(ask())
        assert (got.status_code, got.json()["error"]["code"]) == (502, "upstream_unreachable")
        assert time.monotonic() - began < 1
        assert running.chat(ask("bluefinch")).status_code == 200
    finally:
        running.process.terminate()
        running.process.wait(15)


def test_a_client_that_leaves_ends_the_call(hasty):
    hasty.upstream.answer_with(replace(stream_of(["word. "] * 200), pause=0.05))
    with httpx.stream("POST", f"{hasty.base}/v1/chat/completions", json=ask(stream=True), trust_env=False) as got:
        next(got.iter_raw())
    assert hasty.upstream.until(lambda: hasty.upstream.aborted > 0, timeout=3)


def test_reload_keeps_the_last_good_policy(tmp_path):
    policy = tmp_path / "canary.yaml"
    good = POLICY.read_text(encoding="utf-8")
    policy.write_text(good, encoding="utf-8")
    with FakeUpstream() as upstream:
        upstream.answer_with(completion("Fine."))
        running = start(tmp_path, policy, upstream)
        try:
            first = running.chat(ask()).headers["x-guardproxy-policy-hash"]
            policy.write_text(good.replace("on_match: refuse", "on_mach: refuse"), encoding="utf-8")
            assert httpx.post(f"{running.admin}/admin/policies/reload", trust_env=False).status_code == 409
            assert running.chat(ask("bluefinch")).headers["x-guardproxy-policy-hash"] == first
            page = httpx.get(f"{running.admin}/metrics", trust_env=False).text
            assert any(x.endswith(" 1.0") for x in page.splitlines() if x.startswith("guardproxy_policy_load_failed{"))
            policy.write_text(
                good.replace("bluefinch", "redfinch")
                .replace("revision: 1", "revision: 2")
                .replace("b l u e f i n c h", "redfinch")
                .replace("BLUEFINCH", "redfinch"),
                encoding="utf-8",
            )
            assert httpx.post(f"{running.admin}/admin/policies/reload", trust_env=False).status_code == 200
            assert running.chat(ask("redfinch")).json()["guardproxy"]["action"] == "refuse"
            assert running.chat(ask("bluefinch")).json()["guardproxy"]["policy"] == "canary@2"
            log = (tmp_path / "stderr.log").read_text()
            assert "policy_load_failed" in log
            assert "canary.yaml:" in log
        finally:
            running.process.terminate()
            running.process.wait(15)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--upstream", "ftp://x"], 78),
        (["--upstream", "http://169.254.169.254"], 78),
        (["--upstream", "http://127.0.0.1:1", "--policies", "/nowhere"], 78),
        (["--upstream", "http://127.0.0.1:1", "--host", "0.0.0.0"], 78),
        ([], 78),
        (["--nonsense"], 2),
    ],
)
def test_bad_settings_are_one_line(tmp_path, arguments, code):
    ran = subprocess.run(
        [sys.executable, "-m", "guardproxy", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
    if code == 78:
        assert ran.stderr.startswith("guardproxy: ")
        assert len(ran.stderr.strip().splitlines()) == 1
