"""Callers who are slow, who leave, who come in crowds or who bring bombs: is each let go in time, at what cost?

    press_time(house, pace) -> list[Pressed]        who is slow, in time or in space
    press_weight(house, pace) -> list[Pressed]      who comes in crowds or with bombs

The crowd is asyncio in this process; times are wall-clock seconds, memory is the proxy's resident set in MiB.
"""

from __future__ import annotations

import asyncio
import gzip
import math
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from guardproxy.testing.protocol.play import House, split
from guardproxy.testing.protocol.raw import CHAT, HOST, request
from guardproxy.testing.scripts import vectors

LATE = 1.5
"""Seconds that a loaded machine may add to a timer."""
MOST_GROWTH = 256
"""MiB by which memory may grow while two hundred callers press at once."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The limits that the proxy runs with, in seconds and connections, and how many callers press."""

    header: float = 9.0
    body: float = 28.0
    idle: float = 60.0
    write: float = 60.0
    connections: int = 600
    callers: int = 200

    def environment(self) -> dict[str, str]:
        """The same as variables of the proxy."""
        told = {"HEADER_TIMEOUT_S": self.header, "BODY_TIMEOUT_S": self.body, "IDLE_TIMEOUT_S": self.idle}
        told |= {"WRITE_TIMEOUT_S": self.write, "CONNECTIONS": self.connections}
        return {f"GUARDPROXY_LIMITS_{name}": str(value) for name, value in told.items()}


SHIPPED = Pace()
HASTY = Pace(header=1.0, body=2.0, idle=1.0, write=1.0, callers=60)
CROWDED = Pace(connections=100, callers=30)
"""For the suite: short times, then a small crowd."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """One kind of pressure."""

    name: str
    callers: int
    held: int
    note: str


@dataclass(frozen=True, slots=True)
class Let:
    """How one caller was let go: the last status (0: none), after how many seconds."""

    status: int
    seconds: float
    closed: bool = True


def press_time(house: House, pace: Pace) -> list[Pressed]:
    """Slow, silent, idle and leaving callers."""
    return asyncio.run(_press(house, pace, (_slow_heads, _silent, _slow_bodies, _idle, _takes_nothing, _leaves)))


def press_weight(house: House, pace: Pace) -> list[Pressed]:
    """Crowds and bombs."""
    return asyncio.run(_press(house, pace, (_crowd, _long_bodies, _bombs)))


async def _press(
    house: House, pace: Pace, kinds: Iterable[Callable[[House, Pace], Awaitable[Pressed]]]
) -> list[Pressed]:
    before = _descriptors(house)
    done = [await kind(house, pace) for kind in kinds]
    settled = await _until(lambda: _descriptors(house) <= before + 4)
    left = _descriptors(house) - before
    return [*done, Pressed("descriptors afterwards", 1, int(settled), f"{left:+d} of {before}")]


async def _slow_heads(house: House, pace: Pace) -> Pressed:
    """A header line every now and then, for ever; somebody else is served meanwhile."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST " + CHAT + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        for n in range(1000):
            await asyncio.sleep(pace.header / 4)
            writer.write(b"X-%d: a\r\n" % n)

    crowd = asyncio.gather(*(_let(house, drip, 3 * pace.header) for _ in range(pace.callers)))
    waits: list[float] = []
    while not crowd.done() and len(waits) < 200:
        waits.append(await _served(house))
        await asyncio.sleep(0.05)
    let = await crowd
    held = sum(one.status == 408 and one.seconds <= pace.header + LATE for one in let)
    worst = sorted(waits)[math.ceil(0.99 * len(waits)) - 1] * 1000
    note = f"closed after at most {_most(let):.1f} s; others meanwhile p99 {worst:.0f} ms"
    return Pressed("slow headers", pace.callers, held, note)


async def _silent(house: House, pace: Pace) -> Pressed:
    let = await asyncio.gather(*(_let(house, _nothing, 3 * pace.header) for _ in range(pace.callers)))
    held = sum(one.status == 0 and one.closed and one.seconds <= pace.header + LATE for one in let)
    return Pressed("silent connections", pace.callers, held, f"closed after at most {_most(let):.1f} s")


async def _slow_bodies(house: House, pace: Pace) -> Pressed:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(request([b"Content-Length: 1000"], b"", length=False))
        for _ in range(1000):
            await asyncio.sleep(pace.body / 6)
            writer.write(b" ")

    let = await asyncio.gather(*(_let(house, drip, 3 * pace.body) for _ in range(pace.callers)))
    held = sum(one.status == 408 and one.seconds <= pace.body + LATE for one in let)
    return Pressed("slow bodies", pace.callers, held, f"408 after at most {_most(let):.1f} s")


async def _idle(house: House, pace: Pace) -> Pressed:
    async def once(writer: asyncio.StreamWriter) -> None:
        writer.write(request())

    count = min(pace.callers, 50)
    let = await asyncio.gather(*(_let(house, once, 3 * pace.idle) for _ in range(count)))
    held = sum(one.status == 200 and one.closed and one.seconds <= pace.idle + 2 * LATE for one in let)
    return Pressed("idle after an answer", count, held, f"closed after at most {_most(let):.1f} s")


async def _takes_nothing(house: House, pace: Pace) -> Pressed:
    """Asks for a long answer and never reads it: the proxy gives its side of the connection up."""
    count, before = 5, _descriptors(house)
    house.upstream.answer_with(vectors(12_000))
    raw = request(body=b'{"model":"m","input":"hi"}', line=b"POST /v1/embeddings HTTP/1.1")
    sockets = [await asyncio.to_thread(_deaf, house, raw) for _ in range(count)]
    began = perf_counter()
    await _until(lambda: _descriptors(house) > before, 10)
    await _until(lambda: _descriptors(house) <= before, pace.write + 20)
    held = count - max(0, _descriptors(house) - before)
    house.upstream.answer_with(None)
    for one in sockets:
        one.close()
    return Pressed("takes nothing of an answer", count, held, f"let go after {perf_counter() - began:.1f} s")


