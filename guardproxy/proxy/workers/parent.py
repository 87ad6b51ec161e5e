"""`serve --workers N`: the process that owns the admin port, the policies, the decision log, signals and the drain.

    lead(hall, admin, greet, stopping)     until a signal; the caller shuts the hall down

The data port is shared with SO_REUSEPORT: each worker listens for itself, and the system spreads connections over them
by their addresses. One inherited socket would let whichever worker wakes first take all that wait, and connections are
kept alive, so it would keep them. The parent holds the port without listening, so that the number is known and ours.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from guardproxy.errors import SettingsError
from guardproxy.observe.audit import AuditLog
from guardproxy.proxy.front import FrontRules
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.reloading import on_hangup, take_note
from guardproxy.proxy.server import Listener, Servers
from guardproxy.proxy.settings import Settings
from guardproxy.proxy.tasks import spawn
from guardproxy.proxy.workers.crew import Crew
from guardproxy.proxy.workers.desk import Desk
from guardproxy.proxy.workers.handdown import share
from guardproxy.proxy.workers.handover import Handover

FRESH = ("/metrics", "/admin")
"""Paths that show what workers have counted and decided."""
NEARLY_S = 0.2

App = Callable[[Any, Any, Any], Awaitable[None]]


class Fresh:
    """An ASGI app that takes what workers have to tell before it answers."""

    def __init__(self, app: App, refresh: Callable[[], Awaitable[None]]) -> None:
        self._app = app
        self._refresh = refresh

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"].startswith(FRESH):
            await self._refresh()
        await self._app(scope, receive, send)


async def lead(hall: Hall, admin: App, greet: Callable[[int, int], None], stopping: Callable[[], None]) -> None:
    """`greet` is called with both ports once all workers serve, `stopping` at the first signal. ConfigError when they cannot."""
    log, listen, of = hall.recorder.audit, hall.settings.listen, hall.settings.listen.workers
    if not isinstance(log, AuditLog):
        raise TypeError("the parent writes the decision log; this is a bug")
    if hall.pool is not None:
        await hall.pool.ready()
    desk = Desk(hall, log, of)
    with reserved(listen.host, listen.port) as held:
        port = held.getsockname()[1]
        crew = Crew(hall, desk, of, share(_served(hall.settings, port, desk), of), secrets.token_bytes(32))
        rules = FrontRules(hall.settings.limits)
        servers = Servers([Listener(Fresh(admin, crew.refresh), listen.admin_host, listen.admin_port, rules)],
                          listen.grace_s)  # fmt: skip
        Handover(hall, crew)
        crew.start()
        try:
            await crew.complete()
            await _until_a_signal(hall, crew, servers, lambda: greet(port, servers.ports[0]), stopping)
        finally:
            crew.drain()
            await crew.ended()


async def _until_a_signal(
    hall: Hall, crew: Crew, servers: Servers, ready: Callable[[], None], stopping: Callable[[], None]
) -> None:
    loop, stopped = asyncio.get_running_loop(), list[float]()
    on_hangup(hall)
    watching = spawn(hall.shelf.watch(lambda report: take_note(hall, report))) if hall.settings.policies.watch else None

    def stop() -> None:
        stopped.append(loop.time())
        crew.drain()
        stopping()

    def hurry() -> None:
        """At the second signal; when the grace is used up workers know it by themselves."""
        if loop.time() - stopped[0] < hall.settings.listen.grace_s - NEARLY_S:
            crew.hurry()

    try:
        await servers.run(ready, stop, hurry)
        await crew.ended()
    finally:
        if watching is not None:
            watching.cancel()


def reserved(host: str, port: int) -> socket.socket:
    """A socket that keeps the port for our workers. SettingsError when somebody else has it.

    Whoever shares a port must say so, and another service that does would take half of our callers unseen: first it is
    asked for alone.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not hasattr(socket, "SO_REUSEPORT"):
        raise SettingsError("listen.workers: this system shares no port between processes; run one worker")
    try:
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, port))
            port = alone.getsockname()[1]
        shared = socket.socket(family, socket.SOCK_STREAM)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((host, port))
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return shared


def _served(settings: Settings, port: int, desk: Desk) -> Settings:
    """With what became of it at the start: the port, and the file of the decision log."""
    listen = settings.listen.model_copy(update={"port": port})
    audit = settings.audit.model_copy(update={"path": str(desk.log_path)})
    return settings.model_copy(update={"listen": listen, "audit": audit})
