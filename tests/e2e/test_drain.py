"""SIGTERM with live streams: those that end in time are whole, the rest are ended well-formed, nobody new gets in."""

import asyncio
import json
import signal
from dataclasses import replace
from time import perf_counter

from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.proxy_process import serving, settled
from guardproxy.testing.raw_client import ask, begun, chat, fault, finishes, frames, spoken
from guardproxy.testing.scripts import completion, stream_of

from .conftest import POLICY

GRACE_S = 2.0
STALL_S = 10.0
"""What a machine that is busy with other things may add."""
LIGHT = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", "GUARDPROXY_LISTEN_GRACE_S": str(GRACE_S)}
SHORT = [f"{word} " for word in ("this", "stream", "ends", "within", "the", "grace")]


def answering(body):
    """A short stream that ends in time, one that never would, and a plain answer that comes too late."""
    text = body["messages"][0]["content"]
    if text == "short":
        return replace(stream_of(SHORT), pause=0.1)
    if text == "long":
        return replace(stream_of([*SHORT, *["on and on. "] * 600]), pause=0.05)
    return replace(completion("Too late."), delay=30)


async def stream(port, text, begins):
    async with begun(port, chat(text, stream=True)) as call:
        raw = await call.piece()
        begins.release()
        return list(frames(raw + await call.rest())), call.headers["x-guardproxy-decision-id"]


async def turned_away(port):
    """The answer, None once nobody listens any more."""
    try:
        return await ask(port, chat("short"))
    except (OSError, asyncio.IncompleteReadError):
        return None


async def all_begun(begins, count):
    for _ in range(count):
        await asyncio.wait_for(begins.acquire(), 20)


def record_of(proxy, decision_id):
    lines = map(json.loads, proxy.decisions.read_text(encoding="utf-8").splitlines())
    return next(line for line in lines if line.get("decision_id") == decision_id)


async def test_sigterm_ends_what_lasts_and_leaves_what_ends_in_time(tmp_path):
    async with LoopUpstream(answering) as upstream:
        with serving(tmp_path, upstream.base, POLICY, environment=LIGHT) as proxy:
            await settled(proxy)
            port, begins = proxy.port, asyncio.Semaphore(0)
            short = [asyncio.create_task(stream(port, "short", begins)) for _ in range(20)]
            long = [asyncio.create_task(stream(port, "long", begins)) for _ in range(20)]
            plain = asyncio.create_task(ask(port, chat("late")))
            await all_begun(begins, 40)
            began = perf_counter()
            proxy.process.send_signal(signal.SIGTERM)
            # Until the listener is closed, a tenth of a second; what is accepted in that moment is closed unread.
            while (answer := await turned_away(port)) is not None:
                assert (answer.status, answer.json["error"]["code"]) == (503, "shutting_down")
                assert answer.headers["retry-after"] == "1"
            whole, cut, late = await asyncio.gather(*short), await asyncio.gather(*long), await plain
            assert GRACE_S - 0.5 < perf_counter() - began < GRACE_S + 2 + STALL_S
            assert await asyncio.to_thread(proxy.process.wait, 20) == 0
    for events, _ in whole:
        assert (spoken(events), finishes(events), events[-1]) == ("".join(SHORT), ["stop"], "[DONE]")
    for events, decision_id in cut:
        assert spoken(events).startswith("".join(SHORT))
        assert (fault(events), finishes(events), events[-1]) == ("shutting_down", ["length"], "[DONE]")
        line = record_of(proxy, decision_id)
        assert (line["outcome"], line["error"]) == ("error", "shutting_down")
    assert (late.status, late.json["error"]["code"]) == (503, "shutting_down")
    assert record_of(proxy, late.headers["x-guardproxy-decision-id"])["outcome"] == "error"


async def test_a_second_signal_hurries(tmp_path):
    slow = LIGHT | {"GUARDPROXY_LISTEN_GRACE_S": "60"}
    async with LoopUpstream(answering) as upstream:
        with serving(tmp_path, upstream.base, POLICY, environment=slow) as proxy:
            await settled(proxy)
            begins = asyncio.Semaphore(0)
            long = asyncio.create_task(stream(proxy.port, "long", begins))
            await all_begun(begins, 1)
            began = perf_counter()
            proxy.process.send_signal(signal.SIGTERM)
            errors = tmp_path / "stderr.log"
            while "stopping" not in errors.read_text(encoding="utf-8"):
                await asyncio.sleep(0.01)
            proxy.process.send_signal(signal.SIGTERM)
            events, _ = await long
            assert perf_counter() - began < 3 + STALL_S
            assert await asyncio.to_thread(proxy.process.wait, 20) == 0
    assert (fault(events), finishes(events), events[-1]) == ("shutting_down", ["length"], "[DONE]")