def _deaf(house: House, raw: bytes) -> socket.socket:
    """A caller with as little room for an answer as the system allows."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect(("127.0.0.1", house.port))
    one.sendall(raw)
    return one


async def _leaves(house: House, pace: Pace) -> Pressed:
    """Goes away in the middle of a head, of a body, of the wait for an answer."""
    whole = request()
    held = 0
    for n in range(pace.callers):
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(whole[: 1 + n * len(whole) // pace.callers])
        await writer.drain()
        writer.transport.abort()
        held += 1
    served = await _served(house)
    return Pressed("leaves early", pace.callers, held, f"the next one was served in {served * 1000:.0f} ms")


async def _crowd(house: House, pace: Pace) -> Pressed:
    """More connections than are allowed: the rest are told at once."""
    more = 50
    open_ones = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(pace.connections)]
    let = await asyncio.gather(*(_let(house, _nothing, 5) for _ in range(more)))
    for _, writer in open_ones:
        writer.close()
    await _until(lambda: _descriptors(house) < pace.connections)
    held = sum(one.status == 503 and one.seconds <= LATE for one in let)
    return Pressed("beyond the connection limit", more, held, f"503 after at most {_most(let) * 1000:.0f} ms")


async def _bombs(house: House, pace: Pace) -> Pressed:
    """Packed bodies that would unpack to a gibibyte in all, deep ones, crowded ones, all at once."""
    packed = gzip.compress(bytes(8 * 1024 * 1024))
    made = (
        request([b"Content-Encoding: gzip"], packed),
        request(body=b"[" * 1_000_000),
        request(body=b"[" + b"{}," * 349_000 + b"{}]"),
        request(body=b'{"a":' * 200_000),
        request(body=b'{"messages":[' + b'{"role":"user","content":"a"},' * 30_000 + b"0]}"),
    )
    return await _grow(
        house, "bombs", [made[n % len(made)] for n in range(pace.callers)], {400, 408, 413, 415, 429, 503}
    )


async def _long_bodies(house: House, pace: Pace) -> Pressed:
    """As long as is allowed, and without an end."""
    text = b'{"model":"m","metadata":{"a":"' + b"a" * 1_000_000 + b'"}}'
    endless = request([b"Transfer-Encoding: chunked"], b"10000\r\n" + b" " * 65536 + b"\r\n", length=False)
    endless += (b"10000\r\n" + b" " * 65536 + b"\r\n") * 30
    made = (request(body=text), endless)
    return await _grow(house, "longest bodies", [made[n % 2] for n in range(pace.callers)], {400, 408, 413, 429, 503})


async def _grow(house: House, name: str, raws: Iterable[bytes], allowed: set[int]) -> Pressed:
    def sending(raw: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
        async def send(writer: asyncio.StreamWriter) -> None:
            writer.write(raw)
            await writer.drain()

        return send

    before = _resident(house, "VmRSS")
    house_file(house, "clear_refs").write_text("5", encoding="ascii")
    let = await asyncio.gather(*(_let(house, sending(raw), 60, first=True) for raw in raws))
    grown = _resident(house, "VmHWM") - before
    held = sum(one.status in allowed for one in let) if grown <= MOST_GROWTH else 0
    note = f"memory {grown:+.0f} MiB at its peak; answered after at most {_most(let):.1f} s"
    return Pressed(name, len(let), held, note)


async def _nothing(writer: asyncio.StreamWriter) -> None:
    del writer


async def _let(
    house: House, act: Callable[[asyncio.StreamWriter], Awaitable[None]], patience: float, *, first: bool = False
) -> Let:
    """What the proxy says to a caller who acts so, until it closes; with `first` until its first answer."""
    began = perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    acting = asyncio.get_running_loop().create_task(_acting(act, writer))
    got, closed = b"", False
    try:
        async with asyncio.timeout(patience):
            while not (first and split(got)[0]):
                piece = await reader.read(65536)
                got += piece
                if not piece:
                    closed = True
                    break
    except (TimeoutError, ConnectionError):
        closed = False
    seconds = perf_counter() - began
    acting.cancel()
    writer.transport.abort()
    answers, _ = split(got)
    return Let(answers[-1].status if answers else 0, seconds, closed)


async def _acting(act: Callable[[asyncio.StreamWriter], Awaitable[None]], writer: asyncio.StreamWriter) -> None:
    try:
        await act(writer)
    except ConnectionError:
        return


async def _served(house: House) -> float:
    """Seconds until a plain request was answered; an AssertionError when it was not."""

    async def ask(writer: asyncio.StreamWriter) -> None:
        writer.write(request([b"Connection: close"]))

    one = await _let(house, ask, 30)
    if one.status != 200:
        raise AssertionError(f"a plain request was answered with {one.status}")
    return one.seconds


async def _until(holds: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Waits for something to become true."""
    deadline = perf_counter() + seconds
    while not holds():
        if perf_counter() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def _most(let: Iterable[Let]) -> float:
    return max(one.seconds for one in let)


def house_file(house: House, name: str) -> Path:
    """One of what Linux says of the proxy's process."""
    return Path(f"/proc/{house.proxy.process.pid}/{name}")


def _resident(house: House, name: str) -> float:
    lines = house_file(house, "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _descriptors(house: House) -> int:
    return sum(1 for _ in house_file(house, "fd").iterdir())
