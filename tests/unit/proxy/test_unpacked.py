"""Replies as the flows rely on them, over an upstream that sends what it likes."""

from __future__ import annotations

import asyncio
import gzip
from typing import ClassVar

import httpx
import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.proxy.target import Target
from guardproxy.proxy.unpacked import UnpackedReply, UnpackedUpstream
from guardproxy.proxy.upstream import Call, read_all
from guardproxy.proxy.upstream_httpx import HttpxUpstream

CALL = Call("POST", "/chat/completions", (), b"{}")
JSON = {"content-type": "application/json"}


async def pieces(raw, size):
    for at in range(0, len(raw), size):
        yield raw[at : at + size]


def upstream_of(content, headers, status=200, size=1):
    def answer(_request):
        return httpx.Response(status, headers=headers, content=pieces(content, size))

    return UnpackedUpstream(HttpxUpstream(Target("main", "http://model/v1"), httpx.MockTransport(answer)))


async def body_of(upstream):
    reply = await upstream.send(CALL)
    try:
        return reply.headers, await read_all(reply, 1000)
    finally:
        await reply.close()
        await upstream.close()


async def test_a_packed_body_is_unpacked_and_no_longer_said_to_be_packed():
    upstream = upstream_of(
        gzip.compress(b'{"a": 1}', mtime=0), {**JSON, "content-encoding": "gzip", "x-request-id": "7"}
    )
    assert upstream.target.name == "main"
    headers, body = await body_of(upstream)
    assert body == b'{"a": 1}'
    assert headers["x-request-id"] == "7"
    assert "content-encoding" not in headers


@pytest.mark.parametrize("encoding", [{}, {"content-encoding": "identity"}, {"content-encoding": " Identity "}])
async def test_any_other_body_passes_piece_by_piece(encoding):
    reply = await upstream_of(b"{}", {**JSON, **encoding}).send(CALL)
    assert [await reply.piece() for _ in range(3)] == [b"{", b"}", b""]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [(b"{}", "br"), (b"{}", "gzip"), (gzip.compress(b"{}", mtime=0)[:-1], "gzip")],
    ids=["br", "bare", "cut"],
)
async def test_what_cannot_be_unpacked(raw, encoding):
    with pytest.raises(UpstreamBadAnswer):
        await body_of(upstream_of(raw, {**JSON, "content-encoding": encoding}))


@pytest.mark.parametrize("kind", ["Text/Event-Stream; charset=UTF-8", "application/JSON", "application/x-ndjson"])
async def test_types_are_given_in_small_letters(kind):
    headers, _ = await body_of(upstream_of(b"{}", {"content-type": kind}))
    assert headers["content-type"] == kind.lower()


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "text/plain; charset=utf-8", ""])
async def test_an_answer_is_json_or_a_stream(kind):
    with pytest.raises(UpstreamBadAnswer, match="neither JSON nor an event stream"):
        await upstream_of(b"{}", {"content-type": kind} if kind else {}).send(CALL)


async def test_an_error_may_be_anything():
    headers, body = await body_of(upstream_of(b"<html>", {"content-type": "text/html"}, status=502))
    assert (headers["content-type"], body) == ("text/html", b"<html>")


async def test_giving_up_on_a_piece_loses_nothing():
    """The streaming flow looks at the clock while it waits: it cancels and asks again."""
    packed: asyncio.Queue[bytes] = asyncio.Queue()

    class Slow:
        status = 200
        headers: ClassVar = {**JSON, "content-encoding": "gzip"}
        piece = staticmethod(packed.get)

    reply, raw = UnpackedReply(Slow()), gzip.compress(b'{"a": 1}', mtime=0)
    packed.put_nowait(raw[:5])  # a part of gzip's own head: nothing to give yet
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await reply.piece()
    for rest in (raw[5:], b""):
        packed.put_nowait(rest)
    assert [await reply.piece(), await reply.piece()] == [b'{"a": 1}', b""]
