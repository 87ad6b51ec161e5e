"""Who may talk to the admin port from a browser, and what its pages may load: nothing from outside."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any

from guardproxy.proxy.settings import is_loopback

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Callable[[], Awaitable[dict[str, Any]]], Send], Awaitable[None]]

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with no-referrer a browser says "Origin: null" of our own forms
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Doorkeeper:
    """Wraps the admin application.

    On loopback the Host header must be a loopback name, or any web page could reach us through a name that it
    points at 127.0.0.1; and a request that a browser marks as coming from another site is turned away. A browser has
    the token as the password of a Basic sign-in, any name with it: the name stands in records of changes.
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
        user, given = _credentials(headers.get("authorization", ""))
        wrong = self._wrong(scope["path"], headers, given)
        if wrong:
            status, text = wrong
            await _say(send, status, text)
            return
        scope = {**scope, "guardproxy.actor": user}

        async def sealed(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {n.lower() for n, _ in message["headers"]}
                extra = [(n, v) for n, v in SECURITY_HEADERS if n not in given]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, sealed)

    def _wrong(self, path: str, headers: dict[str, str], given: str) -> tuple[int, str] | None:
        if self._loopback and not is_loopback(_host(headers.get("host", ""))):
            return 421, "this listener answers to loopback names only\n"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "this listener answers its own pages only\n"
        # Over plain HTTP beyond loopback browsers send no Sec-Fetch-Site, but with every form an Origin.
        if (
            headers.get("origin", "")
            and headers["origin"].partition("://")[2].lower() != headers.get("host", "").lower()
        ):
            return 403, "this listener answers its own pages only\n"
        known = hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())
        if self._token and path.startswith("/admin/") and not known:
            return 401, "a token is needed\n"
        return None


def _credentials(header: str) -> tuple[str, str]:
    """Name and token of an Authorization header; the name of a Bearer token is "". Names are cut to a readable few."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", header.removeprefix("Bearer ")
    try:
        user, _, token = b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return "".join(c for c in user if c.isalnum() or c in "._-@")[:40], token


def _host(value: str) -> str:
    """`127.0.0.1:8081` → `127.0.0.1`, `[::1]:8081` → `::1`."""
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0].lower()


async def _say(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="guardproxy admin", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *SECURITY_HEADERS]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
