"""Sessions of several replicas: one memory, no turn lost, and memory that only raises risk."""

import asyncio
import json
from dataclasses import replace

import pytest

from guardproxy.core.cool_down import Mark, Pause, Pauses
from guardproxy.core.escalation import Level
from guardproxy.core.session import SessionState
from guardproxy.state.redis import Link, connect
from guardproxy.state.redis_sessions import RedisSessions
from guardproxy.state.sessions import Kept, Sessions

SECRET = b"s" * 32
LEAF = "crime.fraud"
MARKER = "marker-of-a-name"


def replica(link):
    return RedisSessions(link, Sessions(SECRET), SECRET, "gp")


def adding(amount, now):
    """A turn that adds `amount` to whatever is there."""

    def settle(current):
        total = sum(level.total for level in current.levels) + amount
        return Kept(SessionState((Level(LEAF, total, 1),) if total else (), current.pauses, now), now + 100.0)

    return settle


def total(recalled):
    return sum(level.total for level in recalled.state.levels)


@pytest.fixture
def one(link):
    return replica(link)


@pytest.fixture
def other(link):
    return replica(link)


async def turn(memory, amount, now=10.0, key="k"):
    await memory.keep(key, await memory.recall(key, now), adding(amount, now))


async def test_what_one_replica_keeps_the_other_recalls_by_its_own_clock(one, other):
    pauses = Pauses((Mark("crime", 8.0),), (Pause("crime", 30.0),))
    await one.keep("k", await one.recall("k", 10.0), lambda _: Kept(SessionState((), pauses, 10.0), 110.0))
    there = (await other.recall("k", 7210.0)).state  # its clock is two hours ahead
    assert there.at == pytest.approx(7210.0, abs=5.0)
    assert there.pauses.running[0].until - there.at == pytest.approx(20.0)
    assert there.at - there.pauses.marks[0].at == pytest.approx(2.0)


async def test_of_turns_that_run_at_once_none_is_lost(one, other):
    seen = [await memory.recall("k", 10.0) for memory in (one, other)]
    await asyncio.gather(*(m.keep("k", s, adding(1.0, 10.0)) for m, s in zip((one, other), seen, strict=True)))
    assert total(await one.recall("k", 11.0)) == total(await other.recall("k", 11.0)) == 2.0


async def test_a_clean_turn_elsewhere_counts_too(one, other):
    await turn(one, 1.0)
    await turn(other, -1.0, now=20.0)
    assert total(await one.recall("k", 21.0)) == 0.0


async def test_an_unknown_session_is_empty_and_one_that_says_nothing_is_not_written(raw, one):
    seen = await one.recall("k", 10.0)
    assert seen.state == SessionState() or seen.state == SessionState(at=10.0)
    await one.keep("k", seen, adding(0.0, 10.0))
    assert raw.keys() == []


async def test_redis_holds_numbers_that_expire_under_a_keyed_name(raw, one):
    key = one.key("tenant-7", "header", MARKER)
    await turn(one, 1.0, key=key)
    (name,) = raw.keys()
    assert name == f"gp:session:{key}".encode()
    assert 90_000 < raw.pttl(name) <= 100_000
    body = json.loads(raw.get(name)[16:])
    assert body["levels"] == [[LEAF, 1.0, 1]]
    assert MARKER.encode() not in name + raw.get(name)


@pytest.mark.parametrize("garbage", [b"", b"x", b"\xff" * 400, b"{}", None])
async def test_garbage_or_nothing_lowers_no_risk_and_is_written_over(raw, one, other, garbage):
    await turn(one, 1.0)
    raw.delete("gp:session:k") if garbage is None else raw.set("gp:session:k", garbage)
    assert total(await one.recall("k", 11.0)) == 1.0
    assert total(await other.recall("k", 11.0)) == 0.0
    await turn(one, 1.0, now=12.0)
    assert total(await other.recall("k", 13.0)) == 2.0


async def test_another_session_s_state_does_not_fit(raw, one, other):
    await turn(one, 5.0, key="a")
    raw.set("gp:session:b", raw.get("gp:session:a"))
    assert total(await other.recall("b", 11.0)) == 0.0


async def test_while_redis_is_away_each_remembers_alone_and_afterwards_the_higher_counts(server, raw, noted):
    links = [Link(connect(server.url, None, 2), noted, budget_s=5.0, rest_s=0.0) for _ in range(2)]
    one, other = map(replica, links)
    await turn(one, 1.0)
    server.kill()
    try:
        assert total(await one.recall("k", 11.0)) == 1.0
        await turn(one, 1.0, now=12.0)
        await turn(other, 0.5, now=12.0)
        assert total(await one.recall("k", 13.0)) == 2.0
        assert total(await other.recall("k", 13.0)) == 0.5
    finally:
        server.start()
    await turn(one, 0.25, now=14.0)
    assert total(await other.recall("k", 15.0)) == 2.25
    for link in links:
        await link.close()


async def test_a_recall_that_failed_does_not_write_over_what_others_know(one, other):
    await turn(one, 3.0)
    seen = replace(await other.recall("k", 11.0), state=SessionState(at=11.0), blob=b"", shared=False)
    await other.keep("k", seen, adding(1.0, 11.0))
    assert total(await one.recall("k", 12.0)) == 4.0
