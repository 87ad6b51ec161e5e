"""Kept connections: which call goes out on which, and what becomes of them. The faults of a call: test_upstream.py."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from guardproxy.errors import UpstreamBadAnswer, UpstreamTimeout
from guardproxy.proxy import upstream_direct
from guardproxy.proxy.target import SecretText, Target
from guardproxy.proxy.tasks import spawn
from guardproxy.proxy.upstream import Call, read_all
from guardproxy.proxy.upstream_direct import DirectUpstream

GET, POST = Call("GET", "/models"), Call("POST", "/chat/completions", body=b"{}")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each request with the next of `says`; None closes instead, an event is waited for first."""

    def __init__(self, *says):
        self.says = list(says)
        self.asked = []
        self.connections = self.ended = 0

    async def __call__(self, reader, writer):
        self.connections += 1
        number = self.connections
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                self.asked.append((number, head.split(b" ", 1)[0].decode()))
                said = self.says.pop(0) if self.says else OK
                if isinstance(said, asyncio.Event):
                    await said.wait()
                    said = OK
                if said is None:
                    break
                writer.write(said)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.ended += 1
            writer.close()


@asynccontextmanager
async def serving(*says, **more):
    server = Server(*says)
    listener = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = DirectUpstream(Target("main", f"http://127.0.0.1:{port}/v1", **more))
    try:
        yield server, client
    finally:
        await client.close()
        for gate in says:
            if isinstance(gate, asyncio.Event):
                gate.set()
        listener.close()
        await listener.wait_closed()


async def said(client, call=POST):
    reply = await client.send(call)
    body = await read_all(reply, 1000)
    await reply.close()
    return body


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_calls_one_after_another_share_a_connection():
    async with serving() as (server, client):
        assert [await said(client) for _ in range(3)] == [b"ok"] * 3
        assert server.connections == 1


async def test_calls_at_once_do_not():
    async with serving() as (server, client):
        assert await asyncio.gather(said(client), said(client)) == [b"ok", b"ok"]
        assert server.connections == 2


async def test_an_answer_can_be_read_when_its_connection_carries_the_next_call():
    async with serving(OK, OK.replace(b"ok", b"no")) as (server, client):
        first = await client.send(POST)
        second = await client.send(POST)
        assert (await first.piece(), await second.piece(), await first.piece()) == (b"ok", b"no", b"")
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"content-length", b"connection: close\r\ncontent-length"),
        OK + b"HTTP/1.1 200 OK\r\n",
        OK + OK.replace(b"ok", b"no"),
        OK + b"\0\0",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
    ids=["close", "half of another", "another", "no HTTP", "1.0"],
)
async def test_what_ends_a_connection(answer):
    async with serving(answer) as (server, client):
        assert [await said(client), await said(client)] == [b"ok", b"ok"]
        assert server.connections == 2


async def test_a_half_read_answer_ends_its_connection():
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok") as (server, client):
        reply = await client.send(POST)
        assert await reply.piece() == b"ok"
        await reply.close()
        await until(lambda: server.ended == 1)


async def test_a_caller_who_leaves_ends_the_connection():
    async with serving(b"HTTP/1.1 200") as (server, client):
        call = spawn(client.send(POST))
        await until(lambda: server.asked)
        call.cancel()
        await until(lambda: server.ended == 1)


async def test_a_connection_that_was_closed_meanwhile_is_tried_again_for_a_get_only():
    async with serving(OK, None, OK, None) as (server, client):
        await said(client)
        assert await said(client, GET) == b"ok"
        with pytest.raises(UpstreamBadAnswer) as caught:
            await client.send(POST)
        assert caught.value.kind == "reset"
        assert server.asked == [(1, "POST"), (1, "GET"), (2, "GET"), (2, "POST")]


async def test_what_was_not_used_for_long_is_not_used_again(monkeypatch):
    async with serving() as (server, client):
        await said(client)
        monkeypatch.setattr(upstream_direct, "KEPT_S", 0.0)
        await said(client)
        assert server.connections == 2


async def test_what_was_not_used_for_long_is_closed(monkeypatch):
    monkeypatch.setattr(upstream_direct, "KEPT_S", 0.01)
    async with serving() as (server, client):
        await said(client)
        await until(lambda: server.ended == 1)


async def test_callers_wait_while_the_pool_is_taken():
    release = asyncio.Event()
    async with serving(release, pool=1) as (server, client):
        calls = [spawn(said(client)) for _ in range(3)]
        await until(lambda: server.asked)
        release.set()
        assert await asyncio.gather(*calls) == [b"ok"] * 3
        assert server.connections == 1


async def test_not_longer_than_for_an_answer():
    # The second may get the place of the first in its last moment, and is not answered then either.
    async with serving(asyncio.Event(), asyncio.Event(), pool=1, answer_timeout=0.05) as (server, client):
        calls = await asyncio.gather(said(client), said(client), return_exceptions=True)
        assert [type(call) for call in calls] == [UpstreamTimeout, UpstreamTimeout]
        server.says.clear()
        client.target = replace(client.target, answer_timeout=5.0)
        assert await said(client) == b"ok", "both have given their place back"


async def test_no_header_begins_a_line_of_its_own():
    async with serving() as (server, client):
        with pytest.raises(UpstreamBadAnswer):
            await client.send(Call("POST", "/x", (("a", "b\r\nc: d"),)))
        assert not server.asked
    with pytest.raises(ValueError, match="line end"):
        DirectUpstream(Target("main", "http://x/v1", key=SecretText("a\nb")))
