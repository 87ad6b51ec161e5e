"""A listening socket whose connections are taken many in a turn."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
import uvloop
from structlog.testing import capture_logs

from guardproxy.proxy import accepting
from guardproxy.proxy.accepting import Accepting

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


class Hello(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(b"hello")
        transport.close()


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


async def said(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return heard


@pytest.mark.parametrize("loop", LOOPS)
def test_all_who_come_at_once_are_taken_within_a_few_turns(listening, loop):
    port = listening.getsockname()[1]
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_a_hundred(listening, port))


async def _a_hundred(listening, port):
    made = []

    def protocol():
        made.append(Hello())
        return made[-1]

    callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]  # the system takes them so far
    one = Accepting(listening, protocol)
    one.start()
    turns = 0
    while len(made) < len(callers):
        turns += 1
        assert turns < 20
        await asyncio.sleep(0)
    assert await said(port) == b"hello"
    one.stop()
    for caller in callers:
        caller.close()


async def test_after_the_stop_nobody_is_taken(listening):
    made = []
    one = Accepting(listening, lambda: made.append(1) or Hello())
    one.start()
    assert await said(listening.getsockname()[1]) == b"hello"
    one.stop()
    with socket.create_connection(listening.getsockname()):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert made == [1]


class Failing:
    """A socket whose next `accept` calls fail."""

    def __init__(self, sock, *errors):
        self._sock, self.errors = sock, list(errors)

    def accept(self):
        if self.errors:
            raise OSError(self.errors.pop(0), "no")
        return self._sock.accept()

    def __getattr__(self, name):
        return getattr(self._sock, name)


async def test_without_descriptors_it_rests_and_goes_on(listening, monkeypatch):
    monkeypatch.setattr(accepting, "PAUSE_S", 0.01)
    sock = Failing(listening, errno.EMFILE, errno.ENFILE)
    one = Accepting(sock, Hello)
    with capture_logs() as logs:
        one.start()
        assert await said(listening.getsockname()[1]) == b"hello"
    assert sock.errors == []
    assert [line["event"] for line in logs] == ["accepting_paused"] * 2
    one.stop()


async def test_it_can_be_stopped_while_it_rests(listening, monkeypatch):
    monkeypatch.setattr(accepting, "PAUSE_S", 0.01)
    sock = Failing(listening, *[errno.EMFILE] * 1000)
    one = Accepting(sock, Hello)
    with capture_logs(), socket.create_connection(listening.getsockname()):
        one.start()
        while len(sock.errors) == 1000:
            await asyncio.sleep(0)
        one.stop()
        left = len(sock.errors)
        await asyncio.sleep(0.03)
    assert len(sock.errors) == left


async def test_a_caller_who_has_left_holds_up_nobody(listening):
    one = Accepting(Failing(listening, errno.ECONNABORTED, errno.ECONNABORTED), Hello)
    one.start()
    assert await said(listening.getsockname()[1]) == b"hello"
    one.stop()
