"""The served model behind one small interface: `send` a call, read an answer piece by piece.

`upstream_direct` carries the hot path; `upstream_aiohttp` is its oracle. `upstream_httpx` joins both worlds: it shows
an `Upstream` as an httpx transport, and takes any httpx transport as one. Redirects, cookies, environment proxies and
automatic decompression are off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.proxy.target import Target

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the upstream; `path` is what follows the base, such as `/chat/completions`."""

    method: str
    path: str
    headers: Headers = ()
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"Call({self.method} {self.path}, {len(self.body or b'')} bytes)"


class Reply(Protocol):
    """An answer whose head has arrived. `piece` gives the next bytes, b"" at the end."""

    status: int
    headers: Mapping[str, str]

    async def piece(self) -> bytes: ...

    async def close(self) -> None: ...


class Upstream(Protocol):
    """Sends calls. `send` raises UpstreamUnreachable, UpstreamTimeout or UpstreamBadAnswer."""

    target: Target

    async def send(self, call: Call) -> Reply: ...

    async def close(self) -> None: ...


async def read_all(reply: Reply, limit: int) -> bytes:
    """The whole body, at most `limit` bytes; more is a protocol error."""
    pieces, size = [], 0
    while piece := await reply.piece():
        size += len(piece)
        if size > limit:
            raise UpstreamBadAnswer(f"the upstream's answer is longer than {limit} bytes")
        pieces.append(piece)
    return b"".join(pieces)
