"""The raw pass-through: bytes from one socket to another and back, no HTTP, no look. The least that a proxy can cost.

python -m guardproxy.testing.bench.relay PORT UPSTREAM_PORT        until SIGTERM
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from guardproxy.testing.bench.callers import HOST


class _Side(asyncio.Protocol):
    """One end: what arrives here goes out at the other."""

    def __init__(self, other: _Side | None = None, upstream: int = 0) -> None:
        self.other = other
        self._upstream = upstream
        self.transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._opening: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self.other is None:
            self.other = _Side(self)
            loop = asyncio.get_running_loop()
            other = self.other
            self._opening = loop.create_task(loop.create_connection(lambda: other, HOST, self._upstream))
        elif self.other.transport is not None:
            self.other.flush()

    def data_received(self, data: bytes) -> None:
        out = self.other.transport if self.other else None
        if out is None:
            self._early.append(data)
        else:
            out.write(data)

    def flush(self) -> None:
        """What came before the other end was there."""
        out = self.other.transport if self.other else None
        if out is not None:
            out.writelines(self._early)
            self._early.clear()

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        if self.other and self.other.transport:
            self.other.transport.close()


async def serve(port: int, upstream: int) -> None:
    """Until it is cancelled."""
    server = await asyncio.get_running_loop().create_server(lambda: _Side(upstream=upstream), HOST, port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
