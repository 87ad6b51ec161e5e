"""Sessions that all replicas remember: a copy here, the shared state in Redis, compare-and-set between them.

    RedisSessions(link, local, secret, prefix)      a `Memory`

What is in Redis counts when it is the younger one; a copy of ours that is younger (Redis was away) is joined to it by
the higher number, for memory may only raise risk. Two replicas that end a turn of one session at once lose neither: who
finds the state changed settles again, upon the changed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guardproxy.core.cool_down import Pause, Pauses
from guardproxy.core.escalation import raised
from guardproxy.core.session import SessionState
from guardproxy.state.redis import Link
from guardproxy.state.session_blob import pack, unpack
from guardproxy.state.sessions import Kept, Recalled, Sessions, Settle, says_nothing

READ = """\
local time = redis.call('TIME')
return {redis.call('GET', KEYS[1]) or '', time[1], time[2]}
"""
WRITE = """\
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] then return {0, held} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {1, ''}
"""
MOST_TRIES = 8
"""So often a turn is settled again because another one came between; the budget ends it sooner."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What Redis holds of a session; no state: nothing, or garbage."""

    blob: bytes
    ahead: float
    state: SessionState | None


class RedisSessions:
    """See `Memory`. `local` holds the copies, and all there is while Redis is away."""

    def __init__(self, link: Link, local: Sessions, secret: bytes, prefix: str) -> None:
        self._link = link
        self._local = local
        self._secret = secret
        self._prefix = prefix

    def key(self, tenant: str, source: str, value: str) -> str:
        """See `Memory`."""
        return self._local.key(tenant, source, value)

    async def recall(self, key: str, now: float) -> Recalled:
        """See `Memory`."""
        found = await self._link.call(lambda client: self._read(client, key, now))
        mine = self._local.get(key, now)
        if found is None:
            return Recalled(mine, now)
        return Recalled(_both(mine, found.state), now, found.blob, found.ahead, shared=True)

    async def keep(self, key: str, seen: Recalled, settle: Settle) -> None:
        """See `Memory`. The copy is written first: it is there whatever becomes of Redis."""
        await self._local.keep(key, seen, settle)
        kept = await self._link.call(lambda client: self._write(client, key, seen, settle))
        if kept is not None:
            self._local.put(key, kept.state, kept.expires)

    async def _read(self, client: Any, key: str, now: float) -> _Held:
        blob, seconds, micros = await client.run(READ, self._name(key))
        ahead = int(seconds) + int(micros) / 1e6 - now
        return _Held(blob, ahead, unpack(blob, ahead, key, self._secret))

    async def _write(self, client: Any, key: str, seen: Recalled, settle: Settle) -> Kept:
        blob, ahead, state = seen.blob, seen.ahead, seen.state
        if not seen.shared:
            held = await self._read(client, key, seen.now)
            blob, ahead, state = held.blob, held.ahead, _both(state, held.state)
        for _ in range(MOST_TRIES):
            kept = settle(state)
            if says_nothing(kept.state) and not blob:
                return kept
            packed = pack(kept.state, ahead, key, self._secret)
            lasts = max(1, round((kept.expires - kept.state.at) * 1000))
            done, found = await client.run(WRITE, self._name(key), blob, packed, lasts)
            if done:
                return kept
            blob, state = found, unpack(found, ahead, key, self._secret) or seen.state
        raise ValueError("the session changes faster than it can be written")

    def _name(self, key: str) -> str:
        return f"{self._prefix}:session:{key}"


def _both(mine: SessionState, shared: SessionState | None) -> SessionState:
    """The shared state, unless ours is younger: then nothing of either is lost."""
    if shared is None:
        return mine
    if says_nothing(mine) or mine.at <= shared.at:
        return shared
    return _higher(mine, shared)


def _higher(one: SessionState, other: SessionState) -> SessionState:
    """What raises risk more, of both."""
    until = {pause.key: pause.until for pause in sorted((*one.pauses.running, *other.pauses.running), key=_until)}
    marks = tuple(sorted({*one.pauses.marks, *other.pauses.marks}, key=lambda mark: (mark.at, mark.key)))
    pauses = Pauses(marks, tuple(Pause(key, at) for key, at in sorted(until.items())))
    return SessionState(raised(one.levels, other.levels), pauses, max(one.at, other.at))


def _until(pause: Pause) -> float:
    return pause.until
