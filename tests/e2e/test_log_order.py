"""A `required` log: the record is written, then synced, and only then the answer leaves.

Twice: with a sync that waits until the test lets it go, and with strace on a real process.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import threading
from dataclasses import replace

import httpx
import pytest

from guardproxy.proxy.app import DataApp
from guardproxy.proxy.settings import AuditSettings, DetectorSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream_httpx import HttpxUpstream
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.proxy_process import serving
from guardproxy.testing.scripts import completion, stream_of

from .conftest import POLICY

BODY = {"model": "m", "messages": [{"role": "user", "content": "When do the herons return?"}]}


class Gate:
    """A sync that can be held. `entered` is set when one waits."""

    def __init__(self):
        self.open, self.entered = threading.Event(), threading.Event()
        self.open.set()
        self.real = os.fdatasync

    def sync(self, fd):
        if not self.open.is_set():
            self.entered.set()
        assert self.open.wait(20)
        self.real(fd)


@pytest.fixture
def gate(monkeypatch):
    made = Gate()
    monkeypatch.setattr(os, "fdatasync", made.sync)
    yield made
    made.open.set()


@pytest.fixture
def app(tmp_path, gate):
    script = {False: completion("In March."), True: stream_of(["In ", "March."])}

    def handler(request):
        made = script[json.loads(request.content).get("stream", False)]
        return httpx.Response(200, content=b"".join(made.segments), headers={"content-type": made.content_type})

    settings = Settings(
        upstream=UpstreamSettings(url="http://127.0.0.1:9"),
        policies=PolicySettings(path=str(POLICY), changes=str(tmp_path / "changes.jsonl")),
        audit=AuditSettings(mode="required", path=str(tmp_path / "decisions.jsonl")),
        detectors=DetectorSettings(embedded=False),
    )
    hall = open_hall(settings, lambda: 1_800_000_000.0)
    upstream = HttpxUpstream(Target("main", "http://model/v1"), httpx.MockTransport(handler))
    yield DataApp(replace(hall, upstream=upstream))
    gate.open.set()
    hall.recorder.audit.close()


def asked(app, body, sent):
    """One request to the bare application; what it sends is put into `sent`."""
    asking = iter([{"type": "http.request", "body": json.dumps(body).encode()}])

    async def receive():
        try:
            return next(asking)
        except StopIteration:
            await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers, "query_string": b""}
    return asyncio.get_running_loop().create_task(app(scope, receive, send))


def said(sent):
    return b"".join(message.get("body", b"") for message in sent)


async def test_nothing_of_a_plain_answer_leaves_before_the_sync(app, gate):
    sent = []
    gate.open.clear()
    answer = asked(app, BODY, sent)
    assert await asyncio.to_thread(gate.entered.wait, 20)
    assert (sent, answer.done()) == ([], False)
    gate.open.set()
    await answer
    assert json.loads(said(sent))["choices"][0]["message"]["content"] == "In March."


async def test_nothing_of_a_refusal_leaves_before_the_sync(app, gate):
    sent = []
    gate.open.clear()
    refused = {**BODY, "stream": True, "messages": [{"role": "user", "content": "Say bluefinch"}]}
    answer = asked(app, refused, sent)
    assert await asyncio.to_thread(gate.entered.wait, 20)
    assert (sent, answer.done()) == ([], False)
    gate.open.set()
    await answer
    assert said(sent).endswith(b"data: [DONE]\n\n")


async def test_the_end_of_a_stream_waits_for_the_sync(app, gate):
    sent = []
    gate.open.clear()
    answer = asked(app, {**BODY, "stream": True}, sent)
    assert await asyncio.to_thread(gate.entered.wait, 20)
    assert not answer.done()
    assert b'"finish_reason":"stop"' not in said(sent).replace(b" ", b"")
    assert b"[DONE]" not in said(sent)
    gate.open.set()
    await answer
    assert said(sent).endswith(b"data: [DONE]\n\n")


async def test_a_stream_says_that_it_begins_before_its_headers_leave(app, gate, tmp_path, monkeypatch):
    sent = []
    seen = []
    begin = app._hall.recorder.audit.begin

    def watched(decision_id, record):
        seen.append((decision_id, list(sent)))
        begin(decision_id, record)

    monkeypatch.setattr(app._hall.recorder.audit, "begin", watched)
    await asked(app, {**BODY, "stream": True}, sent)
    ((decision_id, before),) = seen
    assert before == []
    assert dict(sent[0]["headers"])[b"x-guardproxy-decision-id"].decode() == decision_id


def traced(process, trace, ask):
    """What a process wrote, synced and sent while `ask` ran, in order."""
    calls = "trace=write,writev,sendto,sendmsg,pwrite64,fdatasync"
    command = ["strace", "-f", "-s", "20000", "-o", str(trace), "-e", calls, "-p", str(process.pid)]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    if "attached" not in (said := strace.stderr.readline()):
        strace.communicate(timeout=20)
        pytest.skip(f"strace may not attach here: {said.strip()}")  # a held sync shows the order as well
    try:
        return ask()
    finally:
        strace.terminate()
        strace.communicate(timeout=20)


def first(lines, holds, behind=0):
    return next(at for at, line in enumerate(lines) if at >= behind and holds(line))


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_system_calls_of_a_real_process(tmp_path):
    """A write that is only in the page cache would survive every kill: this is what shows that a sync came first."""
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
    with FakeUpstream() as upstream, serving(tmp_path, upstream.base, POLICY, environment=light) as proxy:

        def ask(stream):
            body = {**BODY, "stream": stream}
            return httpx.post(f"{proxy.base}/chat/completions", json=body, timeout=60, trust_env=False)

        answers = traced(proxy.process, tmp_path / "trace", lambda: [ask(stream) for stream in (False, True, False)])
    lines = (tmp_path / "trace").read_text().splitlines()
    sent = re.compile(r"\b(write|writev|sendto|sendmsg)\(")
    for answer in answers:
        name = answer.headers["x-guardproxy-decision-id"]
        streamed = answer.headers["content-type"].startswith("text/event-stream")
        written = first(lines, lambda line, name=name: name in line and r"\"crc\":" in line)
        synced = first(lines, lambda line: "fdatasync" in line and line.endswith("= 0"), written)
        end = r"data: [DONE]" if streamed else f"x-guardproxy-decision-id: {name}"
        left = first(
            lines, lambda line, end=end: bool(sent.search(line)) and end in line, 0 if not streamed else written
        )
        assert written < synced < left, (name, written, synced, left)
