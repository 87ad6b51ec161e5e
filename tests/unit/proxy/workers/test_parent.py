"""The port that workers share, and pages that are fresh. The whole of it runs in tests/e2e/test_workers.py."""

from __future__ import annotations

import socket

import pytest

from guardproxy.errors import SettingsError
from guardproxy.proxy.workers.parent import Fresh, reserved


def listening(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


def test_several_may_listen_on_a_port_that_is_held_for_them():
    with reserved("127.0.0.1", 0) as held:
        port = held.getsockname()[1]
        with listening(port), listening(port), socket.create_connection(("127.0.0.1", port), 5):
            pass


def test_a_port_that_nobody_listens_on_takes_no_connection():
    with reserved("127.0.0.1", 0) as held, pytest.raises(ConnectionRefusedError):
        socket.create_connection(held.getsockname(), 5)


def test_a_port_of_somebody_else_is_one_clear_line_even_if_he_shares_it():
    with listening(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            reserved("127.0.0.1", port)


def test_a_system_that_cannot_share_says_so(monkeypatch):
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(SettingsError, match=r"listen\.workers: this system shares no port"):
        reserved("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("path", "fresh"), [("/metrics", True), ("/admin/decisions", True), ("/", False), ("/v1/models", False)]
)
async def test_what_workers_have_to_tell_is_taken_before_a_page_shows_it(path, fresh):
    order = []

    async def app(_scope, _receive, _send):
        order.append("answered")

    async def refresh():
        order.append("refreshed")

    await Fresh(app, refresh)({"type": "http", "path": path}, None, None)
    assert order == (["refreshed", "answered"] if fresh else ["answered"])
