"""The callers against a server that cuts its answers anywhere."""

import asyncio

import pytest

from guardproxy.testing.bench.callers import HOLE, MARK, Aim, ask, idle, once, post, until_first

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a": 42}'
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12\r\n\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\nno"
SPOKEN = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n" + MARK + b"\r\n"
REQUEST = post("/", b"n " + HOLE)


class Answering:
    """Sends the same bytes for each request, `size` at a time."""

    def __init__(self, raw, size=1 << 20, *, closes=False):
        self.raw, self.size, self.closes, self.seen, self.open = raw, size, closes, [], set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        return Aim(self.server.sockets[0].getsockname()[1], REQUEST)

    async def __aexit__(self, *_):
        self.server.close()
        while self.open:
            await asyncio.sleep(0)

    async def handle(self, reader, writer):
        self.open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.seen.append(head + await reader.readexactly(10))
                for at in range(0, len(self.raw), self.size):
                    writer.write(self.raw[at : at + self.size])
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()


@pytest.mark.parametrize("raw", [PLAIN, CHUNKED, EMPTY], ids=["length", "chunks", "no chunks"])
@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
async def test_an_answer_ends_where_its_framing_says(raw, size):
    async with Answering(raw, size) as aim:
        volley = await ask(aim, callers=2, seconds=0.05)
    assert volley.answers >= 2
    assert not volley.failed


async def test_the_body_of_one_answer_is_kept():
    async with Answering(PLAIN) as aim:
        assert (await once(aim)).body == b'{"a": 42}'


async def test_no_two_requests_are_alike_and_all_are_as_long():
    server = Answering(PLAIN)
    async with server as aim:
        await ask(aim, callers=3, seconds=0.05)
    assert len(set(server.seen)) == len(server.seen) > 3
    assert {len(one) for one in server.seen} == {len(REQUEST)}


async def test_a_refusal_is_no_answer():
    async with Answering(BUSY) as aim:
        volley = await ask(aim, callers=2, seconds=0.05)
    assert (volley.answers, dict(volley.failed)) == (0, {"503": 2})


async def test_an_answer_that_is_cut_off_is_no_answer():
    async with Answering(CHUNKED[:-3], closes=True) as aim:
        volley = await ask(aim, callers=1, seconds=0.05)
    assert (volley.answers, dict(volley.failed)) == (0, {"closed": 1})


async def test_who_never_ends_is_not_waited_for():
    async with Answering(SPOKEN) as aim:
        volley = await ask(aim, callers=1, seconds=0.0, patience=0.1)
    assert dict(volley.failed) == {"no answer in time": 1}


async def test_the_first_word_is_noticed_and_the_rest_not_waited_for():
    async with Answering(SPOKEN, 1) as aim:
        assert await until_first(aim) > 0


async def test_a_stream_without_it_is_an_error():
    async with Answering(CHUNKED, closes=True) as aim:
        with pytest.raises(ConnectionError):
            await until_first(aim)


async def test_idle_connections_have_had_their_answer_and_stay_open():
    server = Answering(PLAIN)
    async with server as aim, idle(aim, 5):
        assert len(server.seen) == 5
        assert len(server.open) == 5
    assert not server.open


async def test_quantiles():
    async with Answering(PLAIN) as aim:
        volley = await ask(aim, callers=1, seconds=0.05)
    assert 0 < volley.quantile(0.5) <= volley.quantile(0.99)
