"""One of the processes of `serve --workers`: the data listener, over what its parent hands down.

`python -m guardproxy.proxy.workers.worker DESCRIPTOR`, started by `crew` alone. It ends with SIGTERM as a single process
does, and at once when its parent has gone: then nothing that it answers could be recorded.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time

import structlog

from guardproxy.errors import ConfigError
from guardproxy.observe import logs
from guardproxy.proxy import looping
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.hall import Hall, steady_clock
from guardproxy.proxy.reloading import take_note_of_keys
from guardproxy.proxy.server import Listener, Servers
from guardproxy.proxy.tasks import spawn
from guardproxy.proxy.workers.channel import Channel, ChannelLost, Message
from guardproxy.proxy.workers.duty import Duty, looked
from guardproxy.proxy.workers.handdown import Welcome, unpacked
from guardproxy.proxy.workers.inherited import inherited_hall

WELCOME, LOADED, SERVES, FAREWELL = "welcome", "loaded", "serves", "farewell"


def main() -> int:
    """Serves until told to stop. 78 for what cannot be used, though the parent could: it has changed since."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # policies come from the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    sys.excepthook = logs.uncaught
    try:
        looping.run(work(socket.socket(fileno=int(sys.argv[1]))))
    except ConfigError as error:
        logs.get_logger().error("worker_cannot_start", reason=str(error))
        return 78
    return 0


async def work(sock: socket.socket) -> None:
    """From the parent's first word to the last connection."""
    first: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
    channel = Channel({WELCOME: lambda message: first.set_result(unpacked(message.body))}, _orphaned)
    await channel.open(sock)
    welcome = await first
    settings = welcome.settings
    logs.configure(settings.log.level, json_lines=settings.log.json_lines)
    structlog.contextvars.bind_contextvars(worker=welcome.number)
    wall = time.time  # noqa: TID251 - the one place of this process where the clock enters
    hall = inherited_hall(welcome, channel, wall, steady_clock(wall, time.monotonic))
    duty = Duty(hall)
    channel.learn(duty.answers)
    if welcome.candidate is not None:
        await duty.begin_trial(welcome.candidate)
    await channel.ask(LOADED, hashes=[p.ref.hash for p in hall.shelf.policies])
    await _serve(hall, channel)


async def _serve(hall: Hall, channel: Channel) -> None:
    listen, data = hall.settings.listen, DataApp(hall)
    servers = Servers([Listener(data, listen.host, listen.port, data.rules, shared=True)], listen.grace_s)
    watching = spawn(hall.keys.watch(lambda: take_note_of_keys(hall))) if hall.keys is not None else None

    def ready() -> None:
        channel.say(SERVES)
        hall.languages.start()
        looping.look_less_for_garbage()

    def stopping() -> None:
        data.draining = True

    try:
        await servers.run(ready, stopping, data.shut)
    finally:
        if watching is not None:
            watching.cancel()
        await hall.upstream.close()
        if hall.link is not None:
            await hall.link.close()
        await _farewell(hall, channel)
        hall.recorder.audit.close()
        hall.languages.close()


async def _farewell(hall: Hall, channel: Channel) -> None:
    """What was counted since the parent last looked; after it everything that was said has arrived."""
    told = Message(FAREWELL, *await looked(hall))
    try:
        await channel.ask(told.word, told.body, **told.fields)
    except ChannelLost:
        return  # it went first
    channel.close()


def _orphaned() -> None:
    """As two SIGTERM would: streams get a moment to end well-formed."""
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
