"""What a worker and its parent say to each other: messages over one stream socket that nobody else can open.

    Channel(sock, answers, lost)           `answers`: by word, a function of the message
        .say(word, body, **fields)         no answer is wanted
        .ask(word, body, **fields)         waits for the answer; a caller that is cancelled cancels the work
        .learn(answers)                    more words; a message waits for its word to be known
        .backlog                           bytes that wait to be taken
        .close()

A frame is two lengths (4 bytes each, big-endian), a JSON object and bytes. Messages are taken in order; what is awaited
for an answer runs beside the ones that follow.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from guardproxy.errors import GuardproxyError

_LENGTHS = struct.Struct(">II")
_RE, _NUMBER, _WORD, _FAILED, _DROP = "re", "n", "w", "failed", "drop"


@dataclass(frozen=True, slots=True)
class Message:
    """A word, what belongs to it as JSON, and bytes. In an answer the word is ""."""

    word: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""


Answer = Callable[[Message], Message | Awaitable[Message | None] | None]


class ChannelLost(ConnectionError):
    """The other side has gone: what was asked may or may not have been done."""


class AskedInVain(RuntimeError):
    """The other side could not do it; the message is the kind of its failure."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends, one of them for a child."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


class Channel(asyncio.Protocol):
    """One end. Needs a running loop; `open` before all else."""

    def __init__(self, answers: Mapping[str, Answer], lost: Callable[[], None] | None = None) -> None:
        self._answers = dict(answers)
        self.early: list[tuple[int, Message]] = []
        """Questions whose word is not known yet, and what came behind them."""
        self._lost = lost or _nothing
        self._transport: asyncio.Transport | None = None
        self._read = bytearray()
        self._number = 0
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._working: dict[int, asyncio.Task[None]] = {}

    async def open(self, sock: socket.socket) -> None:
        """Takes the socket over."""
        sock.setblocking(False)  # noqa: FBT003 - its only argument
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self, sock)

    def learn(self, answers: Mapping[str, Answer]) -> None:
        """More words; those that came before they were known are answered now."""
        self._answers.update(answers)
        early, self.early = self.early, []
        for number, message in early:
            self._do(number, message)

    @property
    def is_open(self) -> bool:
        """Can anything be said?"""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def backlog(self) -> int:
        """Bytes that the other side has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def say(self, word: str, body: bytes = b"", **fields: Any) -> None:
        """ChannelLost when the other side has gone."""
        self._send({_WORD: word, **fields}, body)

    async def ask(self, word: str, body: bytes = b"", **fields: Any) -> Message:
        """The answer. ChannelLost: the other side went before it came; AskedInVain: it failed there."""
        self._number += 1
        number = self._number
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._send({_WORD: word, _NUMBER: number, **fields}, body)
        self._asked[number] = future
        try:
            return await future
        except asyncio.CancelledError:
            if self.is_open:
                self._send({_DROP: number}, b"")
            raise
        finally:
            self._asked.pop(number, None)

    async def settled(self) -> None:
        """Returns when everything that this end was asked for is done."""
        while self._working:
            await asyncio.wait(list(self._working.values()))

    def close(self) -> None:
        """What was said before still arrives; `lost` is not called."""
        self._lost = _nothing
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        del exc
        for future in self._asked.values():
            if not future.done():
                future.set_exception(ChannelLost("the other side has gone"))
        self._lost()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._read += data
        start = 0
        while len(self._read) - start >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._read, start)
            middle = start + _LENGTHS.size + head
            if len(self._read) < middle + body:
                break
            view = memoryview(self._read)
            fields, raw = orjson.loads(view[start + _LENGTHS.size : middle]), bytes(view[middle : middle + body])
            view.release()
            start = middle + body
            self._take(fields, raw)
        del self._read[:start]

    def _take(self, fields: dict[str, Any], body: bytes) -> None:
        if _RE in fields:
            self._answered(fields, body)
        elif _DROP in fields:
            work = self._working.get(fields[_DROP])
            if work is not None:
                work.cancel()
        else:
            number, word = fields.pop(_NUMBER, 0), fields.pop(_WORD)
            self._do(number, Message(word, fields, body))

    def _answered(self, fields: dict[str, Any], body: bytes) -> None:
        future = self._asked.get(fields.pop(_RE))
        if future is None or future.done():
            return
        failed = fields.pop(_FAILED, "")
        if failed:
            future.set_exception(AskedInVain(failed))
        else:
            future.set_result(Message("", fields, body))

    def _do(self, number: int, message: Message) -> None:
        if message.word not in self._answers or self.early:
            self.early.append((number, message))
            return
        given = self._answers[message.word](message)
        if isinstance(given, Message) or given is None:
            self._reply(number, given)
            return
        task = asyncio.get_running_loop().create_task(self._await(number, given))
        key = number or -id(task)
        self._working[key] = task
        task.add_done_callback(lambda _task: self._working.pop(key, None))

    async def _await(self, number: int, work: Awaitable[Message | None]) -> None:
        failed = "exception"
        answer: Message | None = None
        try:
            answer, failed = await work, ""
        except (GuardproxyError, OSError, ValueError) as error:
            failed = type(error).__name__
        finally:
            if failed:
                self._reply(number, Message("", {_FAILED: failed}))
        self._reply(number, answer) if not failed else None

    def _reply(self, number: int, answer: Message | None) -> None:
        if number and self.is_open:
            given = answer or Message()
            self._send({**given.fields, _RE: number}, given.body)

    def _send(self, fields: Mapping[str, Any], body: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ChannelLost("the other side has gone")
        head = orjson.dumps(fields)
        self._transport.write(b"".join((_LENGTHS.pack(len(head), len(body)), head, body)))


def _nothing() -> None:
    """Nobody has to be told."""
