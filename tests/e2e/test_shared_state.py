"""Two real proxies over one real Redis: they agree, and Redis may die, come back, freeze or dawdle without a lost request."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.fault_proxy import FaultProxy, Weather
from guardproxy.testing.redis_server import RedisServer

from .conftest import start
from .test_sessions import HERON, talk, told

POLICY = Path(__file__).parent / "policies" / "session.yaml"
LIMITED = "tenants: {default: {requests_per_minute: 1, burst: 6}}\n"
SECRET = {"STATE": "a-secret-of-the-tests-that-is-long-enough"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def upstream():
    with FakeUpstream() as running:
        yield running


def replica(folder, upstream, url, settings=""):
    """A wide budget: what two replicas agree upon is no question of how busy this machine is."""
    file = folder / "settings.yaml"
    file.write_text(settings + "redis: {secret_env: STATE, breaker_s: 0.5, timeout_ms: 500, replicas: 2}\n")
    return start(folder, POLICY, upstream, file=file, GUARDPROXY_REDIS_URL=url, **SECRET)


def stop(*proxies):
    for proxy in proxies:
        proxy.process.terminate()
    assert [proxy.process.wait(15) for proxy in proxies] == [0] * len(proxies)


@pytest.fixture(scope="module")
def pair(tmp_path_factory, upstream, server):
    made = [replica(tmp_path_factory.mktemp(name), upstream, server.url) for name in ("one", "other")]
    yield made
    stop(*made)


def state(proxy):
    return httpx.get(f"{proxy.base}/readyz", trust_env=False).json()["state"]


def until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline


def test_a_session_that_climbs_on_one_replica_is_refused_on_the_other(pair):
    one, other = pair
    seen = [told(talk(proxy, f"{HERON} {at}", session="roams"))[0] for at, proxy in enumerate((one, other, one, other))]
    assert seen == ["log", "warn", "refuse", "refuse"]
    assert [state(proxy) for proxy in pair] == ["shared", "shared"]


def test_redis_dies_under_load_and_comes_back(pair, server):
    one, other = pair
    assert told(talk(one, f"{HERON} a", session="survives"))[0] == "log"
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(talk, pair[at % 2], f"{HERON} b", session=f"load-{at % 8}") for at in range(40)]
        server.kill()
        answers = [one.result() for one in asked]
    assert [a.status_code for a in answers] == [200] * 40
    until(lambda: talk(one, "good day").status_code == 200 and state(one) == "local")
    assert told(talk(one, f"{HERON} c", session="survives"))[0] == "warn"  # from its own copy
    assert told(talk(other, f"{HERON} c", session="survives"))[0] == "log"  # which the other one never had
    server.start()
    for proxy in pair:
        until(
            lambda proxy=proxy: talk(proxy, f"{HERON}", session="probe").status_code == 200 and state(proxy) == "shared"
        )
    assert told(talk(one, f"{HERON} d", session="survives"))[0] == "refuse"
    assert told(talk(other, f"{HERON} e", session="survives"))[0] == "refuse"


def test_one_limit_for_both(tmp_path_factory, upstream, server):
    pair = [replica(tmp_path_factory.mktemp("limited"), upstream, server.url, LIMITED) for _ in range(2)]
    answers = [talk(pair[at % 2], "good day").status_code for at in range(8)]
    assert answers == [200] * 6 + [429] * 2
    server.kill()
    alone = [talk(pair[0], "good day").status_code for _ in range(6)]
    assert (alone.count(200), alone[-1]) == (3, 429)  # its share of the six
    server.start()
    stop(*pair)


async def test_a_slow_redis_costs_its_budget_and_then_nothing(tmp_path, upstream, server):
    file = tmp_path / "settings.yaml"
    file.write_text("redis: {secret_env: STATE, breaker_s: 60}\n")
    async with FaultProxy(server.port, Weather(delay=5.0)) as between:
        url = f"redis://127.0.0.1:{between.port}/0"
        proxy = await asyncio.to_thread(
            start, tmp_path, POLICY, upstream, file=file, GUARDPROXY_REDIS_URL=url, **SECRET
        )
        took = []
        for at in range(12):
            began = time.perf_counter()
            answered = await asyncio.to_thread(talk, proxy, f"{HERON} {at}", session=f"slow-{at}")
            took.append(time.perf_counter() - began)
            assert answered.status_code == 200
        assert max(took) < 2.5  # never the five seconds
        assert await asyncio.to_thread(state, proxy) == "local"
        page = await asyncio.to_thread(lambda: httpx.get(f"{proxy.admin}/metrics", trust_env=False).text)
        assert 'guardproxy_state_errors_total{kind="timeout"} 3.0' in page
        assert "guardproxy_state_shared 0.0" in page
        await asyncio.to_thread(stop, proxy)
