"""GCRA in Redis: one bucket for all replicas, counted by Redis's own clock.

    RedisLimits(link, secret, prefix, replicas)      a `Limits`; without Redis this replica's share of every bucket

The script does what `limits.step` does, in the same order, so that both give the same answers. A bucket is one number:
its arrival time in seconds since 2026, which leaves doubles a resolution of nanoseconds.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

from guardproxy.state.limits import ROUNDING_S, Bucket, LocalLimits, Taken, taken
from guardproxy.state.redis import Link

SCRIPT = """\
local interval, depth, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[6])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) - 1767225600 + tonumber(time[2]) / 1000000
end
local arrival = tonumber(redis.call('GET', KEYS[1]) or '')
if not arrival or arrival ~= arrival or arrival < now or arrival - now > 1e9 then arrival = now end
local after = arrival + cost * interval
local wait = after - depth - now
if ARGV[4] == 'charge' or wait <= tonumber(ARGV[5]) then
  arrival, wait = after, 0
end
if arrival > now then
  redis.call('SET', KEYS[1], string.format('%.17g', arrival), 'PX', math.ceil((arrival - now) * 1000))
end
return {string.format('%.17g', wait), string.format('%.17g', arrival - now)}
"""
TAKE, CHARGE = "take", "charge"


class RedisLimits:
    """See `Limits`. `now` is what the local limits count by. `replicas`: into how many shares a limit falls."""

    def __init__(self, link: Link, secret: bytes, prefix: str, replicas: int) -> None:
        self._link = link
        self._secret = secret
        self._prefix = prefix
        self._replicas = replicas
        self._local = LocalLimits()

    async def take(self, bucket: Bucket, cost: int, now: float) -> Taken:
        """See `Limits`."""
        if not 1 <= cost <= bucket.burst:
            raise ValueError("a cost is 1 to the bucket's burst; this is a bug")
        said = await self._link.call(lambda client: self._said(client, bucket, cost, TAKE))
        if said is not None:
            return said
        share = self._share(bucket)
        return await self._local.take(share, min(cost, share.burst), now)

    async def charge(self, bucket: Bucket, cost: int, now: float) -> None:
        """See `Limits`."""
        if await self._link.call(lambda client: self._said(client, bucket, cost, CHARGE)) is None:
            await self._local.charge(self._share(bucket), cost, now)

    async def _said(self, client: Any, bucket: Bucket, cost: int, verb: str) -> Taken:
        values = (repr(bucket.interval_s), repr(bucket.depth_s), cost, verb, repr(ROUNDING_S), "")
        wait, full_in = await client.run(SCRIPT, self._key(bucket.key), *values)
        return taken(bucket, float(wait), float(full_in))

    def _share(self, bucket: Bucket) -> Bucket:
        burst = max(1, bucket.burst // self._replicas)
        return replace(bucket, per_minute=bucket.per_minute / self._replicas, burst=burst)

    def _key(self, key: str) -> str:
        return f"{self._prefix}:limit:{hmac.new(self._secret, key.encode(), 'sha256').hexdigest()}"
