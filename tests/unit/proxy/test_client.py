"""One answer, written in order, to an ASGI connection that may go away."""

from __future__ import annotations

import asyncio

import pytest

from guardproxy.errors import BadRequest, ShuttingDown
from guardproxy.proxy.client import Client, ClientGone
from guardproxy.proxy.tasks import spawn


def piece(body=b"", *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


class Line:
    """What the server hands over, message by message; then silence."""

    def __init__(self, *messages):
        self._messages = list(messages)
        self.sent = []

    async def receive(self):
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    async def send(self, message):
        self.sent.append(message)


def client_of(*messages):
    line = Line(*messages)
    return Client(line.receive, line.send), line


@pytest.mark.parametrize(
    ("messages", "body"),
    [
        ([piece()], b""),
        ([piece(b"abc")], b"abc"),
        ([piece(b"a", more=True), piece(b"", more=True), piece(b"bc")], b"abc"),
        ([{"type": "http.request"}], b""),
    ],
)
async def test_the_body_comes_in_pieces(messages, body):
    client, _ = client_of(*messages)
    assert await client.body(3, 5.0) == body


@pytest.mark.parametrize("messages", [[piece(b"abcd")], [piece(b"ab", more=True), piece(b"cd", more=True)]])
async def test_a_long_body_is_refused_before_its_end(messages):
    client, _ = client_of(*messages)
    with pytest.raises(BadRequest) as caught:
        await client.body(3, 5.0)
    assert (caught.value.status, caught.value.code) == (413, "request_too_large")


async def test_each_piece_that_is_kept_is_weighed():
    client, _ = client_of(piece(b"ab", more=True), piece(b"c", more=True), piece(b"de"))
    weighed = []
    with pytest.raises(BadRequest):
        await client.body(3, 5.0, weighed.append)
    assert weighed == [2, 1]


async def test_a_slow_body_is_refused():
    client, _ = client_of(piece(b"a", more=True))
    with pytest.raises(BadRequest) as caught:
        await client.body(3, 0.01)
    assert (caught.value.status, caught.value.code) == (408, "request_timeout")


async def test_a_caller_who_goes_in_mid_body():
    client, _ = client_of(piece(b"a", more=True), GONE)
    with pytest.raises(ClientGone):
        await client.body(3, 5.0)
    assert client.gone


async def test_an_answer_in_one_piece():
    client, line = client_of()
    assert not client.started
    await client.whole(200, (("x-a", "b"),), b"text")
    assert client.started
    assert client.status == 200
    assert line.sent == [
        {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b"), (b"content-length", b"4")]},
        {"type": "http.response.body", "body": b"text", "more_body": False},
    ]


async def test_an_answer_in_pieces_sends_no_empty_ones():
    client, line = client_of()
    await client.start(200, ())
    await client.write(b"a")
    await client.write(b"")
    await client.end()
    assert [(m["body"], m["more_body"]) for m in line.sent[1:]] == [(b"a", True), (b"", False)]


async def test_work_ends_when_the_caller_goes():
    client, _ = client_of(piece(), GONE)
    work = spawn(asyncio.Event().wait())
    client.watch(work)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert client.gone


async def test_nobody_watches_after_the_end():
    client, _ = client_of()
    work = spawn(asyncio.Event().wait())
    client.watch(work)
    client.unwatch()
    await asyncio.gather(client._watcher, return_exceptions=True)
    assert not client.gone
    assert not work.done()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_a_listener_that_tells_needs_no_task():
    told = []
    client = Client(None, None, when_gone=told.append)
    work = spawn(asyncio.Event().wait())
    client.watch(work)
    assert client._watcher is None
    told[0]()
    with pytest.raises(asyncio.CancelledError):
        await work
    client.unwatch()
    assert (client.gone, told[1:]) == (True, [None])


def test_unwatching_what_nobody_watched():
    client_of()[0].unwatch()


async def test_the_end_of_the_grace_comes_as_an_error_of_ours():
    client, _ = client_of()
    begun = asyncio.Event()

    async def work():
        with client.interruptible():
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    client.shut(task)
    client.shut(task)  # once is enough: what is said after it is not interrupted
    with pytest.raises(ShuttingDown):
        await task
    assert task.cancelling() == 0


async def test_a_cancellation_of_another_cause_stays_one():
    client, _ = client_of()
    begun = asyncio.Event()

    async def work():
        with client.interruptible():
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_recorded_is_not_interrupted():
    client, _ = client_of()
    task = asyncio.create_task(asyncio.Event().wait())
    client.settled = True
    client.shut(task)
    assert task.cancelling() == 0
    task.cancel()


async def test_a_caller_who_does_not_read_is_gone():
    async def stuck(message):
        await asyncio.Event().wait()

    client = Client(Line().receive, stuck, patience=0.01)
    with pytest.raises(ClientGone):
        await client.write(b"x")
    assert client.gone
