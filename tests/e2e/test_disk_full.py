"""The decision log's disk is full, then it is not: by the mode of the log, and without a hand on the proxy."""

import resource
from dataclasses import replace

import pytest

from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.proxy_process import serving, settled
from guardproxy.testing.raw_client import ask, begun, chat, fault, finishes, frames, get, spoken
from guardproxy.testing.scripts import completion, stream_of

from .conftest import POLICY

FREE = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def fill(proxy):
    """No file of the process may grow beyond what the log has now: the log lines are fewer and shorter."""
    size = proxy.decisions.stat().st_size
    resource.prlimit(proxy.process.pid, resource.RLIMIT_FSIZE, (size + 1, resource.RLIM_INFINITY))


async def dropped(proxy):
    page = (await get(proxy.admin_port, "/metrics")).body.decode()
    lines = [line for line in page.splitlines() if line.startswith("guardproxy_audit_dropped_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@pytest.mark.parametrize("mode", ["required", "best_effort"])
async def test_a_full_disk(tmp_path, mode):
    settings = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
    async with LoopUpstream(completion("It stands in the water.")) as upstream:
        with serving(tmp_path, upstream.base, POLICY, environment=settings | {"GUARDPROXY_AUDIT_MODE": mode}) as proxy:
            await settled(proxy)  # the language model is unpacked into a file of its own
            for _ in range(8):
                assert (await ask(proxy.port, chat("hi"))).status == 200
            fill(proxy)
            full = [await ask(proxy.port, chat("hi")) for _ in range(3)]
            if mode == "required":
                assert [one.json["error"]["code"] for one in full] == ["audit_unavailable"] * 3
                assert all(one.status == 503 and one.headers["retry-after"] for one in full)
                assert all(b"stands in the water" not in one.body for one in full)
            else:
                assert [one.status for one in full] == [200] * 3
                while not await dropped(proxy):
                    pass
            resource.prlimit(proxy.process.pid, resource.RLIMIT_FSIZE, FREE)
            while (await get(proxy.port, "/readyz")).status != 200:  # it tries by itself, without being asked anything
                pass
            assert (await ask(proxy.port, chat("hi"))).status == 200


async def test_the_disk_is_full_at_the_very_end_of_a_stream(tmp_path):
    settings = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
    slowly = replace(stream_of(("It ", "stands ", "in ", "the ", "water.")), pause=0.2)
    async with LoopUpstream(slowly) as upstream:
        with serving(tmp_path, upstream.base, POLICY, environment=settings) as proxy:
            await settled(proxy)
            async with begun(proxy.port, chat("hi", stream=True)) as call:
                raw = await call.piece()
                fill(proxy)
                events = list(frames(raw + await call.rest()))
            assert spoken(events) == "It stands in the water."
            assert (fault(events), finishes(events), events[-1]) == ("audit_unavailable", ["length"], "[DONE]")
            resource.prlimit(proxy.process.pid, resource.RLIMIT_FSIZE, FREE)
