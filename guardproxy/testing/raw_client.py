"""A caller on the event loop over a plain socket: cheap enough for thousands of streams at once, and as rude as wanted.

    answer = await ask(port, chat("hello"))              one request on a connection of its own, the whole answer
    async with begun(port, chat("hello", stream=True)) as call:
        call.status, call.headers                        the head has arrived
        await call.piece()                               the next bytes of the body, b"" at its end
        call.leave()                                     closes at once, with a reset when bytes are unread

Raises OSError or asyncio.IncompleteReadError when the connection breaks before the answer's end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

CHAT = "/v1/chat/completions"
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `seconds`: from before the connection was opened until its last byte."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def frames(self) -> list[Any]:
        """The events of a stream, read as JSON; `[DONE]` stands as the string it is."""
        return list(frames(self.body))


class Call:
    """An answer whose head has arrived."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._reader = reader
        self._writer = writer
        self._left = 0
        self._chunked = False

    async def head(self) -> None:
        """Reads status and headers."""
        raw = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = raw.rstrip("\r\n").split("\r\n")
        self.status = int(first.split(" ", 2)[1])
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self._chunked = self.headers.get("transfer-encoding") == "chunked"
        self._left = int(self.headers.get("content-length", "0"))

    async def piece(self) -> bytes:
        """The next bytes of the body as they were sent, b"" at its end."""
        if not self._chunked:
            piece = await self._reader.readexactly(self._left)
            self._left = 0
            return piece
        size = int(await self._reader.readuntil(b"\r\n"), 16)
        return (await self._reader.readexactly(size + 2))[:-2]

    async def rest(self) -> bytes:
        """The body from here to its end."""
        pieces = []
        while piece := await self.piece():
            pieces.append(piece)
        return b"".join(pieces)

    def leave(self) -> None:
        """Gone at once."""
        self._writer.transport.abort()


def chat(text: str, **more: Any) -> dict[str, Any]:
    """A chat request of one turn."""
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


@asynccontextmanager
async def begun(port: int, body: Any, path: str = CHAT, receive_buffer: int | None = None) -> AsyncIterator[Call]:
    """Sends a request and reads the head of its answer; leaves with the block.

    `receive_buffer`: bytes read ahead before TCP holds the sender back; the default is the library's.
    """
    reader, writer = await asyncio.open_connection(HOST, port, **({"limit": receive_buffer} if receive_buffer else {}))
    call = Call(reader, writer)
    try:
        raw = json.dumps(body).encode() if not isinstance(body, bytes) else body
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(raw)}\r\n\r\n".encode("ascii") + raw)
        await call.head()
        yield call
    finally:
        call.leave()


async def ask(port: int, body: Any, path: str = CHAT) -> Answer:
    """One request, the whole answer."""
    began = perf_counter()
    async with begun(port, body, path) as call:
        raw = await call.rest()
        return Answer(call.status, call.headers, raw, perf_counter() - began)


async def get(port: int, path: str) -> Answer:
    """A GET, the whole answer."""
    began = perf_counter()
    reader, writer = await asyncio.open_connection(HOST, port)
    call = Call(reader, writer)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode("ascii"))
        await call.head()
        raw = await call.rest()
        return Answer(call.status, call.headers, raw, perf_counter() - began)
    finally:
        call.leave()


def frames(body: bytes) -> Iterator[Any]:
    """The events of a stream, read as JSON; `[DONE]` stands as the string it is."""
    for event in body.split(b"\n\n"):
        if event.startswith(b"data: "):
            data = event.removeprefix(b"data: ")
            yield "[DONE]" if data == b"[DONE]" else json.loads(data)


def spoken(events: list[Any], choice: int = 0, member: str = "content") -> str:
    """What one member of one choice says, joined over the events of a chat stream."""
    choices = (c for e in events if isinstance(e, dict) for c in e.get("choices", []) if c["index"] == choice)
    return "".join(c.get("delta", {}).get(member) or "" for c in choices)


def finishes(events: list[Any]) -> list[str]:
    """The finish reasons in their order."""
    choices = (c for e in events if isinstance(e, dict) for c in e.get("choices", []))
    return [c["finish_reason"] for c in choices if c.get("finish_reason")]


def fault(events: list[Any]) -> str:
    """The code of the error frame, "" without one."""
    return next((e["error"]["code"] for e in events if isinstance(e, dict) and "error" in e), "")
