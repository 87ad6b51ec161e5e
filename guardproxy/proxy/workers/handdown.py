"""What a parent hands down to a worker: settings, secrets, and a set of policies as it was loaded, checked and tested.

    packed(thing) -> bytes       pickled; read-only mappings included
    unpacked(raw) -> thing       only ever called by a worker, on what its parent has sent

A worker reads no policy file: what is in force is one set with one hash, whatever the files say meanwhile.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from guardproxy.errors import SettingsError
from guardproxy.policy.shelf import Held
from guardproxy.proxy.settings import Settings
from guardproxy.proxy.tenants import TenantSettings


@dataclass(frozen=True, slots=True)
class Welcome:
    """All a worker begins with. `number`: 1 to `of`. `candidate`: the set on trial. Secrets are the same for all."""

    settings: Settings
    number: int
    of: int
    held: Held
    candidate: Held | None
    hmac_key: bytes = field(repr=False)
    state_secret: bytes = field(repr=False)


def packed(thing: Any) -> bytes:
    """Bytes for `unpacked`."""
    out = io.BytesIO()
    pickler = pickle.Pickler(out, protocol=5)
    pickler.dispatch_table = copyreg.dispatch_table | {MappingProxyType: _reduced}
    pickler.dump(thing)
    return out.getvalue()


def unpacked(raw: bytes) -> Any:
    """What was packed."""
    return pickle.loads(raw)  # noqa: S301 - from our parent, over a socket that nobody else can open


def share(settings: Settings, of: int) -> Settings:
    """What one of `of` workers may take of everything that is counted in a process; what is shared is left alone.

    Raises SettingsError where that would be nothing.
    """
    limits, upstream = settings.limits, settings.upstream
    mine = limits.model_copy(
        update={
            "inflight": max(1, limits.inflight // of),
            "connections": max(1, limits.connections // of),
            "bodies_bytes": max(limits.body_bytes, limits.bodies_bytes // of),
        }
    )
    return settings.model_copy(
        update={
            "limits": mine,
            "upstream": upstream.model_copy(update={"pool": max(1, upstream.pool // of)}),
            "redis": settings.redis.model_copy(update={"replicas": settings.redis.replicas * of}),
            "tenants": {name: _share(name, one, of) for name, one in settings.tenants.items()},
        }
    )


def _share(name: str, tenant: TenantSettings, of: int) -> TenantSettings:
    for key, most in (("", tenant.concurrent), (".per_key", tenant.per_key.concurrent)):
        if 0 < most < of:
            raise SettingsError(
                f"settings: tenants.{name}{key}.concurrent: {most} cannot be shared by {of} workers: "
                f"allow at least {of}, or run fewer workers"
            )
    mine = tenant.per_key.model_copy(update={"concurrent": tenant.per_key.concurrent // of})
    return tenant.model_copy(update={"concurrent": tenant.concurrent // of, "per_key": mine})


def _reduced(mapping: Mapping[Any, Any]) -> tuple[Any, tuple[dict[Any, Any]]]:
    return _read_only, (dict(mapping),)


def _read_only(mapping: dict[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(mapping)
