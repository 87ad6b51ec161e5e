"""What is remembered of sessions, in this process: numbers with an expiry, under keyed hashes.

Sessions(most, secret).key(tenant, source, value) -> str      HMAC: the store never holds an identifier
.get(key, now) -> SessionState        an unknown or expired one is empty
.put(key, state, expires) -> None
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from dataclasses import dataclass

from guardproxy.core.session import SessionState

MOST_SESSIONS = 100_000


@dataclass(frozen=True, slots=True)
class _Kept:
    state: SessionState
    expires: float


class Sessions:
    """At most `most` of them; the one longest unused goes first."""

    def __init__(self, secret: bytes, most: int = MOST_SESSIONS) -> None:
        self._secret = secret
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def key(self, tenant: str, source: str, value: str) -> str:
        """Tenants never share a session, nor do sources: a header cannot name another's identifier."""
        message = f"{tenant}\0{source}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, "sha256").hexdigest()

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
        if not (state.levels or state.pauses.marks or state.pauses.running):
            self._kept.pop(key, None)
            return
        self._kept[key] = _Kept(state, expires)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
