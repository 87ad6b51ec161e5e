"""Both clients against a scripted server: what they send, and how each fault is named. aiohttp's is the oracle."""

from __future__ import annotations

import socket
import zlib
from dataclasses import replace

import aiohttp
import pytest

from guardproxy.errors import UpstreamBadAnswer, UpstreamTimeout, UpstreamUnreachable
from guardproxy.proxy.target import SecretText, Target
from guardproxy.proxy.upstream import Call, read_all
from guardproxy.proxy.upstream_aiohttp import AiohttpUpstream
from guardproxy.proxy.upstream_direct import DirectUpstream
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import SSE, Script, answer

CALL = Call("POST", "/chat/completions", (("content-type", "application/json"), ("x-request-id", "7")), b'{"a": 1}')


@pytest.fixture
def server():
    with FakeUpstream(answer({"ok": True})) as upstream:
        yield upstream


@pytest.fixture(params=[AiohttpUpstream, DirectUpstream])
def client_for(request):
    return lambda base, **more: request.param(Target("main", base, **more))


async def test_a_call_arrives_as_it_is_with_the_key_and_nothing_else(server, client_for):
    client = client_for(server.base, key=SecretText("sk-sample"))
    reply = await client.send(CALL)
    assert (reply.status, await read_all(reply, 1000)) == (200, b'{"ok": true}')
    assert reply.headers["content-type"] == "application/json"
    await reply.close()
    await client.close()
    (request,) = server.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert (request.method, request.path, request.body) == ("POST", "/v1/chat/completions", CALL.body)
    assert headers["authorization"] == "Bearer sk-sample"
    assert set(headers) == {
        "host",
        "content-type",
        "x-request-id",
        "accept-encoding",
        "authorization",
        "content-length",
    }


async def test_without_a_key_no_authorization(server, client_for):
    client = client_for(server.base)
    await (await client.send(Call("GET", "/models"))).close()
    await client.close()
    assert "authorization" not in {name.lower() for name in server.requests[0].headers}


@pytest.mark.parametrize("status", [301, 307, 404, 429, 503])
async def test_any_status_is_an_answer_and_no_redirect_is_followed(server, status, client_for):
    server.answer_with(answer({}, status=status))
    client = client_for(server.base)
    reply = await client.send(CALL)
    assert reply.status == status
    assert len(server.requests) == 1
    await reply.close()
    await client.close()


async def test_a_body_is_not_unpacked(server, client_for):
    packed = zlib.compress(b"x" * 1000)
    server.answer_with(Script((packed,), headers=(("content-encoding", "deflate"),)))
    client = client_for(server.base)
    reply = await client.send(CALL)
    assert await read_all(reply, 1000) == packed
    await reply.close()
    await client.close()


async def test_a_long_answer_is_a_protocol_error(server, client_for):
    client = client_for(server.base)
    reply = await client.send(CALL)
    with pytest.raises(UpstreamBadAnswer, match="longer than 3 bytes"):
        await read_all(reply, 3)
    await reply.close()
    await client.close()


async def test_nobody_listens(client_for):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    client = client_for(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(UpstreamUnreachable):
        await client.send(CALL)
    await client.close()


async def test_what_is_not_http(server, client_for):
    server.answer_with(Script(headers=(("not a name", "x"),)))
    client = client_for(server.base)
    with pytest.raises(UpstreamBadAnswer) as caught:
        await client.send(CALL)
    assert caught.value.kind == "reset"
    await client.close()


async def test_no_status_line_in_time(server, client_for):
    server.answer_with(Script(delay=10.0))
    client = client_for(server.base, answer_timeout=0.05)
    with pytest.raises(UpstreamTimeout) as caught:
        await client.send(CALL)
    assert caught.value.kind == "timeout"
    await client.close()


async def test_silence_in_mid_answer(server, client_for):
    server.answer_with(Script((b"abc",), content_type=SSE, hang=True))
    client = client_for(server.base, idle_timeout=0.05)
    reply = await client.send(CALL)
    with pytest.raises(UpstreamTimeout) as caught:
        await read_all(reply, 100)
    assert caught.value.kind == "idle"
    await reply.close()
    await client.close()


@pytest.mark.parametrize(
    "script",
    [
        Script((b"abc",), content_type=SSE, headers=(("content-length", "9"),)),
        Script((b"abc",), content_type=SSE, headers=(("content-length", "9"),), reset_at=3),
    ],
    ids=["closed", "reset"],
)
async def test_a_cut_in_mid_answer(server, script, client_for):
    server.answer_with(script)
    client = client_for(server.base)
    reply = await client.send(CALL)
    with pytest.raises(UpstreamBadAnswer) as caught:
        await read_all(reply, 100)
    assert caught.value.kind == "reset"
    await reply.close()
    await client.close()


async def test_closing_twice_and_before_the_first_call(client_for):
    client = client_for("http://127.0.0.1:9/v1")
    await client.close()
    await client.close()


def test_secrets_and_bodies_do_not_show():
    target = Target("main", "http://x/v1", key=SecretText("sk-sample"))
    assert "sk-sample" not in repr(target)
    assert "sk-sample" not in f"{target.key}"
    assert repr(replace(CALL, body=b"a walrus")) == "Call(POST /chat/completions, 8 bytes)"


async def test_a_connection_that_is_not_taken_is_told_apart_from_an_answer_that_does_not_come(monkeypatch):
    async def nobody_takes_it(*_arguments, **_named):
        raise aiohttp.ConnectionTimeoutError("Connection timeout to host")

    upstream = AiohttpUpstream(Target("main", "http://127.0.0.1:9/v1", connect_timeout=3.0))
    monkeypatch.setattr(aiohttp.ClientSession, "_request", nobody_takes_it)
    with pytest.raises(UpstreamTimeout, match="took no connection within 3 s"):
        await upstream.send(Call("GET", "/models"))
    await upstream.close()
