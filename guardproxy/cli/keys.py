"""`guardproxy keys`: makes, lists and revokes the keys of clients. A running proxy sees each change within a second."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from guardproxy.errors import SettingsError, UsageError
from guardproxy.proxy import settings as configuration
from guardproxy.proxy.keyring import SCOPES, Scope, StoredKey, TenantName, fresh, read_ring, write_keys
from guardproxy.proxy.tenants import DEFAULT_TENANT

app = typer.Typer(no_args_is_help=True, help="The keys of clients.")
VARIABLE = "GUARDPROXY_KEYS_FILE"
_SECONDS = {"m": 60, "h": 3600, "d": 86400}

FileOption = Annotated[Path | None, typer.Option("--file", help=f"the key file; else keys.file, else {VARIABLE}")]
SettingsOption = Annotated[Path | None, typer.Option("--settings", help="settings.yaml: its keys.file and tenants")]


@app.callback()
def about() -> None:
    """The keys of clients."""


@app.command("make")
def make(
    tenant: Annotated[str, typer.Argument(help="whose key it is: a tenant of the settings")] = DEFAULT_TENANT,
    file: FileOption = None,
    settings: SettingsOption = None,
    scope: Annotated[list[str] | None, typer.Option(help=f"one or more of {', '.join(SCOPES)}")] = None,
    expires: Annotated[str, typer.Option(help="after this long, such as 90d, 12h or 30m; without it never")] = "",
    note: Annotated[str, typer.Option(help="who or what uses it; never the key itself")] = "",
) -> None:
    """Make a key and print it, once: only its id, a salt and a hash are kept."""
    where, known = _place(file, settings)
    if known is not None and tenant not in known:
        raise UsageError(f'there is no tenant "{tenant}" in the settings (there: {", ".join(known)})')
    now = _now()
    with _changing(where) as stored:
        try:
            TypeAdapter(TenantName).validate_python(tenant)
            made = fresh(
                tenant,
                now,
                scopes=[_scope(name) for name in scope or ()],
                expires=now + _seconds(expires) if expires else None,
                note=note,
            )
        except ValidationError:
            raise UsageError("a tenant is a-z, 0-9, - and _, at most 63; a note has at most 200 characters") from None
        stored.append(made.stored)
    print(f"key {made.stored.id} of tenant {tenant}, shown this once:", file=sys.stderr)
    print(made.text)


@app.command("list")
def list_keys(
    file: FileOption = None,
    settings: SettingsOption = None,
    form: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """List the keys: ids, tenants, times and scopes, never a key."""
    if form not in ("text", "json"):
        raise UsageError("--format is text or json")
    now, rows = _now(), read_ring(_place(file, settings)[0]).stored
    if form == "json":
        withheld = {"salt", "sha256"}
        print(json.dumps([{**key.model_dump(exclude=withheld), "state": key.state(now)} for key in rows]))
        return
    for key in rows:
        until = f"until {_text(key.expires)}" if key.expires is not None else "-"
        more = " ".join(filter(None, (",".join(key.scopes), key.note)))
        print(f"{key.id}  {key.tenant:16}  {key.state(now):8}  {_text(key.made)}  {until}  {more}".rstrip())


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="the id, as `keys list` shows it")],
    file: FileOption = None,
    settings: SettingsOption = None,
    after: Annotated[
        str, typer.Option(help="let it live so long, such as 24h, while its successor is rolled out")
    ] = "",
) -> None:
    """Revoke a key: from within a second on it opens nothing."""
    now = _now()
    with _changing(_place(file, settings)[0]) as stored:
        at = next((at for at, key in enumerate(stored) if key.id == key_id), None)
        if at is None:
            raise UsageError("there is no key with this id; `guardproxy keys list` shows them")
        old = stored[at]
        end = now + _seconds(after) if after else now
        if after:
            stored[at] = old.model_copy(update={"expires": end if old.expires is None else min(end, old.expires)})
        else:
            stored[at] = old.model_copy(update={"revoked": now if old.revoked is None else old.revoked})
    print(f"key {key_id} of tenant {old.tenant} is {'good until ' + _text(end) if after else 'revoked'}")


def _place(file: Path | None, settings: Path | None) -> tuple[Path, tuple[str, ...] | None]:
    """The key file, and the tenants a key may be of (None: nobody said)."""
    loaded = configuration.load(settings, {}, {}) if settings else None
    known = tuple(dict.fromkeys((DEFAULT_TENANT, *loaded.tenants))) if loaded else None
    named = os.environ.get(VARIABLE, "") or (loaded.keys.file if loaded else "")
    if file is None and not named:
        raise UsageError(f"which key file? Say --file, --settings with keys.file in it, or {VARIABLE}")
    return file or Path(named), known


@contextmanager
def _changing(file: Path) -> Iterator[list[StoredKey]]:
    """The keys, written back when the block ends; two commands at once wait for each other."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.with_name(f".{file.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stored = list(read_ring(file).stored) if file.exists() else []
            yield stored
            write_keys(file, stored)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be written ({error.strerror})") from None


def _scope(name: str) -> Scope:
    for known in SCOPES:
        if name == known:
            return known
    raise UsageError(f"there is no such scope; there are {', '.join(SCOPES)}")


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and len(number) < 7 and unit in _SECONDS):
        raise UsageError("a time is a number and a unit: 30m, 12h or 90d")
    return int(number) * _SECONDS[unit]


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
