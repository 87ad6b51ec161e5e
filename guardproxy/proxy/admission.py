"""How much a caller may take: places at once, requests a minute, tokens a day; of its tenant and of its key.

    Admission(limits, share, now)
        .enter(caller) -> tuple[Quota, …]     a place and one request of each limit; raises LimitReached
        .spend(caller, tokens)                what the exchange has used
        .leave(caller)                        gives the place back

A place is taken first, for it costs nothing to look; then the key's own limits, then those of its tenant, so that a
key that is over its limit takes nothing from the others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from guardproxy.errors import LimitReached
from guardproxy.proxy.tenants import Allowance, Caller
from guardproxy.state.limits import Bucket, Limits, Taken
from guardproxy.wire.quota import Quota

REQUESTS, TOKENS, CONCURRENT = "requests", "tokens", "concurrent"
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class _Side:
    """A tenant or one of its keys: whose limit it is."""

    name: str
    allowance: Allowance
    told: str

    def buckets(self) -> Iterator[tuple[str, Bucket]]:
        """What is limited, and how."""
        allowed = self.allowance
        if allowed.requests_per_minute:
            yield REQUESTS, Bucket(f"{self.name}:{REQUESTS}", allowed.requests_per_minute, allowed.at_once)
        if allowed.tokens_per_day:
            rate = allowed.tokens_per_day / MINUTES_A_DAY
            yield TOKENS, Bucket(f"{self.name}:{TOKENS}", rate, allowed.tokens_per_day)


class Admission:
    """One for the data listener. `now` gives seconds of a clock that never goes back.

    `share`: places that a tenant has now when its settings do not say, so that none can take them all; None: all.
    """

    def __init__(self, limits: Limits, share: Callable[[], int] | None, now: Callable[[], float]) -> None:
        self._limits = limits
        self._share = share
        self._now = now
        self._inside: Counter[str] = Counter()

    async def enter(self, caller: Caller) -> tuple[Quota, ...]:
        """What is left of each kind of limit, the tightest of it. After it `leave` is due, after LimitReached not."""
        sides = _sides(caller)
        for side in sides:
            running, most = self._inside[side.name], side.allowance.concurrent
            if most and running >= most:
                raise LimitReached(f"{side.told} has {most} requests running, which is its limit", CONCURRENT, 1)
            if not most and side is sides[-1] and self._share is not None and running >= self._share():
                told = f"{side.told} has {running} requests running, which is its share while others run as well"
                raise LimitReached(told, CONCURRENT, 1)
        for side in sides:
            self._inside[side.name] += 1
        entered = False
        try:
            quotas = await self._take(sides)
            entered = True
        finally:
            if not entered:
                self.leave(caller)
        return quotas

    def leave(self, caller: Caller) -> None:
        """The place is free again."""
        for side in _sides(caller):
            self._inside[side.name] -= 1
            if not self._inside[side.name]:
                del self._inside[side.name]

    async def spend(self, caller: Caller, tokens: int) -> None:
        """Tokens beyond the one that `enter` took; a bucket may go into debt, and then nobody enters until it is paid."""
        for side in _sides(caller):
            for of, bucket in side.buckets():
                if of == TOKENS and tokens > 1:
                    await self._limits.charge(bucket, tokens - 1, self._now())

    async def _take(self, sides: tuple[_Side, ...]) -> tuple[Quota, ...]:
        left: dict[str, Quota] = {}
        for side in sides:
            for of, bucket in side.buckets():
                taken = await self._limits.take(bucket, 1, self._now())
                quota = _quota(of, side.allowance, taken)
                if not taken.allowed:
                    raise LimitReached(_sentence(of, side), of, _whole(taken.retry_after_s), (quota,))
                if of not in left or quota.remaining < left[of].remaining:
                    left[of] = quota
        return tuple(left.values())


def _sides(caller: Caller) -> tuple[_Side, ...]:
    """The key, where it has limits of its own, then its tenant."""
    tenant = caller.tenant
    mine = _Side(f"tenant:{tenant.name}", tenant.settings, "this tenant")
    if not caller.key or tenant.settings.per_key == _UNLIMITED:
        return (mine,)
    return (_Side(f"key:{caller.key}", tenant.settings.per_key, "this key"), mine)


_UNLIMITED = Allowance()


def _quota(of: str, allowance: Allowance, taken: Taken) -> Quota:
    limit = allowance.requests_per_minute if of == REQUESTS else allowance.tokens_per_day
    return Quota(of, limit, taken.remaining, taken.reset_s)


def _sentence(of: str, side: _Side) -> str:
    if of == REQUESTS:
        return f"{side.told} may send {side.allowance.requests_per_minute} requests a minute: slow down"
    return f"{side.told} has used its {side.allowance.tokens_per_day} tokens of the day: wait, or ask for more"


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))
