"""Who asks: one key in the head of a request, and whose it is.

    offered(headers, query) -> str            the one key of a request; raises Unauthorized
    Keys(file, tenants, never)                the keys in force: `.holder`, `.reload`, `.watch`
    Access(tenants, keys, clock).caller(…)    the Caller of a request, before anything else of it is read

The rule for several: `Authorization: Bearer`, `x-api-key` and `api-key` are one source under three names. The same
key may stand in more than one of them; two different values are nobody's. Nothing else is ever read as a key, and one
in the address is turned away, because addresses end up in logs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qsl

from guardproxy.errors import SettingsError, Unauthorized
from guardproxy.proxy.keyring import KeyRing, StoredKey, read_ring
from guardproxy.proxy.tenants import Caller, Tenants
from guardproxy.wire.headers import Headers

LOOK_EVERY_S = 0.2
LOOKS_AFTER_A_CHANGE = 10
"""Two writes within one tick of the file system's clock look like one: a file that has just changed is read again."""

_HEADERS = ("x-api-key", "api-key")
_OTHER_SCHEME = "\0"
"""No header can hold it, so such a value is no other one."""
_IN_ADDRESS = frozenset({"key", "apikey", "api_key", "api-key", "x-api-key", "access_token", "token"})
_WAYS = "send it as `Authorization: Bearer KEY`, `x-api-key: KEY` or `api-key: KEY`"


def offered(headers: Headers, query: bytes = b"") -> str:
    """The one key. `headers` have lower-case names. An `Authorization` of another kind is a key that nobody has."""
    found: set[str] = set()
    for name, value in headers:
        if name == "authorization":
            scheme, _, rest = value.partition(" ")
            found.add(rest if scheme.lower() == "bearer" else f"{_OTHER_SCHEME}{value}")
        elif name in _HEADERS:
            found.add(value)
    found.discard("")
    if query and _IN_ADDRESS & {name.lower() for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}:
        raise Unauthorized(f"no key is taken from the address, where it ends up in logs: {_WAYS}")
    if not found:
        raise Unauthorized(f"a key is needed: {_WAYS}")
    if len(found) > 1:
        raise Unauthorized("the request carries two different keys: send one, in one header")
    return found.pop()


class Keys:
    """The keys of a file, read again whenever it changes. A file that cannot be used changes nothing and says so.

    `tenants`: the names that a key may be of. `never`: the admin token, which may not be a client's key as well.
    """

    def __init__(self, file: Path, tenants: Collection[str], never: str = "") -> None:
        self.file = file
        self._tenants = tenants
        self._never = never
        self._seen = _state(file)
        self._digest = b""
        self._looks = 0
        self.problem = ""
        self._ring = self._read()

    @property
    def stored(self) -> tuple[StoredKey, ...]:
        """What is kept of each key."""
        return self._ring.stored

    def holder(self, offered: str, now: float) -> StoredKey | None:
        """See `KeyRing.holder`."""
        return self._ring.holder(offered, now)

    def look(self) -> bool:
        """Reads the file if it may have changed. True when there is something to tell: new keys, or a `problem`."""
        state = _state(self.file)
        if state != self._seen:
            self._seen, self._looks = state, LOOKS_AFTER_A_CHANGE
        elif self._looks == 0:
            return False
        self._looks -= 1
        before, problem = self._digest, self.problem
        try:
            self._ring, self.problem = self._read(), ""
        except SettingsError as error:
            self.problem = str(error)
        return self.problem != problem or self._digest != before

    async def watch(self, tell: Callable[[], None]) -> None:
        """Looks five times a second until it is cancelled: a link that is swapped, or a network share, tells nobody."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if await asyncio.to_thread(self.look):
                tell()

    def _read(self) -> KeyRing:
        ring = read_ring(self.file)
        for at, key in enumerate(ring.stored):
            if key.tenant not in self._tenants:
                raise SettingsError(
                    f'{self.file}: keys[{at}].tenant: there is no tenant "{key.tenant}" in the settings'
                )
        if self._never and ring.holder(self._never, 0.0) is not None:
            raise SettingsError(f"{self.file}: the admin token is one of these keys: make another token")
        self._digest = sha256(repr(ring.stored).encode()).digest()
        return ring


class Access:
    """The door of the data listener. Without keys everybody is let in, as the tenant `default`."""

    def __init__(self, tenants: Tenants, keys: Keys | None, clock: Callable[[], float]) -> None:
        self.tenants = tenants
        self._keys = keys
        self._clock = clock

    def caller(self, headers: Headers, query: bytes = b"") -> Caller:
        """Raises Unauthorized; an unknown, a revoked and an expired key are told the same."""
        if self._keys is None:
            return self.tenants.anybody
        holder = self._keys.holder(offered(headers, query), self._clock())
        if holder is None:
            raise Unauthorized("this key is not known here, or no longer: ask the operator of this service for one")
        return Caller(self.tenants.of(holder.tenant), holder.id, frozenset(holder.scopes))


def _state(file: Path) -> tuple[int, ...]:
    """What changes with the file behind a name, be it written, renamed into place or behind a link that is swapped."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
