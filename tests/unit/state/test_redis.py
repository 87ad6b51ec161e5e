"""The link: a budget for each call, a breaker, and None instead of an exception."""

import asyncio
import socket

import pytest

from guardproxy.errors import SettingsError
from guardproxy.state.redis import Client, Link, connect

ECHO = "return {KEYS[1], ARGV[1]}"


async def echo(client):
    return await client.run(ECHO, "k", b"\xff\x00")


async def test_a_call_gives_what_the_server_said_in_bytes(link, noted):
    assert await link.call(echo) == [b"k", b"\xff\x00"]
    assert (link.shared, noted.kinds) == (True, [])


async def test_a_dead_server_is_noticed_told_once_and_left_alone(noted):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can answer here
        link = Link(connect(f"redis://127.0.0.1:{taken.getsockname()[1]}", None, 2), noted)
        assert [await link.call(echo) for _ in range(6)] == [None] * 6
        await link.close()
    assert len(noted.kinds) == 3
    assert noted.changes == [False]
    assert not link.shared


async def test_a_frozen_server_costs_the_budget_and_its_late_answer_meets_nobody(server, raw, noted):
    link = Link(connect(server.url, None, 1), noted, budget_s=0.05, rest_s=0.1)
    assert await link.call(echo) is not None
    server.freeze()
    try:
        began = asyncio.get_running_loop().time()
        assert await link.call(lambda client: client.run(ECHO, "old", "old")) is None
        assert asyncio.get_running_loop().time() - began < 2.0
    finally:
        server.thaw()
    seen = None
    while seen is None:
        seen = await link.call(echo)
    assert seen == [b"k", b"\xff\x00"]
    assert "timeout" in noted.kinds
    await link.close()


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$zzz\r\n", b"*2\r\n", b"\x00" * 64, b""])
async def test_what_answers_but_is_no_redis_counts_as_away(reply, noted):
    async def babble(_, writer):
        writer.write(reply)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as imposter:
        port = imposter.sockets[0].getsockname()[1]
        link = Link(connect(f"redis://127.0.0.1:{port}", None, 2), noted, budget_s=5.0)
        assert await link.call(echo) is None
        await link.close()
    assert noted.kinds == ["error"]


async def test_a_server_that_may_not_be_written_counts_as_away_until_it_may(raw, link, noted):
    write = "return redis.call('SET', KEYS[1], 'x')"
    raw.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert await link.call(lambda client: client.run(write, "k")) is None
    finally:
        raw.execute_command("REPLICAOF", "NO", "ONE")
    assert await link.call(lambda client: client.run(write, "k")) == b"OK"
    assert noted.kinds == ["error"]


async def test_the_password_is_sent(server, raw, noted):
    raw.config_set("requirepass", "sesame")
    try:
        right, wrong = (Link(connect(server.url, word, 1), noted, budget_s=5.0) for word in ("sesame", "barley"))
        assert await right.call(echo) is not None
        assert await wrong.call(echo) is None
        await right.close()
        await wrong.close()
    finally:
        raw.config_set("requirepass", "")


async def test_a_mistake_of_ours_is_not_swallowed(noted):
    async def broken(client):
        raise AssertionError("ours")

    link = Link(Client(None, ()), noted)
    with pytest.raises(AssertionError):
        await link.call(broken)


def test_an_address_that_is_none_is_an_error_at_start():
    with pytest.raises(SettingsError, match=r"redis\.url"):
        connect("http://127.0.0.1", None, 1)
