"""Callers that cost less than what they measure: one protocol object a connection, no task and no parser in between.

volley = await ask(Aim(port, request), callers=64, seconds=1.5)        one request after the other on each connection
volley.answers, volley.seconds, volley.took                            took: seconds of each answer, to its last byte
async with idle(Aim(port, request), 500): …                            connections that have had an answer and stay
first = await until_first(Aim(port, request))                          perf_counter() at the first word of a stream

Each request is one of its own: eight digits of it count up, so that no cache of verdicts knows it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import cast

HOST = "127.0.0.1"
MARK = b"Herons"
"""The first word that the mock upstream's model says: where a stream's first token is seen."""
HOLE = b"00000000"
"""What the number of the request takes the place of."""
PATIENCE_S = 20.0
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Aim:
    """Where to, and the whole request in bytes; the first `HOLE` in it becomes its number."""

    port: int
    request: bytes = field(repr=False)

    def next(self) -> bytes:
        """A request that nobody has seen before, as long as every other."""
        return self.request.replace(HOLE, b"%08d" % next(_NUMBERS), 1)


@dataclass(slots=True)
class Volley:
    """What came back. `failed` counts answers that were none, by status or reason; `body` is the last one's, if kept."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    body: bytes = field(default=b"", repr=False)
    keeps: bool = False

    @property
    def answers(self) -> int:
        """Whole answers of status 200."""
        return len(self.took)

    def quantile(self, share: float) -> float:
        """Seconds; 0 of no answers."""
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request as it goes out."""
    lines = [f"POST {path} HTTP/1.1", f"host: {HOST}", "content-type: application/json", *headers]
    return ("\r\n".join([*lines, f"content-length: {len(body)}"]) + "\r\n\r\n").encode("ascii") + body


async def ask(aim: Aim, callers: int, seconds: float, patience: float = PATIENCE_S) -> Volley:
    """So many callers for so long; each ends the answer it waits for, for `patience` seconds at most."""
    loop, volley = asyncio.get_running_loop(), Volley(keeps=seconds == 0.0)
    began = perf_counter()
    lines = [_Line(aim, volley, began + seconds, loop.create_future()) for _ in range(callers)]
    try:
        await asyncio.gather(*(loop.create_connection(lambda one=one: one, HOST, aim.port) for one in lines))  # type: ignore[misc]
        await asyncio.wait([one.done for one in lines], timeout=seconds + patience)
        volley.seconds = perf_counter() - began
    finally:
        for one in lines:
            if not one.done.done():
                volley.failed["no answer in time"] += 1
            one.leave()
    return volley


async def once(aim: Aim, patience: float = PATIENCE_S) -> Volley:
    """One request; its body, as it was framed, is in `body`."""
    return await ask(aim, 1, 0.0, patience)


@asynccontextmanager
async def idle(aim: Aim, callers: int, patience: float = PATIENCE_S) -> AsyncIterator[None]:
    """So many connections that have had one answer each and stay open until the block ends. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    lines = [_Line(aim, Volley(), 0.0, loop.create_future()) for _ in range(callers)]
    try:
        await asyncio.gather(*(loop.create_connection(lambda one=one: one, HOST, aim.port) for one in lines))  # type: ignore[misc]
        await asyncio.wait_for(asyncio.gather(*(one.done for one in lines)), patience)
        yield
    finally:
        for one in lines:
            one.leave()


async def until_first(aim: Aim, patience: float = PATIENCE_S) -> float:
    """perf_counter() when `MARK` arrived; then the caller leaves. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    line = _Line(aim, Volley(), 0.0, loop.create_future())
    line.watch = loop.create_future()
    await loop.create_connection(lambda: line, HOST, aim.port)
    try:
        return await asyncio.wait_for(line.watch, patience)
    finally:
        line.leave()


class _Line(asyncio.Protocol):
    """One caller on one connection."""

    def __init__(self, aim: Aim, volley: Volley, until: float, done: asyncio.Future[None]) -> None:
        self._aim = aim
        self._volley = volley
        self._until = until
        self.done = done
        self.watch: asyncio.Future[float] | None = None
        self._transport: asyncio.Transport | None = None
        self._sent = 0.0
        self._head = b""
        self._inside = self._chunked = self._refused = False
        self._left = 0
        self._kept: list[bytes] = []
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The first request goes out at once."""
        self._transport = cast("asyncio.Transport", transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer, wherever TCP cut them."""
        if not self._inside:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._enter(data[:end].lower())
            # the line feed before the first chunk's size is kept, so that a body of no chunks ends like any other
            data = data[end + 2 :] if self._chunked else data[end + 4 :]
        if self.watch is not None and MARK in self._tail + data and not self.watch.done():
            self.watch.set_result(perf_counter())
        if self._volley.keeps:
            self._kept.append(data)
        if self._chunked:
            self._tail = (self._tail + data[-7:])[-7:]
            if self._tail == _LAST_CHUNK:
                self._end()
        else:
            self._left -= len(data)
            if self._left <= 0:
                self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends in mid-answer is a failure; the caller does not come back."""
        if not self.done.done():
            self._volley.failed[type(exc).__name__ if exc else "closed"] += 1
            self.done.set_result(None)
        if self.watch is not None and not self.watch.done():
            self.watch.set_exception(ConnectionError("closed before the first word"))

    def leave(self) -> None:
        """Gone at once."""
        if not self.done.done():
            self.done.set_result(None)
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        self._head, self._inside, self._tail = b"", False, b""
        self._kept.clear()
        self._sent = perf_counter()
        if self._transport is not None:
            self._transport.write(self._aim.next())

    def _enter(self, head: bytes) -> None:
        self._inside = True
        self._refused = head[9:12] != b"200"
        if self._refused:
            self._volley.failed[head[9:12].decode("ascii", "replace")] += 1
        self._chunked = b"transfer-encoding: chunked" in head
        _, found, rest = head.partition(b"content-length: ")
        if not (found or self._chunked):
            raise ValueError("an answer of unknown length; keep-alive needs one")
        self._left = int(rest.partition(b"\r")[0]) if found else 0

    def _end(self) -> None:
        now = perf_counter()
        if not self._refused:
            self._volley.took.append(now - self._sent)
        if now < self._until and not self._refused:
            self._begin()
            return
        self._volley.body = b"".join(self._kept)
        if not self.done.done():
            self.done.set_result(None)
