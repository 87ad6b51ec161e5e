"""Bad weather between the proxy and its upstream: a TCP relay that delays, cuts, slows, garbles and breaks answers.

    async with FaultProxy(upstream.port, Weather(delay=0.2, rate=1024)) as between:
        between.base                           goes into the proxy's settings
        between.weather = Weather(...)         for connections from now on; or a function that makes one for each

What the caller sends goes through as it is. Of what comes back, `Weather` says what becomes of it. Offsets count
bytes of the whole answer, its head included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, repeat
from typing import Any

from guardproxy.testing.loop_server import LoopServer
from guardproxy.testing.loop_upstream import reset

PIECE = 65536


class Break(StrEnum):
    """How a connection ends at `Weather.at`.

    `fin`: closed in good order (the answer is truncated). `half`: the same, but the other direction stays open.
    `rst`: reset. `stall`: nothing more comes, and nothing is closed. `garbage`: noise in the place of the rest.
    """

    FIN = "fin"
    HALF = "half"
    RST = "rst"
    STALL = "stall"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Weather:
    """Of one connection's answer. Times are seconds, sizes bytes, `rate` bytes a second.

    `cuts`: the sizes of the TCP segments in their order, and once more from the beginning; empty: as they come.
    `pause`: between two segments. `at`: the offset of the break; None: it never breaks.
    """

    delay: float = 0.0
    cuts: tuple[int, ...] = ()
    pause: float = 0.0
    rate: float | None = None
    at: int | None = None
    breaks: Break = Break.FIN


Noise = b"\xff\xfe\x00garbage\r\n\r\n{[\x80" * 64


class FaultProxy(LoopServer):
    """See the module's text. `connections` and `segments` are counts; all are closed on leaving."""

    def __init__(self, port: int, weather: Weather | Callable[[], Weather] | None = None) -> None:
        super().__init__()
        self.weather: Weather | Callable[[], Weather] = weather or Weather()
        self.connections = self.segments = 0
        self._upstream = port

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection there and back."""
        self.connections += 1
        weather = self.weather() if callable(self.weather) else self.weather
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            await _first(_forth(reader, server_writer), self._back(server_reader, writer, weather))
        finally:
            server_writer.transport.abort()
            if not writer.is_closing():
                writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, weather: Weather) -> None:
        sizes, sent, begun = _sizes(weather), 0, False
        while piece := await reader.read(PIECE):
            if not begun:
                await asyncio.sleep(weather.delay)
                begun = True
            room = len(piece) if weather.at is None else weather.at - sent
            for segment in _segments(piece[:room], sizes):
                writer.write(segment)
                await writer.drain()
                self.segments += 1
                await asyncio.sleep(weather.pause + (len(segment) / weather.rate if weather.rate else 0.0))
            sent += len(piece[:room])
            if weather.at is not None and sent >= weather.at:
                await _broken(writer, weather.breaks)
                return
        if writer.can_write_eof():
            writer.write_eof()
            await asyncio.Event().wait()  # the other side closes when it has read the end


async def _first(*works: Any) -> None:
    """Until one of them ends; the others are cancelled."""
    tasks = [asyncio.get_running_loop().create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _forth(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()


async def _broken(writer: asyncio.StreamWriter, how: Break) -> None:
    if how is Break.RST:
        reset(writer)
        return
    if how is Break.GARBAGE:
        writer.write(Noise)
    if how is not Break.STALL:
        writer.write_eof()
    if how in (Break.HALF, Break.STALL):
        await asyncio.Event().wait()


def _sizes(weather: Weather) -> Iterator[int]:
    if weather.cuts:
        return chain.from_iterable(repeat(weather.cuts))
    return repeat(max(1, int(weather.rate / 20)) if weather.rate else PIECE)


def _segments(piece: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    at = 0
    while at < len(piece):
        size = next(sizes)
        yield piece[at : at + size]
        at += size
