"""What must not cost anything, on a real proxy. What takes longer is `slow`, a part of `make perf-gate`."""

import asyncio

import pytest

from guardproxy.testing.bench import growth, guards
from guardproxy.testing.bench.subjects import Setup, ours
from guardproxy.testing.bench.track import Track
from guardproxy.testing.bench.wordlist import policy
from guardproxy.testing.loop_server import LoopServer
from guardproxy.testing.proxy_process import serving
from guardproxy.testing.raw_client import begun, chat, finishes, frames, spoken
from guardproxy.testing.scripts import SSE, stream_of

LONGEST_S = 20.0


class Waiting(LoopServer):
    """Says its first event, and the others once it is told that the first has arrived."""

    def __init__(self):
        super().__init__()
        self.arrived = asyncio.Event()

    async def handle(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r")[0]))
        first, *rest = stream_of(["Herons ", "nest ", "in ", "trees."]).segments
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {SSE}\r\nconnection: close\r\n\r\n".encode() + first)
        await writer.drain()
        await self.arrived.wait()
        writer.writelines(rest)
        writer.close()
        await writer.wait_closed()


async def test_the_first_byte_of_a_stream_leaves_before_the_second_event_comes(tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(policy(10), encoding="utf-8")
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
    async with Waiting() as upstream, asyncio.timeout(LONGEST_S + 60):
        with serving(tmp_path / "proxy", upstream.base, file, environment=light) as proxy:
            async with begun(proxy.port, chat("Where do they nest?", stream=True)) as call:
                first = await asyncio.wait_for(call.piece(), LONGEST_S)
                upstream.arrived.set()
                events = list(frames(first + await call.rest()))
    assert spoken(events) == "Herons nest in trees."
    assert finishes(events) == ["stop"]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """A warm proxy under the policy of the measurements, and the track it runs on."""
    with Track() as track, growth.running(track, lambda folder, port: ours(folder, port, Setup())) as subject:
        yield track, subject


@pytest.mark.slow
def test_five_hundred_idle_connections_cost_nothing(proxy):
    assert guards.of_idle(*proxy) <= guards.MOST_OF_IDLE


@pytest.mark.slow
def test_cost_is_linear_in_the_length_of_a_prompt(proxy):
    assert guards.of_length(*proxy) <= growth.LINEAR


@pytest.mark.slow
def test_ten_thousand_chunks_that_are_alike_pass_and_cost_no_more_each_than_a_thousand(proxy):
    assert guards.of_alike(*proxy, 1_000, 10_000) <= guards.MOST_OF_ALIKE
