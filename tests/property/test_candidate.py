"""A candidate can never change an answer; and one with the same rules never differs from the live policy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardproxy.policy.shelf import Shelf
from guardproxy.proxy import app as edge
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.settings import AuditSettings, DetectorSettings, PolicySettings, Settings, UpstreamSettings
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream_httpx import HttpxUpstream
from guardproxy.testing.scripts import completion, stream_of

PHRASES = ["copper heron", "paper kite", "garden ladder"]
WORDS = ["the", "colony", "returns", "copper", "kite", "in", "may", *PHRASES]
HEAD = """\
guardproxy: policy/v1
policy: sample
revision: {revision}
owner: tests@example.org
about: Made-up words.
applies_to: {{routes: ["*"], tenants: ["*"]}}
max_input_chars: {limit}
rules:
"""
NAMES = iter(count(1))


@dataclass(frozen=True)
class RuleLine:
    phrase: str
    action: str
    stages: str
    mode: str

    def written(self, number: int) -> str:
        name = f"rule-{number}"
        return (
            f"  - {{id: {name}, about: One of the made-up words., words: [{self.phrase}], on_match: {self.action}, "
            f"checks: {self.stages}, mode: {self.mode}}}\n"
        )


rules = st.builds(
    RuleLine,
    st.sampled_from(PHRASES),
    st.sampled_from(["log", "warn", "redact", "regenerate", "refuse"]),
    st.just("[output]") | st.just("[input, output]"),
    st.sampled_from(["enforce", "enforce", "shadow"]),
).map(lambda r: replace(r, stages="[output]") if r.action == "regenerate" else r)
policies = st.lists(rules, min_size=1, max_size=4, unique_by=lambda r: r.phrase)
sayings = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)


def written(lines: list[RuleLine], revision: int = 1, limit: int = 5000) -> str:
    return HEAD.format(revision=revision, limit=limit) + "".join(r.written(n) for n, r in enumerate(lines))


LIVE = [
    RuleLine(PHRASES[0], "redact", "[input, output]", "enforce"),
    RuleLine(PHRASES[1], "refuse", "[output]", "enforce"),
    RuleLine(PHRASES[2], "warn", "[input, output]", "enforce"),
]


@dataclass
class World:
    """A hall, its upstream, and what the upstream was sent."""

    folder: Path
    hall: Hall
    said: list[str] = field(default_factory=lambda: ["hello"])
    sent: list[bytes] = field(default_factory=list)

    @classmethod
    def made(cls, folder: Path, lines: list[RuleLine]) -> World:
        file = folder / f"live-{next(NAMES)}" / "sample.yaml"
        file.parent.mkdir()
        file.write_text(written(lines), encoding="utf-8")
        options = Settings(
            upstream=UpstreamSettings(url="http://127.0.0.1:9"),
            policies=PolicySettings(path=str(file), changes=str(folder / "changes.jsonl")),
            audit=AuditSettings(mode="off", path=str(folder / "decisions.jsonl")),
            detectors=DetectorSettings(embedded=False),
        )
        world = cls(folder, open_hall(options, lambda: 1_800_000_000.0))
        upstream = HttpxUpstream(Target("main", "http://model/v1"), httpx.MockTransport(world.answer))
        world.hall = replace(world.hall, upstream=upstream)
        return world

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.content)
        pieces = [f"{word} " for word in self.said]
        script = stream_of(pieces) if b'"stream":true' in request.content else completion("".join(pieces))
        headers = {"content-type": script.content_type or ""}
        return httpx.Response(200, content=b"".join(script.segments), headers=headers)

    def shelf(self, text: str) -> Shelf:
        file = self.folder / f"candidate-{next(NAMES)}" / "sample.yaml"
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        return self.hall.office.open(file)

    async def ask(self, asked: list[str], *, stream: bool) -> tuple[int, dict[str, str], bytes]:
        body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": " ".join(asked)}]}
        transport = httpx.ASGITransport(DataApp(self.hall))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            answer = await http.post("/v1/chat/completions", json=body)
        await self.hall.trial.idle()
        return answer.status_code, dict(answer.headers), answer.content


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("candidates")


@pytest.fixture(scope="module")
def worlds(folder):
    """Two equal ones, whose decisions have the same ids."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge, "new_decision_id", lambda: "ONE")
        yield World.made(folder, LIVE), World.made(folder, LIVE)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=policies, asked=sayings, said=sayings, stream=st.booleans())
def test_no_candidate_changes_an_answer(worlds, lines, asked, said, stream):
    alone, beside = worlds
    alone.said = beside.said = said
    alone.sent.clear()
    beside.sent.clear()
    beside.hall.trial.begin(beside.shelf(written(lines, revision=9, limit=4000)))
    without = asyncio.run(alone.ask(asked, stream=stream))
    beside_it = asyncio.run(beside.ask(asked, stream=stream))
    assert beside_it == without
    assert beside.sent == alone.sent
    view = beside.hall.trial.view()
    assert (view["dropped"], [pair["exchanges"] for pair in view["pairs"]]) == ({}, [1])
    assert alone.hall.trial.view()["pairs"] == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=policies, asked=sayings, said=sayings, stream=st.booleans())
def test_the_same_rules_never_differ(folder, lines, asked, said, stream):
    world = World.made(folder, lines)
    world.said = said
    world.hall.trial.begin(world.shelf(written(lines, revision=2, limit=4000)))
    status, _, _ = asyncio.run(world.ask(asked, stream=stream))
    assert status == 200
    [pair] = world.hall.trial.view()["pairs"]
    assert pair["live_hash"] != pair["candidate_hash"]
    assert [stage["changed"]["count"] for stage in pair["stages"].values()] == [0] * len(pair["stages"])
    assert all(rule["live"] == rule["candidate"] for rule in pair["rules"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_candidate_that_breaks_changes_nothing_either(worlds, monkeypatch, stream):
    alone, beside = worlds
    alone.said = beside.said = ["the", "copper heron", "returns"]
    beside.hall.trial.begin(beside.shelf(written(LIVE, revision=3, limit=3000)))

    async def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(beside.hall.trial, "_look", broken)
    assert asyncio.run(beside.ask(["hi"], stream=stream)) == asyncio.run(alone.ask(["hi"], stream=stream))
    assert beside.hall.trial.view()["dropped"] == {"error": 1}
