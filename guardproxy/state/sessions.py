"""What is remembered of sessions: numbers with an expiry, under keyed hashes.

    Memory                                          the Protocol: this process (`Sessions`) or a shared store
        .key(tenant, source, value) -> str          HMAC: the store never holds an identifier
        .recall(key, now) -> Recalled               before a turn; an unknown or expired session is empty
        .keep(key, recalled, settle)                after it
    Sessions(secret, most)  .get(key, now) -> SessionState  .put(key, state, expires)

`settle` makes of what is remembered by then what is to be remembered, for several turns of a session may run at once.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from guardproxy.core.session import SessionState

MOST_SESSIONS = 100_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered, and until when (POSIX seconds)."""

    state: SessionState
    expires: float


@dataclass(frozen=True, slots=True)
class Recalled:
    """Where a turn begins, and when. The rest belongs to a shared store: what it held, its clock, was it reached?"""

    state: SessionState
    now: float
    blob: bytes = b""
    ahead: float = 0.0
    shared: bool = False


Settle = Callable[[SessionState], Kept]


class Memory(Protocol):
    """Where sessions are remembered. Times are POSIX seconds of this process."""

    def key(self, tenant: str, source: str, value: str) -> str:
        """Tenants never share a session, nor do sources: a header cannot name another's identifier."""
        ...

    async def recall(self, key: str, now: float) -> Recalled:
        """What is known of the session."""
        ...

    async def keep(self, key: str, seen: Recalled, settle: Settle) -> None:
        """Remembers a turn that began with `seen`. `settle` may be called several times."""
        ...


def says_nothing(state: SessionState) -> bool:
    """True for a state that nobody needs to remember."""
    return not (state.levels or state.pauses.marks or state.pauses.running)


class Sessions:
    """At most `most` of them; the one longest unused goes first."""

    def __init__(self, secret: bytes, most: int = MOST_SESSIONS) -> None:
        self._secret = secret
        self._most = most
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def key(self, tenant: str, source: str, value: str) -> str:
        """See `Memory`."""
        message = f"{tenant}\0{source}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, "sha256").hexdigest()

    async def recall(self, key: str, now: float) -> Recalled:
        """See `Memory`."""
        return Recalled(self.get(key, now), now)

    async def keep(self, key: str, seen: Recalled, settle: Settle) -> None:
        """See `Memory`."""
        held = self._kept.get(key)
        kept = settle(held.state if held else seen.state)
        self.put(key, kept.state, kept.expires)

    def get(self, key: str, now: float) -> SessionState:
        """What is remembered; times are POSIX seconds."""
        kept = self._kept.get(key)
        if kept is None:
            return SessionState(at=now)
        if kept.expires <= now:
            del self._kept[key]
            return SessionState(at=now)
        self._kept.move_to_end(key)
        return kept.state

    def put(self, key: str, state: SessionState, expires: float) -> None:
        """Remembers it until then. A state that says nothing is not kept."""
        if says_nothing(state):
            self._kept.pop(key, None)
            return
        self._kept[key] = Kept(state, expires)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
