"""Two listeners in one process: the data app and the admin app, started, drained and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import uvicorn

from guardproxy.errors import SettingsError
from guardproxy.proxy.accepting import Accepting
from guardproxy.proxy.front import FrontRules, front

SEND_BUFFER = 128 * 1024
"""Bytes of an answer that the system takes before the caller has."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An ASGI app, where it listens and what it demands of callers. Port 0 lets the system choose.

    The system drops a connection whose caller takes nothing of what was sent for `write_timeout_s`. `shared`: several
    processes listen on this address, and the system gives each connection to one of them.
    """

    app: Any
    host: str
    port: int
    rules: FrontRules = field(default_factory=FrontRules)
    shared: bool = False

    @property
    def patience(self) -> float:
        """Seconds a caller may take nothing of what was sent."""
        return self.rules.limits.write_timeout_s


HURRY_S = 1.0
"""Seconds after the deadline in which answers may still be ended well-formed."""


class _Quiet(uvicorn.Server):
    """uvicorn without its own signal handlers, for one place decides for all listeners, and with our way to accept."""

    accepting: Accepting | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Nothing but the connections is ours."""
        await super().startup(sockets=[])
        protocol = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        for sock in sockets or ():
            self.accepting = Accepting(sock, partial(protocol, self.config, self.server_state, self.lifespan.state))
            self.accepting.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """First of all nobody new gets in."""
        if self.accepting is not None:
            self.accepting.stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Servers:
    """Runs listeners until told to stop; running exchanges get `grace` seconds, and `HURRY_S` to say that they end."""

    def __init__(self, listeners: list[Listener], grace: float) -> None:
        self._sockets: list[socket.socket] = []
        try:
            for listener in listeners:
                self._sockets.append(_bound(listener))
        except SettingsError:
            self.close()
            raise
        self._grace = grace
        self._servers = [_server(listener, grace) for listener in listeners]
        self.ports = tuple(sock.getsockname()[1] for sock in self._sockets)

    async def run(
        self, ready: Callable[[], None], on_stop: Callable[[], None], on_deadline: Callable[[], None] = lambda: None
    ) -> None:
        """Serves until SIGTERM or SIGINT. `ready` is called once both accept, `on_stop` at the first signal,
        `on_deadline` when the grace is used up, or at the second signal.
        """
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop, on_stop, on_deadline)
        runs = [
            asyncio.gather(server.serve(sockets=[sock]))
            for server, sock in zip(self._servers, self._sockets, strict=True)
        ]
        while not all(server.started or run.done() for server, run in zip(self._servers, runs, strict=True)):  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # uvicorn offers no event to wait for
        if not any(run.done() for run in runs):
            ready()
        await asyncio.gather(*runs)

    def close(self) -> None:
        """Gives the ports back; only for listeners that never ran."""
        for sock in self._sockets:
            sock.close()

    def stop(self) -> None:
        """Stops accepting; running exchanges may end."""
        for server in self._servers:
            server.should_exit = True

    def _stop(self, on_stop: Callable[[], None], on_deadline: Callable[[], None]) -> None:
        later = asyncio.get_running_loop().call_later
        if any(server.should_exit for server in self._servers):
            on_deadline()
            later(HURRY_S, self._give_up)
            return
        self.stop()
        on_stop()
        later(self._grace, on_deadline)

    def _give_up(self) -> None:
        for server in self._servers:
            server.force_exit = True


def _bound(listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    # Named as TCP, or the event loop leaves Nagle's algorithm on and each answer waits 40 ms for an ACK.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # an answer that nobody reads can be dropped nowhere else (Linux)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(listener.patience * 1000))
    # Its connections have the same: a caller who does not read is noticed before megabytes of an answer wait for it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    try:
        sock.bind((listener.host, listener.port))
    except OSError as error:
        sock.close()
        raise SettingsError(f"cannot listen on {listener.host}:{listener.port}: {error.strerror}") from None
    return sock


def _server(listener: Listener, grace: float) -> _Quiet:
    config = uvicorn.Config(
        listener.app,
        http=front(listener.rules),
        ws="none",
        loop="none",  # ours is running already (proxy/looping.py)
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=max(1, int(listener.rules.limits.idle_timeout_s)),
        timeout_graceful_shutdown=math.ceil(grace + HURRY_S),
        proxy_headers=False,
    )
    return _Quiet(config)
