"""What Redis does for replicas, within one process: the three scripts of the shared rooms over two dictionaries.

    Store(now, most).run(script, key, *values)      as `redis.Client.run`, at once
    flat(values) -> bytes, unflat(raw)              values and answers for the way between processes

It is the other end for `RedisSessions` and `RedisLimits` of processes that have one parent and no Redis. `now` gives
seconds that never go back; nothing outlives the process. Sessions are bounded: the one longest unused goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from guardproxy.state.limits import SWEEP_AT
from guardproxy.state.redis_limits import CHARGE, SCRIPT
from guardproxy.state.redis_sessions import READ, WRITE
from guardproxy.state.sessions import MOST_SESSIONS

NAMES = {READ: "read", WRITE: "write", SCRIPT: "take"}
"""The scripts by a short word, for those who send them on."""
_FORGET_AFTER_S = 1e9


@dataclass(frozen=True, slots=True)
class _Blob:
    value: bytes
    until: float


class Store:
    """Not thread-safe: the event loop owns it. `run` takes a script or its short word."""

    def __init__(self, now: Callable[[], float], most: int = MOST_SESSIONS) -> None:
        self._now = now
        self._most = most
        self._blobs: OrderedDict[str, _Blob] = OrderedDict()
        self._arrivals: dict[str, float] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        return len(self._blobs) + len(self._arrivals)

    def run(self, script: str, key: str, *values: Any) -> list[Any]:
        """What the script would answer. ValueError for anything that is none of them."""
        match NAMES.get(script, script):
            case "read":
                now = self._now()
                return [self._held(key), int(now), int(now % 1 * 1e6)]
            case "write":
                held, packed, lasts_ms = values
                return self._write(key, held, packed, lasts_ms)
            case "take":
                interval, depth, cost, verb, rounding = values[:5]
                return self._take(key, float(interval), float(depth), cost, (verb, float(rounding)))
        raise ValueError("no script of ours; this is a bug")

    def _held(self, key: str) -> bytes:
        blob = self._blobs.get(key)
        if blob is None:
            return b""
        if blob.until <= self._now():
            del self._blobs[key]
            return b""
        self._blobs.move_to_end(key)
        return blob.value

    def _write(self, key: str, held: bytes, packed: bytes, lasts_ms: int) -> list[Any]:
        """Compare and set."""
        found = self._held(key)
        if found != held:
            return [0, found]
        self._blobs[key] = _Blob(packed, self._now() + lasts_ms / 1000)
        self._blobs.move_to_end(key)
        while len(self._blobs) > self._most:
            self._blobs.popitem(last=False)
        return [1, b""]

    def _take(self, key: str, interval: float, depth: float, cost: int, how: tuple[str, float]) -> list[Any]:
        """The Lua of `redis_limits`, line by line."""
        (verb, rounding), now = how, self._now()
        arrival = self._arrivals.get(key, now)
        if arrival < now or arrival - now > _FORGET_AFTER_S:
            arrival = now
        after = arrival + cost * interval
        wait = after - depth - now
        if verb == CHARGE or wait <= rounding:
            arrival, wait = after, 0.0
        self._arrivals[key] = arrival
        if len(self._arrivals) > self._sweep_at:
            self._arrivals = {name: at for name, at in self._arrivals.items() if at > now}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._arrivals))
        return [wait, arrival - now]


def flat(values: Sequence[Any]) -> bytes:
    """Numbers, texts and bytes as JSON."""
    return orjson.dumps([{"hex": value.hex()} if isinstance(value, bytes) else value for value in values])


def unflat(raw: bytes) -> list[Any]:
    """The same values. ValueError for anything else."""
    return [bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in orjson.loads(raw)]
