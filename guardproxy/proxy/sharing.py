"""What replicas share through Redis: the section `redis` of the settings, and the rooms that go with it.

    share(settings, metrics, environ) -> Shared | None      None: no `redis.url`, every replica for itself

Without Redis a request is answered all the same (deployment.md 8): the metric, `/readyz` and the log say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from guardproxy.errors import SettingsError
from guardproxy.observe.logs import get_logger
from guardproxy.observe.metrics import Metrics
from guardproxy.state.redis import Link, connect
from guardproxy.state.redis_limits import RedisLimits
from guardproxy.state.redis_sessions import RedisSessions
from guardproxy.state.sessions import Sessions

SHORTEST_SECRET = 32


class RedisSettings(BaseModel):
    """`secret_env`, `password_env`: variables that hold them; neither ever stands here. All replicas need one secret.

    `timeout_ms`: of each call. `replicas`: how many there are, for the share of a limit that each has without Redis.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: str = ""
    secret_env: str = ""
    password_env: str = ""
    prefix: str = Field("guardproxy", pattern=r"^[A-Za-z0-9_.{}:-]{1,64}$")
    timeout_ms: int = Field(20, ge=1, le=1000)
    pool: int = Field(32, ge=1, le=1000)
    breaker_s: float = Field(5.0, ge=0.1, le=60)
    replicas: int = Field(1, ge=1, le=10_000)
    on_failure: Literal["local"] = "local"


@dataclass(frozen=True, slots=True)
class Shared:
    """The same three rooms for every replica."""

    link: Link
    sessions: RedisSessions
    limits: RedisLimits


@dataclass(frozen=True, slots=True)
class Told:
    """Numbers and a log line of a link; nothing of the request that met it.

    `together`, `apart`: the events of the log. `gauge`: the metric that says which of them it is, "" for none.
    """

    metrics: Metrics
    together: str = "state_shared"
    apart: str = "state_local"
    gauge: str = "state_shared"

    def failed(self, kind: str) -> None:
        """A call that was answered from this process."""
        self.metrics.count("state_errors_total", kind)

    def changed(self, *, shared: bool) -> None:
        """From now on, until told otherwise."""
        if self.gauge:
            self.metrics.gauge(self.gauge, int(shared))
        log = get_logger()
        (log.info if shared else log.warning)(self.together if shared else self.apart)


def share(settings: RedisSettings, metrics: Metrics, environ: Mapping[str, str]) -> Shared | None:
    """Opens no connection yet. Raises SettingsError."""
    if not settings.url:
        return None
    _check(settings.url)
    secret = _variable(settings, "secret_env", environ).encode()
    if len(secret) < SHORTEST_SECRET:
        raise SettingsError(
            f"redis.secret_env: {settings.secret_env} is shorter than {SHORTEST_SECRET} bytes: try `openssl rand -hex 32`"
        )
    password = _variable(settings, "password_env", environ) if settings.password_env else None
    client = connect(settings.url, password, settings.pool)
    link = Link(client, Told(metrics), budget_s=settings.timeout_ms / 1000, rest_s=settings.breaker_s)
    metrics.gauge("state_shared", 1)
    sessions = RedisSessions(link, Sessions(secret), secret, settings.prefix)
    return Shared(link, sessions, RedisLimits(link, secret, settings.prefix, settings.replicas))


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise SettingsError("redis.url: not a URL") from None
    place = parts.path if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in ("redis", "rediss", "unix") or not place or not port_is_fine:
        raise SettingsError("redis.url: needs redis://host:port/number, rediss:// or unix:///path")
    if parts.password:
        raise SettingsError("redis.url: no password here; name its variable in redis.password_env")


def _variable(settings: RedisSettings, setting: str, environ: Mapping[str, str]) -> str:
    name: str = getattr(settings, setting)
    if not name:
        raise SettingsError(f"redis.{setting}: name the variable that holds it; all replicas need the same")
    value = environ.get(name, "")
    if not value:
        raise SettingsError(f"redis.{setting}: the variable {name} is empty or missing")
    return value.strip()
