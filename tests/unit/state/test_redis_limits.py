"""GCRA in Lua: the answers of the local one, on Redis's clock, shared by replicas."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardproxy.state.limits import ROUNDING_S, Bucket, LocalLimits, taken
from guardproxy.state.redis import Link, connect
from guardproxy.state.redis_limits import SCRIPT, RedisLimits

SECRET = b"s" * 32
WIDE = Bucket("tenant:school:requests", 0.001, 5)
"""Nothing comes back while a test runs."""


def at(raw, bucket, cost, verb, now):
    """The script at a given time, as `RedisLimits` reads it."""
    values = (repr(bucket.interval_s), repr(bucket.depth_s), cost, verb, repr(ROUNDING_S), repr(now))
    wait, full_in = raw.eval(SCRIPT, 1, "bucket", *values)
    return taken(bucket, float(wait), float(full_in))


steps = st.lists(
    st.tuples(st.floats(0.0, 90.0), st.integers(1, 12), st.sampled_from(["take", "take", "charge"])), max_size=30
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=st.floats(0.5, 6000.0), burst=st.integers(1, 50), steps=steps)
async def test_redis_and_this_process_give_the_same_answers(raw, rate, burst, steps):
    raw.delete("bucket")
    bucket, local, now = Bucket("b", rate, burst), LocalLimits(), 28_000_000.0
    for passed, cost, verb in steps:
        now += passed
        if verb == "charge":
            await local.charge(bucket, cost, now)
            at(raw, bucket, cost, verb, now)
            continue
        mine, theirs = await local.take(bucket, min(cost, burst), now), at(raw, bucket, min(cost, burst), verb, now)
        assert (mine.allowed, mine.remaining) == (theirs.allowed, theirs.remaining)
        assert theirs.retry_after_s == pytest.approx(mine.retry_after_s, abs=1e-6)
        assert theirs.reset_s == pytest.approx(mine.reset_s, abs=1e-6)


async def test_two_replicas_take_from_one_bucket_whatever_their_clocks_say(link):
    one, other = (RedisLimits(link, SECRET, "gp", 2) for _ in range(2))
    answers = [await limits.take(WIDE, 1, now) for limits, now in [(one, 0.0), (other, 1e9)] * 4]
    assert [a.allowed for a in answers] == [True] * 5 + [False] * 3
    assert [a.remaining for a in answers[:5]] == [4, 3, 2, 1, 0]
    assert answers[-1].retry_after_s > 1.0


async def test_many_at_once_get_no_more_than_there_is(link):
    limits = RedisLimits(link, SECRET, "gp", 1)
    answers = await asyncio.gather(*(limits.take(WIDE, 1, 0.0) for _ in range(40)))
    assert sum(a.allowed for a in answers) == 5


async def test_what_is_charged_is_owed_everywhere(link):
    await RedisLimits(link, SECRET, "gp", 1).charge(WIDE, 7, 0.0)
    assert not (await RedisLimits(link, SECRET, "gp", 1).take(WIDE, 1, 0.0)).allowed


async def test_redis_sees_numbers_that_expire_under_keys_that_say_nothing(raw, link):
    await RedisLimits(link, SECRET, "gp", 1).take(WIDE, 1, 0.0)
    (key,) = raw.keys()
    assert key.startswith(b"gp:limit:")
    assert b"school" not in key
    float(raw.get(key))
    assert 0 < raw.pttl(key) <= WIDE.interval_s * 1000


@pytest.mark.parametrize("garbage", [b"", b"nan", b"inf", b"-inf", b"1e300", b"-5", b"none", b"\xff\xfe"])
async def test_garbage_counts_as_missing(raw, link, garbage):
    limits = RedisLimits(link, SECRET, "gp", 1)
    await limits.take(WIDE, 1, 0.0)
    raw.set(raw.keys()[0], garbage)
    assert (await limits.take(WIDE, 1, 0.0)).remaining == 4


async def test_a_key_of_another_type_leaves_the_local_limit(raw, link, noted):
    limits = RedisLimits(link, SECRET, "gp", 1)
    await limits.take(WIDE, 1, 0.0)
    (key,) = raw.keys()
    raw.delete(key)
    raw.lpush(key, "x")
    assert (await limits.take(WIDE, 1, 0.0)).remaining == 4
    assert noted.kinds == ["error"]


async def test_without_redis_each_replica_has_its_share(noted):
    away = Link(connect("unix:///nowhere/redis.sock", None, 1), noted)
    limits = RedisLimits(away, SECRET, "gp", 2)
    assert [(await limits.take(WIDE, 1, 0.0)).allowed for _ in range(4)] == [True, True, False, False]
    await limits.charge(Bucket("tokens", 60.0, 4), 3, 0.0)
    assert not (await limits.take(Bucket("tokens", 60.0, 4), 1, 0.0)).allowed
    await away.close()


async def test_a_cost_that_no_bucket_holds_is_a_bug(link):
    with pytest.raises(ValueError, match="bug"):
        await RedisLimits(link, SECRET, "gp", 1).take(WIDE, 6, 0.0)
