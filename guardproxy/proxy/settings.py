"""The operator's file: listeners, upstream, storage, detector backends, limits. Never a threshold.

Order: defaults here, then `settings.yaml`, then `GUARDPROXY_<SECTION>_<KEY>`, then the command line.
An unknown key or variable is an error with the nearest known one.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from guardproxy.errors import ConfigError, SettingsError
from guardproxy.policy.reader import plain, read
from guardproxy.policy.signing import read_signers
from guardproxy.proxy.keyring import TenantName
from guardproxy.proxy.routes import RouteName, Routes, RouteSettings
from guardproxy.proxy.routes import check as check_routes
from guardproxy.proxy.sharing import RedisSettings
from guardproxy.proxy.target import SecretText, Target
from guardproxy.proxy.tenants import DEFAULT_TENANT, TenantSettings
from guardproxy.proxy.tenants import check as check_tenants

PREFIX = "GUARDPROXY_"
TENANT = DEFAULT_TENANT
LOOPBACK_NAMES = frozenset({"localhost"})


Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.\-\[\]:]{1,253}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])$")]


class Frozen(BaseModel):
    """Strict, frozen, nothing extra."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class UpstreamSettings(Frozen):
    """The served model. `key_env` / `key_file` name where its key lies; the key itself never stands here."""

    url: str = ""
    name: str = "main"
    key_env: str = ""
    key_file: str = ""
    connect_timeout_s: float = Field(3.0, gt=0, le=60)
    answer_timeout_s: float = Field(300.0, gt=0, le=3600)
    idle_timeout_s: float = Field(60.0, gt=0, le=3600)
    pool: int = Field(2000, ge=1, le=100_000)
    max_answer_bytes: int = Field(16 * 1024 * 1024, ge=1024)


class ListenSettings(Frozen):
    """Two listeners, two ports. `cors_origins`: web pages of these origins may use the data listener.

    `hosts`: the names that its callers may call it by (their Host header, without a port); empty: any. `workers`:
    processes that share the data listener.
    """

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(8081, ge=0, le=65535)
    allow_anonymous: bool = False
    admin_token_env: str = ""
    cors_origins: list[Origin] = Field(default_factory=list)
    hosts: list[HostName] = Field(default_factory=list)
    grace_s: float = Field(30.0, ge=0, le=600)
    workers: int = Field(1, ge=1, le=64)


class KeySettings(Frozen):
    """Client keys. `file`: what `guardproxy keys` writes; with it nobody is served without a key."""

    file: str = ""


class LimitSettings(Frozen):
    """What one request may cost before anything is looked at, and what a connection may.

    `header_timeout_s`: from the first byte of a request to the end of its headers; `body_timeout_s`: from there to the
    end of its body; `idle_timeout_s`: between two requests; `write_timeout_s`: while a caller takes nothing of an
    answer. A second or two below the round numbers that callers are promised (10 and 30 s). `connections`: of one listener; `target_bytes`: path and query; `bodies_bytes`: all bodies at once.
    `inflight`: exchanges at once, a bound on memory; `lag_ms`: how late the event loop may be before fewer are let in than
    come, a bound on waiting (0: none).
    """

    body_bytes: int = Field(1024 * 1024, ge=1024)
    bodies_bytes: int = Field(128 * 1024 * 1024, ge=1024)
    header_bytes: int = Field(16 * 1024, ge=1024, le=1024 * 1024)
    header_fields: int = Field(100, ge=8, le=10_000)
    target_bytes: int = Field(8 * 1024, ge=256, le=1024 * 1024)
    connections: int = Field(5000, ge=1)
    header_timeout_s: float = Field(9.0, gt=0, le=600)
    idle_timeout_s: float = Field(60.0, gt=0, le=3600)
    write_timeout_s: float = Field(60.0, gt=0, le=3600)
    choices: int = Field(16, ge=1, le=128)
    inflight: int = Field(1000, ge=1)
    lag_ms: float = Field(5.0, ge=0, le=10_000)
    body_timeout_s: float = Field(28.0, gt=0, le=600)


class PolicySettings(Frozen):
    """Where the policies are; empty = the shipped set.

    `candidate`: a set that is judged beside them and changes nothing. `changes`: who promoted what, and when.
    `require_signature`: a PEM file of Ed25519 public keys; each policy and list then needs a `<file>.sig` by one of them.
    """

    path: str = ""
    require_signature: str = ""
    watch: bool = True
    candidate: str = ""
    changes: str = "var/policy-changes.jsonl"


