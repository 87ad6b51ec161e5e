"""The caller's side of an ASGI connection: one answer, written in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from guardproxy.errors import BadRequest
from guardproxy.proxy.tasks import spawn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[str, str], ...]


class ClientGone(ConnectionError):
    """The caller closed the connection: nothing more can be said."""


class Client:
    """Writes one answer. `started` is true once the status line has left."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.started = False
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
        self._watcher = spawn(self._watching(work))

    def unwatch(self) -> None:
        """The exchange is over: nobody has to watch any more."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def _watching(self, work: asyncio.Task[Any]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        work.cancel()

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """The status line and headers, once."""
        self.started = True
        self.status = status
        raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """Some of the body; waits while the caller reads slowly."""
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """The end of the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """An answer in one piece."""
        await self.start(status, (*headers, ("content-length", str(len(body)))))
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
