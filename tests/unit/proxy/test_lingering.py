"""An answer is not thrown away by the reset of a socket that is closed over unread bytes."""

from __future__ import annotations

import asyncio

import pytest

from guardproxy.proxy import lingering
from guardproxy.proxy.lingering import LingeringTransport


class Inner(asyncio.Transport):
    """Writes down what it is told."""

    def __init__(self):
        super().__init__()
        self.told, self.closing, self.aborted = [], False, asyncio.Event()

    def write(self, data):
        self.told.append(bytes(data))

    def writelines(self, list_of_data):
        self.told += list_of_data

    def write_eof(self):
        self.told.append("eof")

    def pause_reading(self):
        self.told.append("pause")

    def resume_reading(self):
        self.told.append("resume")

    def close(self):
        self.told.append("close")
        self.closing = True

    def abort(self):
        self.told.append("abort")
        self.aborted.set()

    def is_closing(self):
        return self.closing

    def get_extra_info(self, name, default=None):
        return name


@pytest.fixture
async def inner():
    return Inner()


async def test_it_passes_on_what_it_is_told(inner):
    transport = LingeringTransport(inner, lambda: False, 60)
    transport.write(b"a")
    transport.writelines([b"b", b"c"])
    transport.pause_reading()
    transport.resume_reading()
    transport.abort()
    assert inner.told == [b"a", b"b", b"c", "pause", "resume", "abort"]
    assert transport.get_extra_info("peername") == "peername"
    assert not transport.is_closing()


async def test_a_head_leaves_with_its_body(inner):
    transport = LingeringTransport(inner, lambda: False, 60)
    transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert inner.told == []
    transport.write(b"body")
    transport.write(b"more")
    await asyncio.sleep(0)
    assert inner.told == [b"HTTP/1.1 200 OK\r\n\r\nbody", b"more"]


async def test_a_head_alone_does_not_wait_for_long(inner):
    transport = LingeringTransport(inner, lambda: False, 60)
    transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    await asyncio.sleep(0)
    assert inner.told == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    transport.close()
    assert inner.told[1:] == [b"HTTP/1.1 204 No Content\r\n\r\n", "close"]
    transport.lost()


async def test_with_nothing_unread_it_closes(inner):
    transport = LingeringTransport(inner, lambda: False, 60)
    transport.close()
    transport.close()
    assert (inner.told, transport.is_closing(), transport.lingers) == (["close"], True, False)
    transport.lost()


async def test_an_answer_that_is_not_taken_is_dropped_after_a_while(inner):
    LingeringTransport(inner, lambda: False, 0.01).close()
    await asyncio.wait_for(inner.aborted.wait(), 5)
    assert inner.told == ["close", "abort"]


async def test_over_unread_bytes_it_ends_only_its_own_half(inner, monkeypatch):
    monkeypatch.setattr(lingering, "LINGER", 0.01)
    monkeypatch.setattr(lingering, "LINGER_BYTES", 10)
    transport = LingeringTransport(inner, lambda: True, 60)
    transport.close()
    assert (inner.told, transport.is_closing(), transport.lingers) == (["eof", "resume"], True, True)
    transport.drain(10)
    assert "close" not in inner.told
    transport.drain(1)
    assert inner.told[-1] == "close"
    await asyncio.wait_for(inner.aborted.wait(), 5)


async def test_a_lost_connection_needs_no_end(inner, monkeypatch):
    monkeypatch.setattr(lingering, "LINGER", 0)
    transport = LingeringTransport(inner, lambda: True, 0)
    transport.lost()
    transport.close()
    transport.lost()
    later = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, later.set_result, None)
    await later
    assert inner.told == ["eof", "resume"]
