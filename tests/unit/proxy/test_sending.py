"""The upstream is asked while the input is still judged: what goes out, when, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from guardproxy.core.findings import Finding
from guardproxy.detectors.bench import Toolbox
from guardproxy.errors import UpstreamUnreachable
from guardproxy.proxy import start
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.routes import RouteSettings
from guardproxy.proxy.settings import AuditSettings, DetectorSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.target import Target
from guardproxy.testing.scripts import completion
from tests.unit.proxy.conftest import HAZARD_RULE, POLICY, Model

CHAT = "/v1/chat/completions"
LONGEST = 10.0


class Reply:
    """An answer in one piece."""

    status = 200

    def __init__(self):
        self.headers = {"content-type": "application/json"}
        self.pieces = [b"".join(completion("Hello.").segments), b""]
        self.closed = self.read = False

    async def piece(self):
        self.read = True
        return self.pieces.pop(0)

    async def close(self):
        self.closed = True


class Upstream:
    """Says when it was asked, and answers when it is let."""

    target = Target("main", "http://model/v1")

    def __init__(self):
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()
        self.calls, self.replies, self.cancelled, self.error = [], [], 0, None

    async def send(self, call):
        self.calls.append(json.loads(call.body))
        self.asked.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        self.replies.append(Reply())
        return self.replies[-1]

    async def close(self):
        pass


class Slow(Model):
    """A model detector that finds nothing out before the upstream was asked, or not before `after`."""

    def __init__(self, upstream, score=0.0):
        self.upstream, self.score = upstream, score
        self.after = upstream.asked

    async def inspect(self, segments):
        await self.after.wait()
        return [Finding("m", "hate.threat", self.score, segments[-1])] if self.score else []


@pytest.fixture
def served(tmp_path, policy_file, monkeypatch):
    """Gives the application, over a route with `overlap`, and its upstream."""

    def made(score=0.0, *, overlap=True):
        upstream = Upstream()
        eye = Slow(upstream, score)
        monkeypatch.setattr(start, "toolbox", lambda *_, **__: Toolbox(models=(eye,)))
        policy_file.write_text(POLICY.format(revision=2).replace("tests:\n", HAZARD_RULE), encoding="utf-8")
        settings = Settings(
            upstream=UpstreamSettings(url="http://127.0.0.1:9"),
            policies=PolicySettings(path=str(policy_file), changes=str(tmp_path / "var" / "policy-changes.jsonl")),
            audit=AuditSettings(mode="off", path=str(tmp_path / "decisions.jsonl")),
            detectors=DetectorSettings(embedded=False),
            routes={"default": RouteSettings(overlap=overlap, upstream_model="inner")},
        )
        hall = start.open_hall(settings, lambda: 1_800_000_000.0)
        return DataApp(replace(hall, upstream=upstream)), upstream, eye

    return made


@pytest.fixture
def ask(send):
    async def asked(app, text="Hello?", **more):
        body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
        async with asyncio.timeout(LONGEST):
            return await send(app, CHAT, json=body)

    return asked


async def test_the_upstream_is_asked_while_detectors_look(served, ask):
    app, upstream, _ = served()
    answer = await ask(app)
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."
    assert [call["model"] for call in upstream.calls] == ["inner"]
    assert upstream.replies[0].closed


async def test_a_refused_input_cancels_the_call(served, ask):
    app, upstream, _ = served(0.95)
    upstream.may_answer.clear()
    answer = await ask(app)
    assert answer.headers["x-guardproxy-decision"] == "refuse"
    assert (len(upstream.calls), upstream.cancelled, upstream.replies) == (1, 1, [])


async def test_of_an_answer_that_was_faster_than_the_refusal_nothing_is_read(served, ask):
    app, upstream, _ = served(0.95)
    answer = await ask(app)
    assert answer.headers["x-guardproxy-decision"] == "refuse"
    for reply in upstream.replies:
        assert (reply.read, reply.closed) == (False, True)
    assert "Hello" not in answer.text


async def test_what_a_warning_adds_does_not_ask_again(served, ask):
    app, upstream, _ = served(0.6)
    answer = await ask(app)
    assert answer.headers["x-guardproxy-decision"] == "warn"
    assert len(upstream.calls) == 1


@pytest.mark.parametrize(
    ("text", "more", "calls"),
    [
        ("a bluefinch", {}, 0),
        ("ask captain turnip", {}, 1),
        ("Hello?", {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, 1),
        ("Hello?", {"web_search_options": {}, "tool_choice": "auto"}, 1),
    ],
)
async def test_what_is_held_back_or_may_act_is_judged_first(served, ask, text, more, calls):
    app, upstream, eye = served()
    eye.after = asyncio.Event()
    judging = asyncio.create_task(ask(app, text, **more))
    while not eye_waits(eye):
        await asyncio.sleep(0)
    assert not upstream.asked.is_set()
    eye.after.set()
    answer = await judging
    assert answer.status_code == 200
    assert len(upstream.calls) == calls
    assert "turnip" not in json.dumps(upstream.calls)


def eye_waits(eye):
    return bool(eye.after._waiters)


async def test_without_the_setting_the_verdict_comes_first(served, ask):
    app, upstream, eye = served(overlap=False)
    eye.after = asyncio.Event()
    judging = asyncio.create_task(ask(app))
    while not eye_waits(eye):
        await asyncio.sleep(0)
    assert not upstream.asked.is_set()
    eye.after.set()
    assert (await judging).status_code == 200


async def test_an_error_of_the_early_call_is_that_of_the_exchange(served, ask):
    app, upstream, _ = served()
    upstream.error = UpstreamUnreachable("nobody listens at the upstream's address")
    answer = await ask(app)
    assert answer.status_code == 502
    assert len(upstream.calls) == 1


async def test_a_detector_that_breaks_drops_the_call(served, ask, monkeypatch):
    app, upstream, _ = served()
    upstream.may_answer.clear()

    async def broken(self, segments):
        await self.after.wait()
        raise RuntimeError

    monkeypatch.setattr(Slow, "inspect", broken)
    assert (await ask(app)).status_code == 503
    assert upstream.cancelled == 1
