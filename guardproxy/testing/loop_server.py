"""A TCP server on the event loop that ends all its connections when it is left.

class Mine(LoopServer):
    async def handle(self, reader, writer) -> None      one connection; cancelled when the server ends

async with Mine() as server:
    server.port, server.base                            http://127.0.0.1:PORT/v1
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

GONE = (OSError, asyncio.IncompleteReadError)
"""What a connection ends with whose other side has left."""


class LoopServer(ABC):
    """See the module's text."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[Any]] = set()

    @property
    def base(self) -> str:
        """The address that goes into the proxy's settings."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._run, "127.0.0.1", 0, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    @abstractmethod
    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end; what it opened it closes itself."""

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a connection is handled in a task; this is a bug")
        self._running.add(task)
        try:
            with suppress(*GONE, asyncio.CancelledError):
                await self.handle(reader, writer)
        finally:
            self._running.discard(task)