class AuditSettings(Frozen):
    """The decision log. `required`: an answer leaves only after its record is on disk.

    `anchors`: a folder, best on another disk; without it they lie beside the log. A segment is set aside after
    `segment_mib` or `segment_hours`, and removed when its youngest record is older than `keep_days` or all of them are
    larger than `keep_mib` (0: never).
    """

    mode: Literal["required", "best_effort", "off"] = "best_effort"
    path: str = "var/decisions.jsonl"
    hmac_key_env: str = ""
    anchors: str = ""
    anchor_key_env: str = ""
    segment_mib: int = Field(256, ge=1, le=65_536)
    segment_hours: float = Field(24.0, ge=0, le=8784)
    keep_days: float = Field(0.0, ge=0, le=36_600)
    keep_mib: int = Field(0, ge=0)


class DetectorSettings(Frozen):
    """Backends of the detectors."""

    embedded: bool = True
    embedded_workers: int = Field(1, ge=1, le=64)
    embedded_deadline_ms: int = Field(2000, ge=50, le=60_000)
    names: bool = False
    allowed_link_hosts: list[str] = Field(default_factory=list)
    phone_regions: list[str] = Field(default_factory=lambda: ["US", "GB", "DE", "FR", "ES"])


class ServiceSettings(Frozen):
    """What texts and disclosures call this service."""

    name: str = Field("guardproxy", min_length=1, max_length=80)
    policy_url: str = Field("/policy", max_length=300)
    country: str = Field("", pattern=r"^([A-Z]{2})?$")


class LogSettings(Frozen):
    """Structured logs on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool | None = None


class Settings(Frozen):
    """Everything an operator can set."""

    upstream: UpstreamSettings = UpstreamSettings()
    listen: ListenSettings = ListenSettings()
    limits: LimitSettings = LimitSettings()
    policies: PolicySettings = PolicySettings()
    audit: AuditSettings = AuditSettings()
    detectors: DetectorSettings = DetectorSettings()
    service: ServiceSettings = ServiceSettings()
    log: LogSettings = LogSettings()
    keys: KeySettings = KeySettings()
    redis: RedisSettings = RedisSettings()
    routes: dict[RouteName, RouteSettings] = Field(default_factory=dict)
    tenants: dict[TenantName, TenantSettings] = Field(default_factory=dict)


_NAMED: Mapping[str, type[BaseModel]] = {"routes": RouteSettings, "tenants": TenantSettings}
"""Sections of names of the operator's own: only the file can say what they are."""


