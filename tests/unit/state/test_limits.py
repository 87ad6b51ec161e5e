"""GCRA: evenly flowing units, bursts, debts, and a clock that says when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardproxy.state import limits
from guardproxy.state.limits import Bucket, LocalLimits, step

BUCKET = Bucket("t", per_minute=60, burst=3)


async def taken(kept, times, bucket=BUCKET, cost=1):
    return [(await kept.take(bucket, cost, at)).allowed for at in times]


async def test_a_burst_then_one_a_second():
    assert await taken(LocalLimits(), [0, 0, 0, 0, 0.9, 1.0, 1.0, 2.0]) == [1, 1, 1, 0, 0, 1, 0, 1]


async def test_what_a_refused_caller_is_told_is_true():
    kept = LocalLimits()
    await taken(kept, [0, 0, 0])
    refused = await kept.take(BUCKET, 2, 0.25)
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert refused.retry_after_s == pytest.approx(1.75)
    assert refused.reset_s == pytest.approx(2.75)
    assert not (await kept.take(BUCKET, 2, 0.25 + 1.74)).allowed
    assert (await kept.take(BUCKET, 2, 0.25 + 1.75)).allowed


async def test_what_is_left():
    kept = LocalLimits()
    assert [(await kept.take(BUCKET, 1, at)).remaining for at in (0, 0, 0, 0, 1.5, 60)] == [2, 1, 0, 0, 0, 2]


async def test_nothing_is_taken_by_a_refusal():
    kept = LocalLimits()
    assert await taken(kept, [0, 0]) == [True, True]
    assert await taken(kept, [0] * 50, cost=2) == [False] * 50
    assert await taken(kept, [0]) == [True]


async def test_buckets_know_nothing_of_each_other():
    kept = LocalLimits()
    await taken(kept, [0] * 9)
    assert await taken(kept, [0], Bucket("u", 60, 1)) == [True]


async def test_a_charge_goes_into_debt_and_is_paid_off():
    kept = LocalLimits()
    await kept.charge(BUCKET, 10, 0)
    refused = await kept.take(BUCKET, 1, 0)
    assert not refused.allowed
    assert (refused.retry_after_s, refused.remaining) == (pytest.approx(8.0), 0)
    assert await taken(kept, [7.9, 8.0]) == [False, True]


async def test_a_full_bucket_is_forgotten_and_no_other(monkeypatch):
    monkeypatch.setattr(limits, "SWEEP_AT", 2)
    kept = LocalLimits()
    await kept.take(Bucket("busy", 1, 1), 1, 0)
    await kept.take(Bucket("idle", 60, 1), 1, 0)
    await kept.take(Bucket("new", 60, 1), 1, 5)
    assert len(kept) == 2
    assert not (await kept.take(Bucket("busy", 1, 1), 1, 12)).allowed


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_bucket_that_cannot_be(rate, burst):
    with pytest.raises(ValueError, match="a bug"):
        Bucket("t", rate, burst)


@pytest.mark.parametrize("cost", [0, -1, 4])
def test_a_cost_that_cannot_be(cost):
    with pytest.raises(ValueError, match="a bug"):
        step(BUCKET, 0, cost, 0)


steps = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), min_size=1, max_size=80)


@given(steps, st.floats(0.5, 6000), st.integers(5, 50))
async def test_never_more_than_the_burst_and_what_flowed_back(steps, rate, burst):
    """Over any stretch that begins with a take: at most burst + rate × time."""
    kept, bucket, now, given_out = LocalLimits(), Bucket("t", rate, burst), 1000.0, []
    for pause, cost in steps:
        now += pause
        if (await kept.take(bucket, cost, now)).allowed:
            given_out.append((now, cost))
    for first, (begin, _) in enumerate(given_out):
        total = 0
        for at, cost in given_out[first:]:
            total += cost
            assert total <= burst + rate / 60 * (at - begin) + 1e-3


@given(steps, st.floats(0.5, 6000), st.integers(5, 50))
async def test_who_waits_as_told_is_served(steps, rate, burst):
    kept, bucket, now = LocalLimits(), Bucket("t", rate, burst), 0.0
    for pause, cost in steps:
        now += pause
        told = await kept.take(bucket, cost, now)
        assert (told.retry_after_s == 0) is told.allowed
        if not told.allowed:
            now += told.retry_after_s
            assert (await kept.take(bucket, cost, now)).allowed
