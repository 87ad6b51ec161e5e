"""The operator's tenants: which routes and models each may use, how much of them, and where it is.

    TenantSettings                        one entry of `tenants:` in settings.yaml
    Tenants(settings, routes) .of(name)   a tenant and what it sees of the routes
    Caller                                who asks: a tenant, and the key that says so
    check(settings, routes)               what a single entry cannot say of itself

A tenant comes from the key alone: nothing that a request says chooses another. Without keys everybody is `default`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from guardproxy.errors import SettingsError
from guardproxy.policy.nearest import nearest
from guardproxy.proxy.keyring import Scope
from guardproxy.proxy.routes import ModelName, RouteName, Routes

DEFAULT_TENANT = "default"
WORTH_S = 10
"""Seconds of the rate that may come at once when no burst is set."""


class Allowance(BaseModel):
    """How much. 0: no limit of its own. `burst`: requests that may come at once; 0: ten seconds' worth.

    `tokens_per_day` flow back evenly over the day. `concurrent`: requests that run at the same time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    requests_per_minute: int = Field(0, ge=0, le=10_000_000)
    burst: int = Field(0, ge=0, le=10_000_000)
    tokens_per_day: int = Field(0, ge=0, le=10**12)
    concurrent: int = Field(0, ge=0, le=1_000_000)

    @property
    def at_once(self) -> int:
        """The burst, as it is in force."""
        return self.burst or max(1, self.requests_per_minute * WORTH_S // 60)


class TenantSettings(Allowance):
    """One tenant. `routes`, `models`: the only ones it may use; empty: all. `per_key`: what each of its keys may take.

    `country`: whose help lines are named when the request does not say.
    """

    routes: list[RouteName] = Field(default_factory=list)
    models: list[ModelName] = Field(default_factory=list)
    per_key: Allowance = Allowance()
    country: str = Field("", pattern=r"^([A-Z]{2})?$")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant and its name, which policies, metrics and records know it by. `routes`: as it may see them."""

    name: str
    settings: TenantSettings
    routes: Routes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `key` is the key's id, "" for a caller without one."""

    tenant: Tenant
    key: str = ""
    scopes: frozenset[Scope] = frozenset()


class Tenants:
    """All of them; `default` is always there."""

    def __init__(self, settings: Mapping[str, TenantSettings], routes: Routes) -> None:
        known = {DEFAULT_TENANT: TenantSettings(), **settings}
        self._tenants = {
            name: Tenant(name, one, routes.narrowed(one.routes, one.models)) for name, one in known.items()
        }
        self.anybody = Caller(self._tenants[DEFAULT_TENANT])

    @property
    def names(self) -> tuple[str, ...]:
        """Every tenant a request may be of."""
        return tuple(self._tenants)

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._tenants.values())

    def of(self, name: str) -> Tenant:
        """The tenant of a key that has been let in."""
        return self._tenants[name]


def check(settings: Mapping[str, TenantSettings], routes: Routes) -> None:
    """SettingsError for a route or model that is not there, and for a tenant that could use nothing."""
    for name, one in settings.items():
        for route in one.routes:
            if route not in routes.names:
                near = nearest(route, routes.names)
                hint = f'; did you mean "{near}"?' if near else ""
                raise SettingsError(f'settings: tenants.{name}.routes: there is no route "{route}"{hint}')
        try:
            narrowed = routes.narrowed(one.routes, one.models)
        except SettingsError:
            raise SettingsError(f"settings: tenants.{name}: none of its models is in one of its routes") from None
        for model in one.models:
            if narrowed.listed is not None and model not in narrowed.listed:
                raise SettingsError(f'settings: tenants.{name}.models: no route of this tenant takes "{model}"')
        for key, allowance in (("", one), (".per_key", one.per_key)):
            if allowance.burst and not allowance.requests_per_minute:
                raise SettingsError(f"settings: tenants.{name}{key}.burst: needs requests_per_minute beside it")
