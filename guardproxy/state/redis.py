"""The way to Redis: a budget for every call, a breaker, and no exception that anybody else must know.

    connect(address, password, most) -> client      of redis-py (the extra `redis`); opens no connection yet
    Link(client, budget_s, rest_s, told, now)
        .call(work) -> what `work(client)` gave, or None: it failed, took too long, or was not tried
        .shared                                     false while calls are answered from this process

Redis is never required to answer a request: who gets None goes on with what this process knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Protocol, TypeVar

from guardproxy.errors import SettingsError
from guardproxy.state.breaker import Breaker

BUDGET_S, REST_S = 0.020, 5.0
FAILURES = 3
"""In a row, until the breaker opens. One alone may be a hiccup of ours."""
BROKEN = (OSError, EOFError, ValueError, TypeError, LookupError)
"""Beside the client's own errors: sockets, and replies that are no Redis."""
T = TypeVar("T")


class Told(Protocol):
    """Who counts the failures (`timeout` or `error`) and is told when the link goes and comes."""

    def failed(self, kind: str) -> None: ...

    def changed(self, *, shared: bool) -> None: ...


class Link:
    """One a process. Every call has the whole budget, connecting and waiting for a free connection included."""

    def __init__(self, client: Any, told: Told, *, budget_s: float = BUDGET_S, rest_s: float = REST_S) -> None:
        self._client = client
        self._told = told
        self._budget_s = budget_s
        self._breaker = Breaker(FAILURES, rest_s)
        self._now = monotonic

    @property
    def shared(self) -> bool:
        """Do calls go out as usual?"""
        return self._breaker.closed

    async def call(self, work: Callable[[Any], Awaitable[T]]) -> T | None:
        """`work` may be cut off anywhere; what it asked for may have happened nevertheless."""
        began = self._now()
        if not self._breaker.lets(began):
            return None
        try:
            async with asyncio.timeout(self._budget_s):
                result = await work(self._client)
        except TimeoutError:
            self._went(began, "timeout")
        except (*BROKEN, *self._client.errors):
            self._went(began, "error")
        else:
            self._went(began, "")
            return result
        return None

    async def close(self) -> None:
        """No call comes after it."""
        await self._client.close()

    def _went(self, began: float, failure: str) -> None:
        before = self._breaker.closed
        self._breaker.went(began, self._now(), well=not failure)
        if failure:
            self._told.failed(failure)
        if self._breaker.closed is not before:
            self._told.changed(shared=self._breaker.closed)


class Client:
    """redis-py's asynchronous client, as far as we use it. `errors`: what it raises beside those of sockets."""

    def __init__(self, raw: Any, errors: tuple[type[Exception], ...]) -> None:
        self._raw = raw
        self.errors = errors

    async def run(self, script: str, key: str, *values: Any) -> Any:
        """A Lua script over one key; the whole text each time, for a server that was restarted knows none."""
        return await self._raw.eval(script, 1, key, *values)

    async def close(self) -> None:
        """Closes the connections."""
        await self._raw.aclose(close_connection_pool=True)


def connect(url: str, password: str | None, most: int) -> Client:
    """`most`: connections. SettingsError: the extra is not installed, or the address is none."""
    try:
        from redis import RedisError, asyncio as redis  # noqa: PLC0415, I001 - an extra, and 100 ms of imports
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
    except ImportError:
        raise SettingsError("redis.url: needs the extra: pip install 'guardproxy[redis]'") from None
    more: dict[str, Any] = {"password": password} if password else {}
    try:
        pool = redis.BlockingConnectionPool.from_url(
            url, max_connections=most, timeout=None, retry=Retry(NoBackoff(), 0), **more
        )
    except ValueError:
        raise SettingsError("redis.url: needs redis://host:port/number, rediss:// or unix:///path") from None
    return Client(redis.Redis(connection_pool=pool), (RedisError,))
