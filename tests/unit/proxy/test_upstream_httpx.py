"""Either world may stand in for the other: calls, answers and faults arrive."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from guardproxy.errors import UpstreamBadAnswer, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from guardproxy.proxy.target import SecretText, Target
from guardproxy.proxy.upstream import Call, read_all
from guardproxy.proxy.upstream_httpx import HttpxUpstream, UpstreamTransport

TARGET = Target("main", "http://model:9/v1", key=SecretText("sk-sample"), answer_timeout=0.05, idle_timeout=0.05)
CALL = Call("POST", "/chat/completions", (("content-type", "application/json"),), b'{"a": 1}')


def upstream_of(handler, target=TARGET):
    return HttpxUpstream(target, httpx.MockTransport(handler))


class Pieces(httpx.AsyncByteStream):
    """Bytes, then whatever comes last: an exception, or silence."""

    def __init__(self, *pieces, last=None):
        self.pieces, self.last, self.closed = pieces, last, False

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece
        if self.last == "silence":
            await asyncio.Event().wait()
        if self.last:
            raise self.last

    async def aclose(self):
        self.closed = True


async def test_httpx_as_upstream_sends_the_call_with_the_key():
    seen = []

    def handler(request):
        seen.append(request)
        return httpx.Response(201, headers={"X-A": "b"}, content=b"text")

    upstream = upstream_of(handler)
    reply = await upstream.send(CALL)
    assert (reply.status, reply.headers["x-a"], await read_all(reply, 100)) == (201, "b", b"text")
    await reply.close()
    await upstream.close()
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "http://model:9/v1/chat/completions")
    assert request.content == CALL.body
    assert request.headers["authorization"] == "Bearer sk-sample"
    assert request.headers["accept-encoding"] == "identity"


async def test_without_a_key_and_without_redirects():
    seen = []

    def handler(request):
        seen.append(request)
        return httpx.Response(307, headers={"location": "http://elsewhere/"})

    reply = await upstream_of(handler, Target("main", "http://model:9/v1")).send(Call("GET", "/models"))
    assert (reply.status, len(seen)) == (307, 1)
    assert "authorization" not in seen[0].headers
    await reply.close()


async def never(_request):
    await asyncio.Event().wait()


def raising(error):
    def handler(_request):
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "kind", "label"),
    [
        (raising(httpx.ConnectError("x")), UpstreamUnreachable, "unreachable"),
        (raising(httpx.ConnectTimeout("x")), UpstreamTimeout, "timeout"),
        (raising(httpx.ReadTimeout("x")), UpstreamTimeout, "timeout"),
        (raising(httpx.RemoteProtocolError("x")), UpstreamBadAnswer, "reset"),
        (raising(httpx.ReadError("x")), UpstreamBadAnswer, "reset"),
        (never, UpstreamTimeout, "timeout"),
    ],
)
async def test_faults_before_the_answer_are_ours(handler, kind, label):
    with pytest.raises(kind) as caught:
        await upstream_of(handler).send(CALL)
    assert caught.value.kind == label


@pytest.mark.parametrize(
    ("last", "kind", "label"),
    [
        (httpx.ReadTimeout("x"), UpstreamTimeout, "idle"),
        ("silence", UpstreamTimeout, "idle"),
        (httpx.RemoteProtocolError("x"), UpstreamBadAnswer, "reset"),
        (httpx.ReadError("x"), UpstreamBadAnswer, "reset"),
    ],
)
async def test_faults_in_mid_answer_are_ours(last, kind, label):
    body = Pieces(b"abc", last=last)
    reply = await upstream_of(lambda _r: httpx.Response(200, stream=body)).send(CALL)
    assert await reply.piece() == b"abc"
    with pytest.raises(kind) as caught:
        await reply.piece()
    assert caught.value.kind == label
    await reply.close()
    assert body.closed


class Reply:
    def __init__(self, *pieces, status=200, headers=None, last=None):
        self.status, self.headers = status, headers or {}
        self._pieces, self._last, self.closed = list(pieces), last, False

    async def piece(self):
        if self._pieces:
            return self._pieces.pop(0)
        if self._last:
            raise self._last
        return b""

    async def close(self):
        self.closed = True


class Upstream:
    target = TARGET

    def __init__(self, reply):
        self.reply, self.calls = reply, []

    async def send(self, call):
        self.calls.append(call)
        if isinstance(self.reply, UpstreamError):
            raise self.reply
        return self.reply

    async def close(self):
        pass


def client_of(upstream):
    return httpx.AsyncClient(transport=UpstreamTransport(upstream), base_url="http://any.name")


async def test_an_upstream_as_httpx_sends_path_body_and_what_it_may():
    upstream = Upstream(Reply(b"te", b"xt", headers={"x-a": "b"}, status=201))
    async with client_of(upstream) as client:
        answer = await client.post("/models?x=1", content=b"abc", headers={"authorization": "mine", "accept": "a/b"})
    assert (answer.status_code, answer.headers["x-a"], answer.content) == (201, "b", b"text")
    (call,) = upstream.calls
    assert (call.method, call.path, call.body) == ("POST", "/models?x=1", b"abc")
    assert call.headers == (("accept", "a/b"),)
    assert upstream.reply.closed


async def test_a_call_without_a_body():
    upstream = Upstream(Reply())
    async with client_of(upstream) as client:
        assert (await client.get("/models")).content == b""
    assert upstream.calls[0].body is None


FAULTS = [
    (UpstreamUnreachable("x"), httpx.ConnectError),
    (UpstreamTimeout("x"), httpx.ReadTimeout),
    (UpstreamBadAnswer("x"), httpx.RemoteProtocolError),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
async def test_our_faults_are_theirs(fault, kind):
    async with client_of(Upstream(fault)) as client:
        with pytest.raises(kind):
            await client.get("/models")


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
async def test_our_faults_in_mid_answer_are_theirs(fault, kind):
    reply = Reply(b"abc", last=fault)
    async with client_of(Upstream(reply)) as client:
        with pytest.raises(kind):
            await client.get("/models")
    assert reply.closed


async def test_there_and_back_again():
    """An upstream over httpx over an upstream: nothing is lost on the way."""
    inner = Upstream(Reply(b"a", b"b", status=418))
    outer = HttpxUpstream(TARGET, UpstreamTransport(inner))
    reply = await outer.send(CALL)
    assert (reply.status, await read_all(reply, 9)) == (418, b"ab")
    await reply.close()
    await outer.close()
    assert inner.calls[0].path == "/v1/chat/completions"
