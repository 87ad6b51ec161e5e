"""The door in front of uvicorn: a small application behind it, real sockets before it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from guardproxy.errors import Overloaded
from guardproxy.proxy.front import FrontRules
from guardproxy.proxy.server import Listener, Servers
from guardproxy.proxy.settings import LimitSettings
from guardproxy.wire.errors import error_answer
from guardproxy.wire.http_gate import Gate

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"


class App:
    """Says the path and the body; what it does before is told by the path."""

    def __init__(self):
        self.seen, self.begun, self.gone, self.go = [], asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        body, path = b"", scope["path"]
        self.seen.append((scope["method"], path, [n.decode() for n, _ in scope["headers"]]))
        self.begun.set()
        if path == "/wait":
            await self.go.wait()
        while path != "/early":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            body += message["body"]
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if path in ("/flood", "/stream"):
            for _ in range(400 if path == "/flood" else 3):
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await send({"type": "http.response.body", "body": path.encode() + b"|" + body})
        if path == "/flood" and (await receive())["type"] == "http.disconnect":
            self.gone.set()


@asynccontextmanager
async def open_house(rules=None, **limits):
    app, accepting = App(), asyncio.Event()
    rules = replace(rules or FrontRules(), limits=LimitSettings(**limits))
    servers = Servers([Listener(app, "127.0.0.1", 0, rules)], 1.0)
    run = asyncio.create_task(servers.run(accepting.set, lambda: None))
    await asyncio.wait_for(accepting.wait(), 10)
    try:
        yield app, servers.ports[0]
    finally:
        app.go.set()
        servers.stop()
        await asyncio.wait_for(run, 10)


async def connected(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def talk(port, *pieces):
    """Everything until the close."""
    reader, writer = await connected(port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    got = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return got


def status(got):
    return int(got.split(b" ")[1])


def error(got):
    return json.loads(got.partition(b"\r\n\r\n")[2])["error"]


async def test_a_request_passes_and_the_connection_stays():
    async with open_house() as (app, port):
        reader, writer = await connected(port)
        for _ in range(2):
            writer.write(POST + b"hello")
            assert (await reader.readuntil(b"0\r\n\r\n")).endswith(b"/a|hello\r\n0\r\n\r\n")
        writer.close()
        assert app.seen == [("POST", "/a", ["host", "content-length"])] * 2


async def test_a_pipeline_is_answered_in_order_and_one_at_a_time():
    async with open_house() as (app, port):
        reader, writer = await connected(port)
        writer.write(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + POST + b"hello" + GET.replace(b"/a", b"/b"))
        await asyncio.wait_for(app.begun.wait(), 5)
        assert [path for _, path, _ in app.seen] == ["/wait"]
        app.go.set()
        got = b"".join([await reader.readuntil(b"0\r\n\r\n") for _ in range(3)])
        writer.close()
        assert [b"/wait|" in got, b"/a|hello" in got, b"/b|" in got] == [True] * 3
        assert got.index(b"/wait|") < got.index(b"/a|hello") < got.index(b"/b|")


async def test_behind_a_fault_nothing_is_executed():
    async with open_house() as (app, port):
        got = await talk(port, GET + b"GET /b HTTP/1.1\r\n\r\n" + GET.replace(b"/a", b"/c"))
        assert [path for _, path, _ in app.seen] == ["/a"]
        assert got.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 400 Bad Request\r\n" in got
        assert error(got[got.rindex(b"HTTP/1.1 ") :])["code"] == "invalid_host"


async def test_a_trailer_never_becomes_a_header():
    async with open_house() as (app, port):
        chunks = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nX-Api-Key: x\r\n\r\n"
        assert b"/a|hello" in await talk(port, b"POST /a HTTP/1.1\r\nHost: a\r\n" + chunks)
        assert app.seen == [("POST", "/a", ["host", "transfer-encoding", "connection"])]


async def test_an_upgrade_is_ignored():
    async with open_house() as (app, port):
        asked = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nContent-Length: 5\r\n\r\n"
        assert status(await talk(port, b"POST /a HTTP/1.1\r\nHost: a\r\n" + asked + b"hello")) == 200
        assert app.seen[0][2] == ["host", "sec-websocket-key", "content-length", "connection"]


async def test_who_answers_before_the_body_has_ended_closes():
    async with open_house() as (_, port):
        got = await talk(port, b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET /")
        assert status(got) == 200
        assert b"\r\nconnection: close\r\n" in got


async def test_a_body_that_breaks_off_ends_its_exchange():
    async with open_house() as (app, port):
        chunks = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n-1\r\n"
        got = await talk(port, b"POST /a HTTP/1.1\r\nHost: a\r\n" + chunks)
        assert (status(got), error(got)["code"]) == (400, "invalid_http")
        await asyncio.wait_for(app.gone.wait(), 5)


async def test_faults_are_counted_and_shaped_by_their_path():
    counted = []

    def answer(path, fault):
        return replace(error_answer(fault), body=path.encode()) if path else error_answer(fault)

    async with open_house(FrontRules(answer=answer, count=counted.append)) as (app, port):
        assert (await talk(port, b"POST /v1/messages?x HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n/v1/messages")
        assert status(await talk(port, b"\x16\x03\x01")) == 400
        assert counted == ["invalid_host", "invalid_http"]
        assert app.seen == []


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
async def test_http_1_0_gets_no_chunks(method):
    async with open_house() as (_, port):
        got = await talk(port, method + b" /a HTTP/1.0\r\n\r\n")
        head, _, body = got.partition(b"\r\n\r\n")
        assert b"chunked" not in head
        assert head.endswith(b"connection: close")
        assert body == (b"/a|" if method == b"GET" else b"")
        assert len(await talk(port, b"GET /stream HTTP/1.0\r\n\r\n")) > 3 * 65536


async def test_slow_heads_are_closed_however_they_drip():
    async with open_house(header_timeout_s=0.2) as (app, port):
        assert await talk(port) == b""
        assert status(await talk(port, b"\r\n")) == 408
        got = await talk(port, b"GET /a HTTP/1.1\r\nHost: a\r\n")
        assert (status(got), error(got)["code"]) == (408, "request_timeout")
        got = await talk(port, GET + b"GET /b HTTP/1.1\r\n")  # the second one has its own time
        assert got.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 408 " in got
        assert len(app.seen) == 1


async def test_idle_connections_are_closed():
    async with open_house(idle_timeout_s=1.0, header_timeout_s=30.0) as (_, port):
        assert (await talk(port, GET)).count(b"HTTP/1.1 ") == 1


async def test_a_body_that_nobody_waits_for_ends_too(monkeypatch):
    monkeypatch.setattr("guardproxy.proxy.front.BODY_GRACE", 0.1)
    async with open_house(body_timeout_s=0.1) as (app, port):
        reader, writer = await connected(port)
        writer.write(POST + b"hel")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        await asyncio.wait_for(app.gone.wait(), 5)


async def test_a_caller_who_takes_nothing_is_let_go():
    async with open_house(write_timeout_s=0.3) as (app, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.wait_for(app.gone.wait(), 5)
        writer.close()
        del reader


async def test_too_many_connections_are_told_so():
    counted = []
    async with open_house(FrontRules(count=counted.append), connections=1) as (_, port):
        _, first = await connected(port)
        got = await talk(port)
        assert (status(got), error(got)["code"]) == (503, "overloaded")
        assert b"\r\nretry-after: 1\r\n" in got
        first.close()
        assert counted == ["overloaded"]


def sends_away(*paths):
    """Rules of a listener that sends away who asks for these."""
    answer = replace(error_answer(Overloaded("not now")), headers=(("retry-after", "1"), ("x-mark", "1")))
    met = []

    def meet(head):
        met.append(head.line.path)
        return answer if head.line.path in paths else None

    return FrontRules(meet=meet), met


async def test_who_is_sent_away_reaches_no_application_and_may_ask_again():
    rules, met = sends_away("/a")
    async with open_house(rules) as (app, port):
        reader, writer = await connected(port)
        for path in ("a", "a", "b"):  # whole requests: the connection stays
            writer.write(POST.replace(b"/a", f"/{path}".encode()) + b"hello")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            if path == "a":
                assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
                assert b"\r\nx-mark: 1\r\n" in head
                assert b"\r\ndate: " in head
                assert b"connection: close" not in head
                length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                assert json.loads(await reader.readexactly(length))["error"]["code"] == "rate_limit_exceeded"
        assert b"/b|hello" in await asyncio.wait_for(reader.read(64), 10)
        assert [path for _, path, _ in app.seen] == ["/b"]
        assert met == ["/a", "/a", "/b"]
        writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"hel",
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"POST /a HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    ],
)
async def test_who_is_sent_away_before_the_body_is_here_or_wants_to_leave_is_let_go(request_):
    async with open_house(sends_away("/a")[0]) as (app, port):
        got = await talk(port, request_)
        assert (status(got), error(got)["code"]) == (429, "rate_limit_exceeded")
        assert b"\r\nconnection: close\r\n" in got
        assert app.seen == []


async def test_of_a_pipeline_each_is_met_in_its_turn():
    async with open_house(sends_away("/a")[0]) as (app, port):
        last = b"GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        got = await talk(port, GET + GET.replace(b"/a", b"/b") + POST + b"hello" + last)
        assert [line.split(b" ")[1] for line in got.split(b"HTTP/1.1")[1:]] == [b"429", b"200", b"429", b"200"]
        assert [path for _, path, _ in app.seen] == ["/b", "/c"]


async def test_who_is_sent_away_and_says_nothing_more_is_let_go_in_time():
    async with open_house(sends_away("/a")[0], idle_timeout_s=1) as (_, port):
        assert status(await talk(port, GET)) == 429


async def test_a_long_pipeline_waits_in_the_socket():
    async with open_house() as (app, port):
        reader, writer = await connected(port)
        many = 3_000
        writer.write(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + GET * many)
        await asyncio.wait_for(app.begun.wait(), 5)
        app.go.set()
        for _ in range(many + 1):
            await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 10)
        writer.close()
        assert len(app.seen) == many + 1


async def test_what_only_the_parser_finds_is_refused_like_the_rest(monkeypatch):
    monkeypatch.setattr(Gate, "step", lambda self: b"\x00 bluefinch\r\n\r\n")
    async with open_house() as (app, port):
        got = await talk(port, GET)
        assert (status(got), error(got)["code"]) == (400, "invalid_http")
        assert b"bluefinch" not in got
        assert app.seen == []
