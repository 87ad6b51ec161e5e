"""The hot path's client: kept connections of our own, and nothing between a call and its bytes.

At 64 callers aiohttp costs more than all the rest of a bare proxy (performance.md); what it does beyond this (cookies,
redirects, proxies, sessions) must be off here anyway. aiohttp stays as the oracle: both clients pass the same tests.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from ipaddress import ip_address

from aiohappyeyeballs import start_connection
from yarl import URL

from guardproxy.errors import UpstreamBadAnswer, UpstreamTimeout, UpstreamUnreachable
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream import Call
from guardproxy.proxy.upstream_wire import Answer, Broken, Wire

KEPT_S = 4.0
"""Most model servers run uvicorn, which closes idle connections after 5 s, and a POST into a closing one must not be
repeated.
"""
_STAGGER_S = 0.25
"""Seconds after which the next address of a name is tried beside the first (RFC 8305)."""


class DirectReply:
    """An answer whose head has arrived."""

    def __init__(self, answer: Answer, idle_timeout: float) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._answer = answer
        self._idle = idle_timeout

    async def piece(self) -> bytes:
        """The next bytes as they come, b"" at the end. Cancelling it loses nothing."""
        try:
            return await self._answer.piece(self._idle)
        except TimeoutError as error:
            raise UpstreamTimeout(f"the upstream sent nothing for {self._idle:g} s", kind="idle") from error
        except Broken as error:
            raise UpstreamBadAnswer("the upstream closed the connection in mid-answer", kind="reset") from error

    async def close(self) -> None:
        """Drops the connection unless the answer is all there; a half-read answer cancels the work upstream."""
        self._answer.close()


class DirectUpstream:
    """See the module's text. No retries but one on a refused connection, and one of a GET on a kept connection."""

    def __init__(self, target: Target) -> None:
        self.target = target
        url = URL(target.base, encoded=True)
        self._host, self._port = url.raw_host or "", url.port or 80
        self._stagger = None if url.host is None or _is_address(url.host) else _STAGGER_S
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._path = url.raw_path.rstrip("/")
        key = f"authorization: Bearer {target.key.reveal()}\r\n" if target.key is not None else ""
        self._lines = _checked(f"host: {url.host_port_subcomponent}\r\naccept-encoding: identity\r\n{key}")
        self._idle: deque[Wire] = deque()
        self._open: set[Wire] = set()
        self._making = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    async def send(self, call: Call) -> DirectReply:
        """Head of the answer. A refused connection is tried once more, before any byte was sent."""
        try:
            return await self._send(call)
        except UpstreamUnreachable:
            return await self._send(call)

    async def close(self) -> None:
        """Closes all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._idle.clear()
        for wire in tuple(self._open):
            wire.abort()
        await asyncio.sleep(0)  # what was aborted is told so in the loop's next round

    async def _send(self, call: Call) -> DirectReply:
        target = self.target
        loop = asyncio.get_running_loop()
        until = loop.time() + target.answer_timeout
        try:
            request = self._written(call)
            while True:
                wire = self._kept(loop.time()) or await self._room(loop, until)
                kept = wire is not None
                if wire is None:
                    wire = await self._connected(loop, until)
                answer = wire.send(request)
                try:
                    await answer.head(max(0.0, until - loop.time()))
                except Broken as error:
                    if kept and call.method == "GET" and not error.begun:
                        continue  # it was closed under our hands, and nothing is done twice
                    raise
                finally:
                    if not answer.status:
                        wire.abort()  # also when our caller leaves: the upstream need not go on
                return DirectReply(answer, target.idle_timeout)
        except TimeoutError as error:
            raise UpstreamTimeout(f"the upstream did not answer within {target.answer_timeout:g} s") from error
        except (Broken, ValueError) as error:
            raise UpstreamBadAnswer(
                "the upstream's answer is not HTTP, or the connection broke", kind="reset"
            ) from error

    def _kept(self, now: float) -> Wire | None:
        """The connection that was used last, if there is one: the others grow old and close."""
        while self._idle:
            wire = self._idle.pop()
            if not wire.closed:
                if now - wire.since < KEPT_S:
                    return wire
                wire.abort()
        return None

    async def _room(self, loop: asyncio.AbstractEventLoop, until: float) -> Wire | None:
        """Waits while all of the pool are taken: for one that becomes free, or None for the place of one that ended."""
        while len(self._open) + self._making >= self.target.pool:
            turn, came = loop.create_future(), False
            self._waiting.append(turn)
            try:
                async with asyncio.timeout_at(until):
                    await turn
                came = True
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                elif not came:
                    self._next()  # it was our turn, and we cannot take it
            if wire := self._kept(loop.time()):
                return wire
        return None

    async def _socket(self, loop: asyncio.AbstractEventLoop) -> socket.socket:
        """To the first of the name's addresses that answers: uvloop would try them one after the other."""
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return await start_connection(found, happy_eyeballs_delay=self._stagger, loop=loop)

    async def _connected(self, loop: asyncio.AbstractEventLoop, until: float) -> Wire:
        """A new connection."""
        self._making += 1
        made = False
        try:
            async with asyncio.timeout_at(min(until, loop.time() + self.target.connect_timeout)):
                name = self._host if self._tls is not None else None
                _, wire = await loop.create_connection(
                    lambda: Wire(loop, self._free, self._lost),
                    sock=await self._socket(loop),
                    ssl=self._tls,
                    server_hostname=name,
                )
            made = True
        except TimeoutError as error:
            raise UpstreamTimeout(
                f"the upstream took no connection within {self.target.connect_timeout:g} s"
            ) from error
        except OSError as error:
            raise UpstreamUnreachable("nobody listens at the upstream's address") from error
        finally:
            self._making -= 1
            if not made:
                self._next()
        if not wire.closed:
            self._open.add(wire)
        return wire

    def _free(self, wire: Wire) -> None:
        loop = asyncio.get_running_loop()
        wire.since = loop.time()
        self._idle.append(wire)
        self._next()
        if self._sweep is None:
            self._sweep = loop.call_later(KEPT_S, self._swept)

    def _lost(self, wire: Wire) -> None:
        self._open.discard(wire)
        self._next()

    def _next(self) -> None:
        """Somebody who waits may go on."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _swept(self) -> None:
        """Ends connections that nobody has used for long."""
        loop = asyncio.get_running_loop()
        while self._idle and loop.time() - self._idle[0].since >= KEPT_S:
            self._idle.popleft().abort()
        wait = KEPT_S - (loop.time() - self._idle[0].since) if self._idle else 0.0
        self._sweep = loop.call_later(wait, self._swept) if self._idle else None

    def _written(self, call: Call) -> bytes:
        """The request as bytes. ValueError for a line end in a header: nothing may begin a line of its own."""
        given = "".join([f"{name}: {value}\r\n" for name, value in call.headers])
        length = f"content-length: {len(call.body)}\r\n" if call.body is not None else ""
        if given.count("\r") != len(call.headers) or given.count("\n") != len(call.headers):
            raise ValueError("a header holds a line end")
        head = f"{call.method} {self._path}{call.path} HTTP/1.1\r\n{self._lines}{given}{length}\r\n"
        return head.encode("latin-1") + (call.body or b"")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _checked(lines: str) -> str:
    """Our own header lines; ValueError where a key or a host would begin another one."""
    if lines.count("\r\n") != lines.count("\r") or lines.count("\r") != lines.count("\n"):
        raise ValueError("the upstream's key or address holds a line end")
    return lines
