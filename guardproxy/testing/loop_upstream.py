"""The scripted upstream once more, on the event loop: for thousands of answers at once, where threads end.

async with LoopUpstream(script) as upstream:      Script, or a function of the request's body (JSON)
    upstream.base                                 http://127.0.0.1:PORT/v1
    upstream.live, upstream.answered, upstream.aborted
    upstream.left_at                              perf_counter() of each caller that left in mid-answer

A script of status 0 has no head: its segments are all that is said.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any

from guardproxy.proxy.tasks import spawn
from guardproxy.testing.loop_server import LoopServer
from guardproxy.testing.scripts import JSON, Script, parrot

Answering = Script | Callable[[Any], Script] | None


class LoopUpstream(LoopServer):
    """See the module's text. `written` counts the bytes of bodies that the kernel or its buffer has taken."""

    def __init__(self, answering: Answering = None) -> None:
        super().__init__()
        self.answering = answering
        self.live = self.answered = self.aborted = self.written = 0
        self.left_at: list[float] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection, one after another."""
        try:
            while await self._one(reader, writer):
                pass
        finally:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; True when the connection may be used again."""
        body = await _request(reader)
        script = self._script(body)
        self.live += 1
        watch = spawn(_until_gone(reader))
        answer = spawn(self._answer(writer, script))
        try:
            await asyncio.wait({watch, answer}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() or answer.exception() is not None:  # the end of reading, or of writing
                self.aborted += 1
                self.left_at.append(perf_counter())
                return False
            self.answered += 1
            return answer.result()
        finally:
            self.live -= 1
            for one in (watch, answer):
                one.cancel()
            await asyncio.gather(watch, answer, return_exceptions=True)

    def _script(self, body: Any) -> Script:
        if isinstance(self.answering, Script):
            return self.answering
        return parrot(body) if self.answering is None else self.answering(body)

    async def _answer(self, writer: asyncio.StreamWriter, script: Script) -> bool:
        await asyncio.sleep(script.delay)
        whole = script.content_type == JSON and script.reset_at is None and not script.hang and script.status > 0
        if script.status:
            writer.write(_head(script, whole=whole))
        left = sum(map(len, script.segments)) if script.reset_at is None else script.reset_at
        for segment in script.segments:
            piece, left = segment[:left], left - len(segment[:left])
            writer.write(piece)
            await writer.drain()
            self.written += len(piece)
            if script.pause:
                await asyncio.sleep(script.pause)
        if script.hang:
            await asyncio.Event().wait()
        if script.reset_at is not None:
            reset(writer)
        elif not whole:
            writer.write_eof()
        return whole


def reset(writer: asyncio.StreamWriter) -> None:
    """Closes with RST, and throws away what is not yet sent: SO_LINGER with time 0."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _until_gone(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        await reader.read(1)  # a caller says nothing more before it has its answer


async def _request(reader: asyncio.StreamReader) -> Any:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    lines = (line.partition(":") for line in head.split("\r\n"))
    size = next((int(value) for name, _, value in lines if name == "content-length"), 0)
    raw = await reader.readexactly(size)
    return json.loads(raw) if raw else None


def _head(script: Script, *, whole: bool) -> bytes:
    lines = [f"HTTP/1.1 {script.status} Scripted", *([] if whole else ["connection: close"])]
    if script.content_type is not None:
        lines.append(f"content-type: {script.content_type}")
    if whole:
        lines.append(f"content-length: {sum(map(len, script.segments))}")
    lines += [f"{name}: {value}" for name, value in script.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
