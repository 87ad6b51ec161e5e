"""Both ends in one loop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from guardproxy.proxy.workers.channel import AskedInVain, Channel, ChannelLost, Message, pair


@asynccontextmanager
async def ends(**answers):
    """The one that asks, and what happened at the other one's loss."""
    mine, theirs = pair()
    asks, gives = Channel({}), Channel(answers)
    await asks.open(mine)
    await gives.open(theirs)
    try:
        yield asks, gives
    finally:
        asks.close()
        gives.close()


async def test_what_is_said_arrives_whole_and_in_order():
    got, done = [], asyncio.Event()

    def take(message):
        got.append((message.fields["n1"], len(message.body)))
        if len(got) == 300:
            done.set()

    async with ends(take=take) as (asks, _):
        for n in range(300):
            asks.say("take", b"x" * n * 97, n1=n)
        await asyncio.wait_for(done.wait(), 10)
    assert got == [(n, n * 97) for n in range(300)]


async def test_an_answer_comes_back_with_its_bytes():
    async with ends(double=lambda m: Message("", {"twice": 2 * m.fields["x"]}, m.body * 2)) as (asks, _):
        answer = await asks.ask("double", b"ab", x=4)
    assert (answer.fields, answer.body) == ({"twice": 8}, b"abab")


async def test_what_takes_long_holds_nobody_up():
    free = asyncio.Event()

    async def slow(_message):
        await free.wait()

    async with ends(slow=slow, quick=lambda _m: None) as (asks, gives):
        waiting = asyncio.create_task(asks.ask("slow"))
        await asks.ask("quick")
        assert not waiting.done()
        free.set()
        await waiting
        await gives.settled()


async def test_a_caller_that_gives_up_ends_the_work():
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless(_message):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with ends(endless=endless) as (asks, gives):
        waiting = asyncio.create_task(asks.ask("endless"))
        await begun.wait()
        waiting.cancel()
        await asyncio.wait_for(ended.wait(), 10)
        await gives.settled()


async def test_a_failure_is_told_by_its_kind_alone():
    async def wrong(_message):
        raise ValueError("with words of a user")

    async with ends(wrong=wrong) as (asks, _):
        with pytest.raises(AskedInVain, match=r"^ValueError$"):
            await asks.ask("wrong")


async def test_whoever_waits_when_the_other_side_goes_is_told():
    async def never(_message):
        await asyncio.Event().wait()

    lost = asyncio.Event()
    mine, theirs = pair()
    asks, gives = Channel({}, lost.set), Channel({"never": never})
    await asks.open(mine)
    await gives.open(theirs)
    waiting = asyncio.create_task(asks.ask("never"))
    await asyncio.sleep(0)
    gives.close()
    with pytest.raises(ChannelLost):
        await waiting
    await lost.wait()
    assert not asks.is_open
    with pytest.raises(ChannelLost):
        asks.say("never")
    with pytest.raises(ChannelLost):
        await asks.ask("never")


async def test_a_word_may_be_learned_after_it_came():
    got = []
    async with ends(first=lambda m: got.append(("first", m.fields["at"]))) as (asks, gives):
        asks.say("later", at=1)
        asks.say("first", at=2)
        waiting = asyncio.create_task(asks.ask("later", at=3))
        while len(gives.early) < 3:
            await asyncio.sleep(0)
        assert got == []
        gives.learn({"later": lambda m: got.append(("later", m.fields["at"]))})
        await asyncio.wait_for(waiting, 10)
    assert got == [("later", 1), ("first", 2), ("later", 3)]
