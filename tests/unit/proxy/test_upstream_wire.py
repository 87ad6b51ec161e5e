"""One connection, byte by byte: whatever pieces an answer comes in, it is the same answer."""

from __future__ import annotations

import asyncio

import pytest

from guardproxy.proxy.upstream_wire import MOST_HEAD, MOST_HELD, Broken, Wire


class Transport(asyncio.Transport):
    """Notes what is done to it."""

    def __init__(self):
        super().__init__()
        self.sent, self.events = b"", []

    def write(self, data):
        self.sent += data

    def is_closing(self):
        return "abort" in self.events

    def abort(self):
        self.events.append("abort")

    def pause_reading(self):
        self.events.append("pause")

    def resume_reading(self):
        self.events.append("resume")


class Talk:
    """A wire that has sent a call."""

    def __init__(self):
        self.events = []
        self.transport = Transport()
        loop = asyncio.get_running_loop()
        self.wire = Wire(loop, lambda _: self.events.append("free"), lambda _: self.events.append("lost"))
        self.wire.connection_made(self.transport)
        self.answer = self.wire.send(b"GET / HTTP/1.1\r\n\r\n")

    async def whole(self):
        await self.answer.head(1.0)
        pieces = []
        while piece := await self.answer.piece(1.0):
            pieces.append(piece)
        return self.answer.status, b"".join(pieces)


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nheron"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nron\r\n0\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + LENGTH


@pytest.mark.parametrize("raw", [LENGTH, CHUNKED, EARLY], ids=["length", "chunked", "informational"])
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_any_cutting_gives_the_same_answer(raw, size):
    talk = Talk()
    for at in range(0, len(raw), size):
        talk.wire.data_received(raw[at : at + size])
    assert await talk.whole() == (200, b"heron")
    assert ("link" not in talk.answer.headers, talk.events, talk.transport.events) == (True, ["free"], [])


async def test_without_a_length_the_end_of_the_connection_is_the_end():
    talk = Talk()
    talk.wire.data_received(b"HTTP/1.1 200 OK\r\n\r\nheron")
    talk.wire.connection_lost(None)
    assert (await talk.whole(), talk.events) == ((200, b"heron"), ["lost"])


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_some_answers_have_no_body(status):
    talk = Talk()
    talk.wire.data_received(b"HTTP/1.1 %b\r\n\r\n" % status)
    assert (await talk.whole(), talk.events) == ((int(status[:3]), b""), ["free"])


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", None),
        (b"HTTP/1.1 200", None),
        (LENGTH[:-1], None),
        (CHUNKED[:-1], None),
        (b"HTTP/1.1 200 OK\r\n\r\nher", ConnectionResetError()),
        (b"SSH-2.0-x\r\n", None),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", None),
    ],
)
async def test_what_is_not_a_whole_answer_is_broken(raw, error):
    talk = Talk()
    if raw:
        talk.wire.data_received(raw)
    if not talk.wire.closed:
        talk.wire.connection_lost(error)
    with pytest.raises(Broken) as caught:
        await talk.whole()
    assert (caught.value.begun, talk.wire.closed) == (bool(raw), True)
    assert "free" not in talk.events


async def test_a_head_without_end_is_broken():
    talk = Talk()
    talk.wire.data_received(b"HTTP/1.1 200 OK\r\n")
    while not talk.wire.closed:
        talk.wire.data_received(b"x: " + b"y" * 1000 + b"\r\n")
        assert talk.answer.seen < MOST_HEAD + 2000
    with pytest.raises(Broken):
        await talk.whole()


async def test_an_upstream_that_is_faster_than_its_reader_is_held_back():
    talk = Talk()
    talk.wire.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n")
    talk.wire.data_received(b"x" * (MOST_HELD + 1))
    assert talk.transport.events == ["pause"]
    assert len(await talk.answer.piece(1.0)) == MOST_HELD + 1
    assert talk.transport.events == ["pause", "resume"]


async def test_silence_is_an_error_and_loses_nothing():
    talk = Talk()
    talk.wire.data_received(LENGTH[:-3])
    assert await talk.answer.piece(1.0) == b"he"
    with pytest.raises(TimeoutError):
        await talk.answer.piece(0.001)
    talk.wire.data_received(LENGTH[-3:])
    assert await talk.answer.piece(1.0) == b"ron"


async def test_bytes_that_nobody_asked_for_end_the_connection():
    talk = Talk()
    talk.wire.data_received(LENGTH)
    talk.wire.data_received(LENGTH)
    assert (await talk.whole(), talk.transport.events) == ((200, b"heron"), ["abort"])


async def test_nothing_is_sent_on_a_connection_that_is_gone():
    talk = Talk()
    talk.wire.abort()
    answer = talk.wire.send(b"GET /more HTTP/1.1\r\n\r\n")
    with pytest.raises(Broken):
        await answer.head(1.0)
    assert b"more" not in talk.transport.sent
