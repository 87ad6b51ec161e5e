"""A model that answers at once: the mock upstream of the measurements, in the event loop of the callers.

async with Instant() as model:
    model.port
    model.script = Said(…)             what it says from now on
    model.first                        perf_counter() at which it said its first word, of the latest stream

A request without `"stream":true` gets a whole answer. An event of a stream is a write of its own; without `pause` the
next goes out in the next round of the event loop, unless the other side does not read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from types import TracebackType
from typing import Any, Self, cast

from guardproxy.testing.bench.callers import HOLE, HOST, MARK
from guardproxy.testing.scripts import chunk

SENTENCES = (
    "Herons nest in tall trees near the shallow lake. ",
    "They come back in early spring and mend what the wind has left. ",
    "A pair takes turns on the eggs for about four weeks. ",
    "The young are fed with small fish and frogs until they fly. ",
)
SAID = MARK.decode() + f" {HOLE.decode()}: " + "".join(SENTENCES)
EVENTS = 200


@dataclass(frozen=True, slots=True)
class Said:
    """Whole answer and stream, ready to be sent. `delay`: seconds before the head, `pause`: between two events."""

    plain: bytes = field(repr=False)
    events: tuple[bytes, ...] = field(repr=False)
    delay: float = 0.0
    pause: float = 0.0

    @classmethod
    def of(
        cls,
        events: int = EVENTS,
        *,
        delay: float = 0.0,
        pause: float = 0.0,
        words: Sequence[str] = (),
        whole: str = SAID,
    ) -> Said:
        """A stream of so many words, and an answer of 270 characters. `words` and `whole` are said in their place."""
        told = list(words) or spoken(events)
        chunks = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in told)]
        frames = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in [*chunks, chunk({}, "stop")]]
        framed = [b"%x\r\n%b\r\n" % (len(frame), frame) for frame in [*frames, b"data: [DONE]\n\n"]]
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        return cls(_whole(whole), (head + framed[0], *framed[1:-1], framed[-1] + b"0\r\n\r\n"), delay, pause)


def spoken(events: int) -> list[str]:
    """So many words, each with its space; the first is `MARK` with a number."""
    words = [word + " " for word in "".join(SENTENCES).split()]
    return [f"{MARK.decode()} {HOLE.decode()} ", *(words[at % len(words)] for at in range(1, events))]


def _whole(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 60, "completion_tokens": 55, "total_tokens": 115}
    tree: dict[str, Any] = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    body = json.dumps({**tree, "usage": usage}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Instant:
    """See the module's text."""

    def __init__(self) -> None:
        self.script = Said.of()
        self.port = 0
        self.first = 0.0
        self.answered = 0
        self._numbers = count(1)
        self._server: asyncio.Server | None = None

    @property
    def number(self) -> bytes:
        """Eight digits, another each time."""
        return b"%08d" % next(self._numbers)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), HOST, 0, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()


class _Connection(asyncio.Protocol):
    """Requests of one connection, one after the other."""

    def __init__(self, model: Instant) -> None:
        self._model = model
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._script = model.script
        self._at = -1
        self._due = 0.0
        self._full = False
        self._first_word = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        self._transport = None

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._at >= 0:
            self._say()

    def data_received(self, data: bytes) -> None:
        data = self._held + data
        end = data.find(b"\r\n\r\n")
        _, found, rest = data[: max(end, 0)].lower().partition(b"content-length: ")
        size = int(rest.partition(b"\r")[0]) if found else 0
        if end < 0 or len(data) < end + 4 + size:
            self._held = data
            return
        self._held = b""
        self._script = self._model.script
        loop = asyncio.get_running_loop()
        streamed = b'"stream":true' in data or b'"stream": true' in data
        answer = self._stream if streamed else self._plain
        if self._script.delay:
            loop.call_later(self._script.delay, answer)
        else:
            answer()

    def _plain(self) -> None:
        self._model.answered += 1
        if self._transport is not None:
            self._transport.write(self._script.plain.replace(HOLE, self._model.number, 1))

    def _stream(self) -> None:
        self._at, self._due = 0, asyncio.get_running_loop().time()
        self._say()

    def _say(self) -> None:
        """The next event, and the one after it in its time."""
        if self._transport is None or self._full or self._at < 0:
            return
        piece = self._script.events[self._at]
        if self._at == 1:
            piece = piece.replace(HOLE, self._model.number, 1)
            self._model.first = perf_counter()
        self._transport.write(piece)
        self._at += 1
        if self._at == len(self._script.events):
            self._at = -1
            self._model.answered += 1
            return
        loop = asyncio.get_running_loop()
        if self._script.pause:
            self._due += self._script.pause
            loop.call_at(self._due, self._say)
        elif not self._full:
            loop.call_soon(self._say)
