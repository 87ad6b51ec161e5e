"""Callers that do not read, leave, or stay while the policy changes."""

import asyncio
import json
from dataclasses import replace
from time import perf_counter

from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.process_figures import Figures
from guardproxy.testing.proxy_process import serving, settled
from guardproxy.testing.raw_client import ask, begun, chat, finishes, frames, get, spoken
from guardproxy.testing.scripts import stream_of

from .conftest import POLICY

LIGHT = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
WORDS = [f"{word} " for word in ("a", "heron", "stands", "in", "the", "water", "and", "waits")]
MANY = 10
LONG = replace(stream_of(WORDS * 40), pause=0.2)  # over a minute


async def until(holds, seconds=40.0):
    """Waits for something to become true."""
    deadline = perf_counter() + seconds
    while not holds():
        assert perf_counter() < deadline
        await asyncio.sleep(0.01)


def outcomes(proxy):
    lines = map(json.loads, proxy.decisions.read_text(encoding="utf-8").splitlines())
    return [line["outcome"] for line in lines if "decision_id" in line]


async def figures(proxy):
    """After its first connection: with that one the event loop opens a descriptor that it keeps in reserve."""
    await get(proxy.port, "/healthz")
    return Figures.of(proxy.process.pid)


async def test_who_does_not_read_holds_the_upstream_back_and_is_dropped(tmp_path):
    flood = stream_of(["word " * 2000] * 1500)  # 15 MB
    impatient = LIGHT | {"GUARDPROXY_LIMITS_WRITE_TIMEOUT_S": "2"}
    async with LoopUpstream(flood) as upstream:
        with serving(tmp_path, upstream.base, POLICY, environment=impatient) as proxy:
            await settled(proxy)
            before = await figures(proxy)
            async with begun(proxy.port, chat("flood", stream=True), receive_buffer=1024) as call:
                assert call.status == 200
                await until(lambda: upstream.live == 0)
                assert upstream.aborted == 1
                assert upstream.written < 12_000_000
                await until(lambda: outcomes(proxy) == ["client_abort"])
            # Nothing of what could not be written is kept.
            await until(lambda: Figures.of(proxy.process.pid).descriptors <= before.descriptors + 1)
            assert Figures.of(proxy.process.pid).resident - before.resident < 32
            upstream.answering = stream_of(WORDS)
            assert spoken((await ask(proxy.port, chat("again", stream=True))).frames) == "".join(WORDS)


async def test_who_leaves_takes_the_upstream_along(tmp_path):
    async with LoopUpstream(LONG) as upstream:
        with serving(tmp_path, upstream.base, POLICY, environment=LIGHT) as proxy:
            await settled(proxy)
            before, left = (await figures(proxy)).descriptors, []

            async def leave():
                async with begun(proxy.port, chat("hi", stream=True)) as call:
                    await call.piece()
                left.append(perf_counter())

            await asyncio.gather(*(leave() for _ in range(MANY)))
            await until(lambda: upstream.live == 0)
            assert (upstream.aborted, upstream.answered) == (MANY, 0)
            waits = sorted(gone - went for gone, went in zip(sorted(upstream.left_at), sorted(left), strict=True))
            assert waits[len(waits) // 2] < 10  # 1 on a quiet machine; the answers take over a minute
            await until(lambda: outcomes(proxy) == ["client_abort"] * MANY)
            await until(lambda: Figures.of(proxy.process.pid).descriptors <= before + 1)
            page = (await get(proxy.admin_port, "/metrics")).body.decode()
            assert 'guardproxy_inflight{surface="chat_completions"} 0.0' in page


async def test_a_stream_ends_on_the_policy_it_began_with(tmp_path):
    policy = tmp_path / "policies" / "canary.yaml"
    policy.parent.mkdir()
    old = POLICY.read_text(encoding="utf-8")
    policy.write_text(old, encoding="utf-8")
    new = old.replace("words: [bluefinch]", "words: [bluefinch, marsh]").replace("revision: 1", "revision: 2")
    script = replace(stream_of([*WORDS * 3, "in the marsh ", *WORDS * 3]), pause=0.05)
    async with LoopUpstream(script) as upstream:
        with serving(tmp_path / "proxy", upstream.base, policy, environment=LIGHT) as proxy:
            async with begun(proxy.port, chat("hi", stream=True)) as call:
                raw = await call.piece()
                policy.write_text(new, encoding="utf-8")
                reloaded = await ask(proxy.admin_port, {}, "/admin/policies/reload")
                assert reloaded.status == 200
                events = list(frames(raw + await call.rest()))
                began = call.headers["x-guardproxy-policy-hash"]
            later = await ask(proxy.port, chat("hi", stream=True))
    assert (finishes(events), "in the marsh" in spoken(events)) == (["stop"], True)
    noted = next(e["guardproxy"] for e in events if isinstance(e, dict) and "guardproxy" in e)
    assert (noted["policy"], noted["policy_hash"]) == ("canary@1", began)
    assert (later.headers["x-guardproxy-policy"], finishes(later.frames)) == ("canary@2", ["content_filter"])
