"""Bad weather between the proxy and its upstream: whatever the bytes do, ends are well-formed and nothing leaks."""

import asyncio

import pytest

from guardproxy.testing.fault_proxy import Break, FaultProxy, Weather
from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.proxy_process import serving, settled
from guardproxy.testing.raw_client import ask, chat, fault, finishes, spoken
from guardproxy.testing.scripts import stream_of

from .conftest import POLICY

SAFE = "The heron stands in the water. It waits for a fish. "
SAID = [*(f"{word} " for word in SAFE.split()), "Then the blue", "finch comes."]
HASTY = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", "GUARDPROXY_UPSTREAM_IDLE_TIMEOUT_S": "1"}
HASTY |= {"GUARDPROXY_UPSTREAM_ANSWER_TIMEOUT_S": "2"}
BYTES = 2400
AT_ONCE = 16


@pytest.fixture
async def proxied(tmp_path):
    async with LoopUpstream(stream_of(SAID)) as upstream, FaultProxy(upstream.port) as between:
        with serving(tmp_path, between.base, POLICY, environment=HASTY) as proxy:
            await settled(proxy)
            yield between, proxy


@pytest.mark.parametrize("how", list(Break))
async def test_an_answer_that_breaks_anywhere_ends_well_formed(proxied, how):
    between, proxy = proxied
    step = 211 if how in (Break.STALL, Break.HALF) else 67
    offsets = iter(range(0, BYTES, step))
    between.weather = lambda: Weather(at=next(offsets, BYTES), breaks=how)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one():
        async with gate:
            return await ask(proxy.port, chat("hi", stream=True))

    answers = await asyncio.gather(*(one() for _ in range(0, BYTES, step)))
    for answer in answers:
        assert b"finch" not in answer.body
        if answer.status != 200:
            assert answer.status in (502, 504)
            assert answer.json["error"]["code"] in ("upstream_protocol_error", "upstream_timeout")
            continue
        events = answer.frames
        assert events[-1] == "[DONE]"
        assert len(finishes(events)) == 1
        shown = spoken(events).partition("\n\n")[0]
        assert (SAFE + "Then the blue").startswith(shown.rstrip()) or "help" in shown
        assert (finishes(events) == ["length"]) == bool(fault(events))
    assert {answer.status for answer in answers} >= {200}
    assert any(fault(answer.frames) for answer in answers if answer.status == 200)


@pytest.mark.parametrize(
    "weather", [Weather(cuts=(1,)), Weather(rate=4096), Weather(delay=0.3, cuts=(5, 1, 17), pause=0.001)]
)
async def test_a_bad_line_changes_nothing_but_the_time(proxied, weather):
    between, proxy = proxied
    calm = await ask(proxy.port, chat("hi", stream=True))
    between.weather = weather
    slow = await ask(proxy.port, chat("hi", stream=True))
    assert finishes(calm.frames) == finishes(slow.frames) == ["content_filter"]
    assert spoken(calm.frames).partition("\n\n")[0] == spoken(slow.frames).partition("\n\n")[0]
    assert between.segments > 6
