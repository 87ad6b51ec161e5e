"""The store of one process gives what one process alone would, and keeps its promises to several."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardproxy.core.escalation import Level
from guardproxy.core.session import SessionState
from guardproxy.state.limits import Bucket, LocalLimits
from guardproxy.state.redis import Link
from guardproxy.state.redis_limits import RedisLimits
from guardproxy.state.redis_sessions import READ, WRITE, RedisSessions
from guardproxy.state.sessions import Kept, Sessions
from guardproxy.state.store import Store, flat, unflat

SECRET = b"s" * 32


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


class Client:
    """As redis-py's, over a store."""

    errors = ()

    def __init__(self, store):
        self._store = store

    async def run(self, script, key, *values):
        await asyncio.sleep(0)
        return unflat(flat(self._store.run(script, key, *unflat(flat(values)))))


class Told:
    def failed(self, kind):
        raise AssertionError(kind)

    def changed(self, *, shared):
        raise AssertionError(shared)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return Store(clock, most=3)


@pytest.fixture
def link(store):
    return Link(Client(store), Told(), budget_s=10)


def test_compare_and_set(store, clock):
    assert store.run(WRITE, "k", b"", b"one", 5_000) == [1, b""]
    assert store.run(WRITE, "k", b"", b"two", 5_000) == [0, b"one"]
    assert store.run(WRITE, "k", b"one", b"two", 5_000) == [1, b""]
    clock.now += 4.25
    assert store.run(READ, "k") == [b"two", 1004, 250_000]
    clock.now += 1
    assert store.run("read", "k")[0] == b""
    assert len(store) == 0


def test_the_longest_unused_goes_first(store):
    for key in "abc":
        store.run(WRITE, key, b"", b"x", 60_000)
    store.run(READ, "a")
    store.run(WRITE, "d", b"", b"x", 60_000)
    assert [store.run(READ, key)[0] for key in "abcd"] == [b"x", b"", b"x", b"x"]


def test_nothing_else_is_run(store):
    with pytest.raises(ValueError, match="no script of ours"):
        store.run("return redis.call('FLUSHALL')", "k")


steps = st.lists(
    st.tuples(st.floats(0.0, 90.0), st.integers(1, 12), st.sampled_from(["take", "take", "charge"])), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(rate=st.floats(0.5, 6000.0), burst=st.integers(1, 50), steps=steps)
async def test_limits_are_those_of_one_process(rate, burst, steps):
    clock, local, bucket = Clock(), LocalLimits(), Bucket("b", rate, burst)
    shared = RedisLimits(Link(Client(Store(clock)), Told(), budget_s=10), SECRET, "w", 2)
    for passed, cost, verb in steps:
        clock.now += passed
        if verb == "charge":
            await local.charge(bucket, cost, clock.now)
            await shared.charge(bucket, cost, clock.now)
            continue
        least = min(cost, burst)
        mine, theirs = await local.take(bucket, least, clock.now), await shared.take(bucket, least, clock.now)
        assert (mine.allowed, mine.remaining) == (theirs.allowed, theirs.remaining)
        assert theirs.retry_after_s == pytest.approx(mine.retry_after_s, abs=1e-6)


async def test_many_processes_get_no_more_than_one_would(link):
    workers = [RedisLimits(link, SECRET, "w", 4) for _ in range(4)]
    bucket = Bucket("tenant:school:requests", 0.001, 5)
    taken = await asyncio.gather(*(workers[n % 4].take(bucket, 1, 0.0) for n in range(40)))
    assert sum(one.allowed for one in taken) == 5


async def test_turns_of_one_session_in_two_processes_are_both_remembered(link, clock):
    one, other = (RedisSessions(link, Sessions(SECRET), SECRET, "w") for _ in range(2))
    key = one.key("school", "header", "abc")
    seen = [await each.recall(key, clock.now) for each in (one, other)]

    def more(state):
        total = sum(level.total for level in state.levels)
        return Kept(SessionState((Level("crime.fraud", total + 1.0, 1),), at=clock.now), clock.now + 60)

    await asyncio.gather(one.keep(key, seen[0], more), other.keep(key, seen[1], more))
    assert (await other.recall(key, clock.now)).state.levels[0].total == 2.0
