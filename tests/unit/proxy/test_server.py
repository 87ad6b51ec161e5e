"""Two listeners that start, drain and stop together."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import httpx
import pytest

from guardproxy.errors import SettingsError
from guardproxy.proxy.server import Listener, Servers


async def hello(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def listeners(*ports):
    return [Listener(hello, "127.0.0.1", port) for port in ports]


def test_the_system_chooses_where_nothing_is_said():
    servers = Servers(listeners(0, 0), 1.0)
    assert len(set(servers.ports)) == 2
    assert all(servers.ports)
    servers.close()


def test_a_port_that_is_taken_is_one_clear_line_and_the_other_port_is_given_back():
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free, port = probe.getsockname()[1], taken.getsockname()[1]
        probe.close()
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}: "):
            Servers(listeners(free, port), 1.0)
        socket.create_server(("127.0.0.1", free)).close()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_both_answer_until_a_signal(name):
    servers, told = Servers(listeners(0, 0), 1.0), []
    accepting = asyncio.Event()
    run = asyncio.create_task(servers.run(accepting.set, lambda: told.append("stopping")))
    await asyncio.wait_for(accepting.wait(), 10)
    async with httpx.AsyncClient(trust_env=False) as http:
        for port in servers.ports:
            assert (await http.get(f"http://127.0.0.1:{port}/a")).text == "/a"
    os.kill(os.getpid(), name)
    await asyncio.wait_for(run, 10)
    assert told == ["stopping"]
    for port in servers.ports:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), 1)


async def test_an_answer_that_is_on_its_way_may_end():
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        begun.set()
        await go.wait()
        await hello(scope, receive, send)

    servers, accepting = Servers([Listener(slow, "127.0.0.1", 0)], 5.0), asyncio.Event()
    run = asyncio.create_task(servers.run(accepting.set, lambda: None))
    await asyncio.wait_for(accepting.wait(), 10)
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = asyncio.create_task(http.get(f"http://127.0.0.1:{servers.ports[0]}/late"))
        await begun.wait()
        servers.stop()
        go.set()
        assert (await answer).text == "/late"
    await asyncio.wait_for(run, 10)


async def test_the_deadline_comes_after_the_grace_and_at_once_with_a_second_signal():
    for grace, signals in ((0.05, 1), (60.0, 2)):
        told, over, accepting, begun = [], asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(scope, receive, send, begun=begun, over=over):
            begun.set()
            await over.wait()
            await hello(scope, receive, send)

        def deadline(told=told, over=over):
            told.append("deadline")
            over.set()

        servers = Servers([Listener(slow, "127.0.0.1", 0)], grace)
        run = asyncio.create_task(servers.run(accepting.set, lambda told=told: told.append("stop"), deadline))
        await asyncio.wait_for(accepting.wait(), 10)
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = asyncio.create_task(http.get(f"http://127.0.0.1:{servers.ports[0]}/late", timeout=20))
            await begun.wait()
            for _ in range(signals):
                servers._stop(lambda told=told: told.append("stop"), deadline)
            assert (await answer).text == "/late"
        await asyncio.wait_for(run, 10)
        assert told == ["stop", "deadline"]
