"""The caller's side of an ASGI connection: one answer, written in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from guardproxy.errors import BadRequest, ShuttingDown
from guardproxy.proxy.tasks import spawn
from guardproxy.wire.quota import without_quotas

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WhenGone = Callable[[Callable[[], None] | None], None]
"""Takes what is to be called when the caller has left; None takes it back."""
Headers = tuple[tuple[str, str], ...]
WHEN_GONE = "guardproxy.when_gone"
"""Where our listener puts its `WhenGone` in a request's scope. Behind another server a task has to wait instead."""


class ClientGone(ConnectionError):
    """The caller closed the connection, or does not read: nothing more can be said."""


class Client:
    """Writes one answer. `started` is true once the status line has left, `settled` once the outcome is recorded.

    `patience`: seconds that a caller may take to make room for the next bytes.
    """

    def __init__(self, receive: Receive, send: Send, patience: float = 60.0, when_gone: WhenGone | None = None) -> None:
        self._receive = receive
        self._send = send
        self.quotas: Headers = ()
        """Our limits; they take the place of the upstream's, which are those of the proxy's key."""
        self._patience = patience
        self._when_gone = when_gone
        self._shut = False
        self.started = False
        self.settled = False
        self.status = 0
        self.gone = False
        self._watcher: asyncio.Task[None] | None = None

    async def body(self, limit: int, seconds: float, weigh: Callable[[int], None] = lambda _size: None) -> bytes:
        """The request's body; BadRequest 413 beyond `limit` bytes, 408 when it does not come in time.

        `weigh` hears the size of each piece that is kept, and may raise.
        """
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        self.gone = True
                        raise ClientGone
                    piece = message.get("body", b"")
                    size += len(piece)
                    if size > limit:
                        raise BadRequest(f"the body is longer than {limit} bytes", code="request_too_large", status=413)
                    weigh(len(piece))
                    pieces.append(piece)
                    if not message.get("more_body", False):
                        return b"".join(pieces)
        except TimeoutError:
            raise BadRequest("the body did not arrive in time", code="request_timeout", status=408) from None

    def watch(self, work: asyncio.Task[Any]) -> None:
        """From now on `work` is cancelled when the caller closes the connection. Only after the body was read."""
        if self._when_gone is None:
            self._watcher = spawn(self._watching(work))
        else:
            self._when_gone(partial(self._left, work))

    def unwatch(self) -> None:
        """The exchange is over: nobody has to watch any more."""
        if self._watcher is not None:
            self._watcher.cancel()
        elif self._when_gone is not None:
            self._when_gone(None)

    async def _watching(self, work: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left(work)

    def _left(self, work: asyncio.Task[Any]) -> None:
        self.gone = True
        work.cancel()

    def shut(self, work: asyncio.Task[Any]) -> None:
        """The service cannot wait any longer: what runs in `interruptible` ends with `ShuttingDown`.

        An exchange that is recorded has decided how it ends, and only has to say so.
        """
        if not (self._shut or self.settled or self.gone):
            self._shut = True
            work.cancel()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """In here `shut` comes as an error of ours that can be answered."""
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._shut or self.gone or task is None:
                raise
            task.uncancel()
            raise ShuttingDown from None

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """The status line and headers, once."""
        self.started = True
        self.status = status
        told = (*without_quotas(headers), *self.quotas) if self.quotas else headers
        raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in told]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """Some of the body; waits while the caller reads slowly. Raises ClientGone when it does not read at all."""
        if not data:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            self.gone = True
            raise ClientGone from None

    async def end(self) -> None:
        """The end of the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """An answer in one piece."""
        await self.start(status, (*headers, ("content-length", str(len(body)))))
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