def load(file: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """Settings from all sources; `overrides` are `section.key` → value from the command line (None = not given).

    Raises SettingsError with one line naming the place and the way out.
    """
    tree = _from_file(file) if file else {}
    for section_key, value in _from_environment(environ).items():
        _put(tree, section_key, value)
    for section_key, value in overrides.items():
        if value is not None:
            _put(tree, section_key, value)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    _check_listeners(settings)
    if settings.limits.bodies_bytes < settings.limits.body_bytes:
        raise SettingsError("settings: limits.bodies_bytes: not even one body of limits.body_bytes fits in")
    check_routes(settings.routes)
    check_tenants(settings.tenants, Routes(settings.routes))
    return settings


def target(settings: UpstreamSettings, environ: Mapping[str, str] | None = None) -> Target:
    """The upstream's address and key, checked. `url` may come with or without `/v1`."""
    if not settings.url:
        raise SettingsError("no upstream: give --upstream URL or upstream.url in the settings")
    base = _checked_url(settings.url)
    return Target(
        name=settings.name,
        base=base if base.endswith("/v1") else base + "/v1",
        key=_key(settings, os.environ if environ is None else environ),
        connect_timeout=settings.connect_timeout_s,
        answer_timeout=settings.answer_timeout_s,
        idle_timeout=settings.idle_timeout_s,
        pool=settings.pool,
        max_answer_bytes=settings.max_answer_bytes,
    )


def is_loopback(host: str) -> bool:
    """True for addresses that only this machine reaches."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES


def _from_file(file: Path) -> dict[str, Any]:
    try:
        tree = plain(read(file))
    except ConfigError as error:
        raise SettingsError(f"{file}: {error}") from None
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror})") from None
    if not isinstance(tree, dict):
        raise SettingsError(f"{file}: a mapping is expected at the top")
    return tree


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {
        f"{PREFIX}{section}_{key}".upper(): f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        if section not in _NAMED
        for key in _section(field.annotation).model_fields
    }
    found: dict[str, Any] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            raise SettingsError(f"environment variable {name} is not a setting{_nearest(name, known)}")
        found[known[name]] = _converted(known[name], value, name)
    return found


def _section(annotation: Any) -> type[BaseModel]:
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        raise TypeError("every settings field is a section; this is a bug")
    return annotation


def _converted(section_key: str, value: str, name: str) -> Any:
    """A variable is text; the field's type says how to read it."""
    section, key = section_key.split(".")
    wanted = _section(Settings.model_fields[section].annotation).model_fields[key].annotation
    try:
        if wanted in (bool, bool | None):
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if wanted is int:
            return int(value)
        if wanted is float:
            return float(value)
    except (KeyError, ValueError):
        raise SettingsError(f"environment variable {name}: not a {getattr(wanted, '__name__', 'bool')}") from None
    return [v.strip() for v in value.split(",") if v.strip()] if get_origin(wanted) is list else value


def _put(tree: dict[str, Any], section_key: str, value: Any) -> None:
    section, key = section_key.split(".")
    inner = tree.setdefault(section, {})
    if isinstance(inner, dict):
        inner[key] = value


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        siblings: Mapping[str, Any] = Settings.model_fields if len(first["loc"]) == 1 else {}
        if len(first["loc"]) > 1 and str(first["loc"][0]) in Settings.model_fields:
            siblings = _keys_of(str(first["loc"][0]))
        return f'settings: unknown key "{place}"{_nearest(str(first["loc"][-1]), siblings)}'
    return f"settings: {place}: {first['msg']}"


def _keys_of(section: str) -> Mapping[str, Any]:
    one = _NAMED.get(section) or _section(Settings.model_fields[section].annotation)
    return one.model_fields


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def _check_listeners(settings: Settings) -> None:
    listen, keyed = settings.listen, bool(settings.keys.file)
    if keyed and listen.allow_anonymous:
        raise SettingsError("keys.file and listen.allow_anonymous contradict each other: take one of them out")
    if not is_loopback(listen.host) and not listen.allow_anonymous and not keyed:
        raise SettingsError(
            f"the data listener would serve anybody on {listen.host}: listen on 127.0.0.1, make keys with "
            "`guardproxy keys make` and name their file in keys.file, or say --allow-anonymous"
        )
    if not is_loopback(listen.admin_host) and not listen.admin_token_env:
        raise SettingsError(
            f"the admin listener on {listen.admin_host} needs a token: name its variable in listen.admin_token_env"
        )


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise SettingsError("upstream.url: not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise SettingsError("upstream.url: needs http:// or https:// and a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError("upstream.url: no user, password, query or fragment here; put keys into upstream.key_env")
    if _is_forbidden_host(parts.hostname):
        raise SettingsError("upstream.url: link-local and unspecified addresses are refused (metadata services)")
    return url.rstrip("/")


def _is_forbidden_host(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # "0x7f.1" and friends are addresses to some resolvers and names to others: neither is wanted. A host whose
        # last label is a number is meant as an address (WHATWG URL, "ends in a number").
        last = host.rstrip(".").rpartition(".")[2].lower()
        return last.isdigit() or last.startswith("0x")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_link_local or address.is_unspecified or address.is_multicast


def _key(settings: UpstreamSettings, environ: Mapping[str, str]) -> SecretText | None:
    if settings.key_env:
        value = environ.get(settings.key_env, "")
        if not value:
            raise SettingsError(f"upstream.key_env: the variable {settings.key_env} is empty or missing")
        return SecretText(value.strip())
    if settings.key_file:
        try:
            value = Path(settings.key_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"upstream.key_file: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise SettingsError("upstream.key_file: is not text") from None
        if not value:
            raise SettingsError("upstream.key_file: the file is empty")
        return SecretText(value)
    return None


def signers_of(settings: Settings) -> tuple[bytes, ...]:
    """The public keys of who may sign policies; () where no signature is asked for. Raises SettingsError."""
    named = settings.policies.require_signature
    return read_signers(Path(named)) if named else ()
