"""One connection to the upstream: one call at a time, its answer piece by piece. `httptools` reads the bytes.

It is read with the leniencies that aiohttp allows an answer, so both clients take the same servers (test_upstream.py).
What is wrong with an answer is a `Broken`, raised where somebody waits for the next of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

MOST_HEAD = 64 * 1024
"""Bytes of an answer's head, informational ones before it included."""
MOST_HELD = 256 * 1024
"""Bytes of a body that wait to be read, beyond which the upstream is held back."""
_NO_BODY = frozenset({204, 304})


class Broken(Exception):
    """The connection ended, or its bytes are no HTTP. `begun`: some of an answer had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("the connection broke")
        self.begun = begun


class Answer:
    """What comes back for one call. It outlives its turn on the wire: the rest of it is read when there is time."""

    __slots__ = (
        "_fault",
        "_held",
        "_loop",
        "_pieces",
        "_waiter",
        "_wire",
        "done",
        "headers",
        "keeps",
        "seen",
        "status",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: Wire) -> None:
        self.headers: dict[str, str] = {}
        self.status = 0
        self.done = False
        self.keeps = False
        """When it is done: may the connection carry another call?"""
        self.seen = 0
        self._loop = loop
        self._wire = wire
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self._held = 0
        self._fault: Broken | None = None

    async def head(self, seconds: float) -> None:
        """Until `status` and `headers` are there. Raises Broken or TimeoutError."""
        while not self.status:
            if self._fault is not None:
                raise self._fault
            await self._wait(seconds)

    async def piece(self, seconds: float) -> bytes:
        """What has come of the body, b"" at its end. Cancelling it loses nothing. Raises Broken or TimeoutError."""
        while not self._pieces:
            if self.done:
                return b""
            if self._fault is not None:
                raise self._fault
            await self._wait(seconds)
        pieces, self._pieces, self._held = self._pieces, [], 0
        if not self.done:
            self._wire.go_on()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Nobody wants the rest: unless it is all there, the connection ends, and with it the work upstream."""
        if not self.done and self._fault is None:
            self._wire.abort()

    @property
    def full(self) -> bool:
        """True when enough of it waits to be read."""
        return self._held > MOST_HELD

    def fail(self) -> None:
        """Nothing more comes, and it was not all."""
        self._fault = Broken(begun=self.seen > 0)
        self.wake()

    def end(self) -> bool:
        """The connection has ended; true where that is how the body ends, since nothing states its length."""
        stated = "content-length" in self.headers or "transfer-encoding" in self.headers
        self.done = bool(self.status) and not stated and self.status not in _NO_BODY
        return self.done

    def wake(self) -> None:
        """Something has come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def on_message_begin(self) -> None:
        """The parser's. Behind the end of an answer nothing may begin: nobody has asked for it."""
        self.keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's. The last one of a name counts, as in a mapping of aiohttp's headers."""
        if not self.done:
            self.headers[name.decode("utf-8", "surrogateescape").lower()] = value.decode("utf-8", "surrogateescape")

    def on_headers_complete(self) -> None:
        """The parser's: the head of the answer, or of an informational one before it, which says nothing."""
        status = self._wire.parser_status
        if self.done:
            return
        if 100 <= status < 200:
            self.headers = {}
        else:
            self.status = status

    def on_body(self, body: bytes) -> None:
        """The parser's."""
        if not self.done:
            self._pieces.append(body)
            self._held += len(body)

    def on_message_complete(self) -> None:
        """The parser's: the answer is over, or an informational one is."""
        if not self.done and self.status:
            self.done, self.keeps = True, self._wire.parser_keeps

    async def _wait(self, seconds: float) -> None:
        """Until something happens; TimeoutError when nothing does."""
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, _expire, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None


class Wire(asyncio.Protocol):
    """See the module's text. `free` is called when the connection may carry the next call, `lost` when it is gone."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, free: Callable[[Wire], None], lost: Callable[[Wire], None]
    ) -> None:
        self._loop = loop
        self._free = free
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._paused = False
        self.closed = False
        self.since = 0.0
        """When its last call was over, by the loop's clock."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From now on calls can be sent."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> Answer:
        """The next call. Only when the answer before it is over."""
        answer = Answer(self._loop, self)
        if self._transport is None or self._transport.is_closing():
            answer.fail()
            return answer
        self._answer, self._parser = answer, httptools.HttpResponseParser(answer)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._transport.write(request)
        return answer

    @property
    def parser_status(self) -> int:
        """The status of the head that was just read."""
        return self._parser.get_status_code() if self._parser is not None else 0

    @property
    def parser_keeps(self) -> bool:
        """Does the answer that just ended let the connection live?"""
        return self._parser is not None and self._parser.should_keep_alive()

    def go_on(self) -> None:
        """There is room for more of the answer."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Ends the connection at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer; bytes that nobody asked for end the connection."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            self.abort()
            return
        if not answer.status:
            answer.seen += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            answer.keeps = False  # what stands behind an answer that is over is no part of it
            if not answer.done:
                self._break(answer)
                return
        if not answer.status and answer.seen > MOST_HEAD:
            self._break(answer)
            return
        if answer.done:
            self._answer = self._parser = None
            if answer.keeps:
                self._free(self)
            else:
                self.abort()
        elif answer.full and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        answer.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a body that states no length, or of an answer in mid-air."""
        self.closed = True
        answer, self._answer, self._parser = self._answer, None, None
        if answer is not None:
            if exc is None and answer.end():
                answer.wake()
            else:
                answer.fail()
        self._lost(self)

    def _break(self, answer: Answer) -> None:
        self._answer = self._parser = None
        answer.fail()
        self.abort()


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
