"""Browsers on other origins: only those that the settings name may read an answer.

Cors(origins) .preflight(headers) -> Headers | None     for OPTIONS; None: this origin may not
              .marks(headers) -> Headers                what lets a browser hand an answer to its page
              .answering(headers, send) -> Send         adds them
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from guardproxy.proxy.client import Headers, Message, Send

_SHOWN = (
    "x-guardproxy-decision, x-guardproxy-decision-id, x-guardproxy-policy, x-guardproxy-policy-hash, "
    "x-guardproxy-rule, x-guardproxy-checked, x-request-id, retry-after"
)
_MAX_AGE = "600"
_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-, ")


class Cors:
    """`origins` as a browser writes them, `https://chat.example.org`. There is no `*`: a local proxy has no keys."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)

    def preflight(self, headers: Headers) -> Headers | None:
        """The headers of the answer to OPTIONS."""
        origin = self._origin(headers)
        if not origin:
            return None
        asked = _header(headers, "access-control-request-headers").lower()
        return (
            *_allowing(origin),
            ("access-control-allow-methods", "GET, POST"),
            ("access-control-allow-headers", asked if asked and _NAMES.issuperset(asked) else "content-type"),
            ("access-control-max-age", _MAX_AGE),
        )

    def marks(self, headers: Headers) -> Headers:
        """What an answer needs; nothing unless a page of a named origin asks."""
        origin = self._origin(headers)
        return (*_allowing(origin), ("access-control-expose-headers", _SHOWN)) if origin else ()

    def answering(self, headers: Headers, send: Send) -> Send:
        """`send` itself unless a page of a named origin asks."""
        added = [(n.encode(), v.encode()) for n, v in self.marks(headers)]
        if not added:
            return send

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given: Any = message.get("headers", ())
                message = {**message, "headers": [*given, *added]}
            await send(message)

        return sending

    def _origin(self, headers: Headers) -> str:
        origin = _header(headers, "origin")
        return origin if origin in self._origins else ""


def _allowing(origin: str) -> Headers:
    return (("access-control-allow-origin", origin), ("vary", "Origin"))


def _header(headers: Headers, name: str) -> str:
    return next((value for known, value in headers if known == name), "")
