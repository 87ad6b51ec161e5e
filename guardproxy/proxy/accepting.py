"""A listening socket whose connections are all taken, as fast as they come.

    accepting = Accepting(sock, made)      `made` makes a connection's protocol
    accepting.start()
    accepting.stop()                       the socket itself is its owner's

uvloop takes one connection a turn of the event loop (libuv, from 1.45 on). Under load turns are long, and who should be
sent away at once, or asks whether we are well, would wait unseen in the system's queue. Here a turn takes `A_TURN`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from guardproxy.observe.logs import get_logger
from guardproxy.proxy.tasks import spawn

BACKLOG = 2048
"""Connections that wait in the system."""
A_TURN = 256
"""Taken in one turn; what else is ready has its turn as well."""
PAUSE_S = 0.5
"""Until the next try when the process has no descriptor left, or the system no memory."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Accepting:
    """Takes connections from `start` to `stop`."""

    def __init__(self, sock: socket.socket, made: Callable[[], asyncio.Protocol]) -> None:
        self._sock = sock
        self._made = made
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on."""
        self._sock.settimeout(0)
        self._sock.listen(BACKLOG)
        self._go_on()

    def stop(self) -> None:
        """No more; who still waits in the system is turned away when the socket closes."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock, self._take)

    def _take(self) -> None:
        for _ in range(A_TURN):
            try:
                connection, _ = self._sock.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(error)
                if error.errno != errno.ECONNABORTED:  # that caller has left: the next one
                    return
                continue
            connection.settimeout(0)
            spawn(self._loop.connect_accepted_socket(self._made, connection))

    def _rest(self, error: OSError) -> None:
        """Whoever has a connection can still be served, and gives its descriptor back."""
        get_logger().warning("accepting_paused", reason=error.strerror)
        self._loop.remove_reader(self._sock)
        self._pause = self._loop.call_later(PAUSE_S, self._go_on)
