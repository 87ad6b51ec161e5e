"""Who may talk to the admin port from a browser, and what its pages may load: nothing from outside."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from guardproxy.proxy.settings import is_loopback

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Callable[[], Awaitable[dict[str, Any]]], Send], Awaitable[None]]

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Doorkeeper:
    """Wraps the admin application.

    On loopback the Host header must be a loopback name, or any web page could reach us through a name that it
    points at 127.0.0.1; and a request that a browser marks as coming from another site is turned away.
    """

    def __init__(self, app: App, *, listens_on: str, token: str) -> None:
        self._app = app
        self._loopback = is_loopback(listens_on)
        self._token = token

    async def __call__(self, scope: Scope, receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
        wrong = self._wrong(scope["path"], headers)
        if wrong:
            status, text = wrong
            await _say(send, status, text)
            return

        async def sealed(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {n.lower() for n, _ in message["headers"]}
                extra = [(n, v) for n, v in SECURITY_HEADERS if n not in given]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, sealed)

    def _wrong(self, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        if self._loopback and not is_loopback(_host(headers.get("host", ""))):
            return 421, "this listener answers to loopback names only\n"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "this listener answers its own pages only\n"
        if self._token and path.startswith("/admin/"):
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode()):
                return 401, "a token is needed\n"
        return None


def _host(value: str) -> str:
    """`127.0.0.1:8081` → `127.0.0.1`, `[::1]:8081` → `::1`."""
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0].lower()


async def _say(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *SECURITY_HEADERS]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
