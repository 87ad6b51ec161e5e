"""Client keys: how they are made, what of them is kept, and the file they are kept in.

    fresh(tenant, now, …) -> Made                      a new key: the text, shown once, and what is kept of it
    KeyRing(stored).holder(offered, now) -> StoredKey | None
    read_ring(file) -> KeyRing                         raises SettingsError with the place
    write_keys(file, stored)                           the whole file, in one step

A key is `gp_<id>_<secret>`. Only its id, a salt and a SHA-256 are kept: a secret of 32 random bytes cannot be guessed,
so a slow hash would add nothing but load. Whatever is offered costs one digest and one comparison in constant time.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from guardproxy.errors import SettingsError

PREFIX = "gp"
SECRET_BYTES = 32
MOST_BYTES = 8 * 1024 * 1024
LONGEST_SECRET = 64
"""Characters of an offered secret that are looked at: ours have 43, so a longer one is wrong whatever follows."""

Scope = Literal["scores", "detector", "trusted_system"]
SCOPES: tuple[Scope, ...] = ("scores", "detector", "trusted_system")
TenantName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
_Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class StoredKey(BaseModel):
    """One entry of the file; nothing in it opens anything. Times are POSIX seconds.

    `scopes`: `scores` shows exact scores, `detector` opens the FMS detector API, `trusted_system` makes the system
    messages and tool definitions of its requests the operator's own words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{4,32}$")]
    tenant: TenantName
    salt: _Hex32
    sha256: _Hex64
    made: float = Field(ge=0)
    expires: float | None = Field(None, ge=0)
    revoked: float | None = Field(None, ge=0)
    scopes: list[Scope] = Field(default_factory=list)
    note: str = Field("", max_length=200)

    def state(self, now: float) -> Literal["active", "expired", "revoked"]:
        """Whether it opens anything at this time."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


@dataclass(frozen=True, slots=True)
class Made:
    """A new key. `text` is shown once and kept nowhere."""

    text: str = field(repr=False)
    stored: StoredKey


_NOBODY = StoredKey(id="nobody", tenant="nobody", salt="0" * 32, sha256="0" * 64, made=0)


class KeyRing:
    """The keys of one state of the file; never changed, only replaced."""

    def __init__(self, stored: Iterable[StoredKey] = ()) -> None:
        self.stored = tuple(stored)
        self._by_id = {key.id: key for key in self.stored}

    def holder(self, offered: str, now: float) -> StoredKey | None:
        """The key that was offered, if it is one of ours and active. Takes as long for any other text."""
        prefix, _, rest = offered.partition("_")
        key_id, _, secret = rest.partition("_")
        kept = self._by_id.get(key_id, _NOBODY)
        right = hmac.compare_digest(_digest(kept.salt, secret), kept.sha256)
        fits = right and prefix == PREFIX and kept is not _NOBODY
        return kept if fits and kept.state(now) == "active" else None


def fresh(
    tenant: str, now: float, *, scopes: Iterable[Scope] = (), expires: float | None = None, note: str = ""
) -> Made:
    """A new key. Its id says nothing; it stands in records and lists."""
    key_id, secret, salt = secrets.token_hex(5), secrets.token_urlsafe(SECRET_BYTES), secrets.token_hex(16)
    stored = StoredKey(
        id=key_id,
        tenant=tenant,
        salt=salt,
        sha256=_digest(salt, secret),
        made=now,
        expires=expires,
        scopes=list(dict.fromkeys(scopes)),
        note=note,
    )
    return Made(f"{PREFIX}_{key_id}_{secret}", stored)


def read_ring(file: Path) -> KeyRing:
    """Every key of the file. SettingsError names the place of the first thing that is wrong; nothing half loads."""
    try:
        with file.open("rb") as source:
            raw = source.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"{file}: cannot be read ({error.strerror}); make keys with `guardproxy keys make`"
        ) from None
    if len(raw) > MOST_BYTES:
        raise SettingsError(f"{file}: is longer than {MOST_BYTES} bytes")
    try:
        tree = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise SettingsError(f"{file}: is not JSON as `guardproxy keys` writes it, each name once") from None
    try:
        whole = _File.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(f"{file}: {_place(error)}") from None
    seen: set[str] = set()
    for at, key in enumerate(whole.keys):
        if key.id in seen:
            raise SettingsError(f"{file}: keys[{at}].id: another key has this id; take one of them out")
        seen.add(key.id)
    return KeyRing(whole.keys)


def write_keys(file: Path, stored: Iterable[StoredKey]) -> None:
    """Replaces the file in one step, so that a proxy that watches it never reads half. OSError when it cannot."""
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    rows = ",\n  ".join(json.dumps(key.model_dump(), ensure_ascii=True) for key in stored)
    text = f'{{"v": 1, "keys": [\n  {rows}\n]}}\n' if rows else '{"v": 1, "keys": []}\n'
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(handle, "w", encoding="ascii") as out:  # noqa: PTH123 - a descriptor with its mode from the start
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1]
    keys: list[StoredKey]


def _digest(salt: str, secret: str) -> str:
    return sha256(bytes.fromhex(salt) + secret[:LONGEST_SECRET].encode("utf-8", "surrogatepass")).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a name stands twice")
    return tree


def _place(error: ValidationError) -> str:
    """The first thing that is wrong. pydantic's own sentence may quote the value: only its kind is shown."""
    first = error.errors(include_input=False, include_context=False)[0]
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
    return f"{steps or 'the file'}: {_KINDS.get(first['type'], first['msg'])}"


_KINDS = {"extra_forbidden": "nobody knows this name", "missing": "is missing"}
