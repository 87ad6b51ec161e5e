"""`guardproxy serve`: the proxy in front of one model server."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import typer

from guardproxy.console.app import console_app
from guardproxy.observe import logs
from guardproxy.proxy import looping
from guardproxy.proxy import settings as configuration
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.front import FrontRules
from guardproxy.proxy.hall import Hall, steady_clock
from guardproxy.proxy.languages import Languages
from guardproxy.proxy.reloading import on_hangup, take_note, take_note_of_keys
from guardproxy.proxy.server import Listener, Servers
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.tasks import spawn
from guardproxy.proxy.workers.handdown import share
from guardproxy.proxy.workers.parent import lead


def serve(  # noqa: PLR0917 - one parameter an option
    upstream: str = typer.Option(None, help="base URL of the served model, with or without /v1"),
    settings: Path = typer.Option(None, help="settings.yaml of the operator"),
    policies: Path = typer.Option(None, help="a policy file or a folder of them; without it the shipped set"),
    host: str = typer.Option(None, help="address of the data listener (127.0.0.1)"),
    port: int = typer.Option(None, help="its port (8080)"),
    admin_port: int = typer.Option(None, help="port of the admin listener (8081), loopback"),
    workers: int = typer.Option(None, help="processes that share the data listener (1)"),
    allow_anonymous: bool = typer.Option(None, "--allow-anonymous", help="serve anybody on a public address"),
) -> None:
    """Guard the model behind --upstream."""
    overrides = {
        "upstream.url": upstream,
        "policies.path": str(policies) if policies else None,
        "listen.host": host,
        "listen.port": port,
        "listen.admin_port": admin_port,
        "listen.workers": workers,
        "listen.allow_anonymous": allow_anonymous,
    }
    loaded = configuration.load(settings, os.environ, overrides)
    share(loaded, loaded.listen.workers)  # what cannot be shared out is said before anything is opened
    sys.excepthook = logs.uncaught
    logs.configure(loaded.log.level, json_lines=loaded.log.json_lines)
    wall = time.time  # noqa: TID251 - the one place where the clock enters
    hall = open_hall(loaded, wall, steady_clock(wall, time.monotonic))
    hall = replace(hall, languages=Languages(logs.get_logger().info))
    looping.run(run(hall) if loaded.listen.workers == 1 else run_workers(hall))


async def run(hall: Hall) -> None:
    """Both listeners and the policy watch, until a signal."""
    listen = hall.settings.listen
    data = DataApp(hall)
    servers = Servers(
        [
            Listener(data, listen.host, listen.port, data.rules),
            Listener(console_app(hall), listen.admin_host, listen.admin_port, FrontRules(hall.settings.limits)),
        ],
        listen.grace_s,
    )
    if hall.pool is not None:
        await hall.pool.ready()
    on_hangup(hall)
    watches = []
    if hall.settings.policies.watch:
        watches.append(spawn(hall.shelf.watch(lambda report: take_note(hall, report))))
    if hall.keys is not None:
        watches.append(spawn(hall.keys.watch(lambda: take_note_of_keys(hall))))

    def ready() -> None:
        greet(hall, *servers.ports)
        looping.look_less_for_garbage()

    def stopping() -> None:
        data.draining = True
        say_stopping()

    try:
        await servers.run(ready, stopping, data.shut)
    finally:
        for watch in watches:
            watch.cancel()
        await shut_down(hall)


async def run_workers(hall: Hall) -> None:
    """The admin listener here, the data listener in processes of its own, until a signal."""
    try:
        await lead(hall, console_app(hall), lambda port, admin_port: greet(hall, port, admin_port), say_stopping)
    finally:
        await shut_down(hall)


def greet(hall: Hall, port: int, admin_port: int) -> None:
    """Says where everything is: it may be used from now on."""
    listen = hall.settings.listen
    names = ", ".join(str(p.ref) for p in hall.shelf.policies)
    print(f"guardproxy: http://{listen.host}:{port}/v1 guards {hall.upstream.target.base} ({names})")
    print(f"guardproxy: console at http://{listen.admin_host}:{admin_port}/admin/overview")
    print(f"guardproxy: metrics at http://{listen.admin_host}:{admin_port}/metrics", flush=True)
    hall.languages.start()


def say_stopping() -> None:
    """At the first signal."""
    print("guardproxy: stopping", file=sys.stderr)


async def shut_down(hall: Hall) -> None:
    """Everything that was opened, when nobody needs it any more."""
    if hall.pool is not None:
        await hall.pool.close()
    await hall.upstream.close()
    if hall.link is not None:
        await hall.link.close()
    hall.recorder.audit.close()
    hall.office.changes.close()
    hall.languages.close()
