"""The operator's routes: which model goes which way, what a refusal looks like there, and how it is counted.

    RouteSettings                         one entry of `routes:` in settings.yaml
    Routes(settings) .of_model(name)      the route of a request; BadRequest 404 when no route takes its model
                     .of_named(name)      for paths that need no model: the default route unless a route lists it
                     .narrowed(names, models)   the same for a tenant that may use some of them only
                     .default             for what names no model, and for what fails before its model is known
    check(settings)                       what a single entry cannot say of itself

A route is chosen by the exact name of the model: never by an alias, a prefix or another case of the name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from guardproxy.errors import BadRequest, SettingsError
from guardproxy.policy.nearest import nearest

DEFAULT = "default"
MOST_SHOWN = 20
"""Served models that an error names."""

RefusalStyle = Literal["message", "refusal_field", "error"]
ModelName = Annotated[str, StringConstraints(pattern=r"^\S(.{0,198}\S)?$")]
RouteName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class RouteSettings(BaseModel):
    """One route. `models`: exact names; empty: all that no other route lists. `upstream_model`: the name sent upstream.

    `background`: for the helper calls of chat programs (titles, tags), whose answers nobody reads as an answer.
    `annotate`: answers carry the `guardproxy` member. `completions_notice`: where a notice of the legacy completions
    stands. `logprobs`: what is kept of them; `all` lets tokens through that nobody has checked. `total_timeout_s`: what
    an answer may take in all, however busily it comes. `overlap`: the upstream is asked while model detectors still
    look at the input (proxy/head_start.py).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    models: list[ModelName] = Field(default_factory=list)
    upstream_model: ModelName | Literal[""] = ""
    refusal_style: RefusalStyle = "message"
    refusal_code: Literal["content_filter", "content_policy_violation"] = "content_filter"
    background: bool = False
    annotate: bool = True
    completions_notice: Literal["header", "text"] = "header"
    logprobs: Literal["strip", "chosen", "all"] = "chosen"
    total_timeout_s: float = Field(1800.0, gt=0, le=86_400)
    overlap: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A route and its name, which policies, metrics and records know it by."""

    name: str = DEFAULT
    settings: RouteSettings = field(default_factory=RouteSettings)


class Routes:
    """All of them. Without any in the settings one route, `default`, takes every model."""

    def __init__(
        self, settings: Mapping[str, RouteSettings] | None = None, withheld: Collection[str] | None = None
    ) -> None:
        self._routes = tuple(Route(name, one) for name, one in (settings or {DEFAULT: RouteSettings()}).items())
        self._by_model = {model: route for route in self._routes for model in route.settings.models}
        self._by_folded = {model.casefold(): model for model in self._by_model}
        self._withheld = frozenset(model.casefold() for model in withheld or ())
        self._rest = next((route for route in self._routes if not route.settings.models), None)
        other = Route() if withheld is None else self._routes[0]
        self.default = self._rest or next((route for route in self._routes if route.name == DEFAULT), other)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name a request may be counted under, the default's first."""
        return tuple(dict.fromkeys((self.default.name, *(route.name for route in self._routes))))

    @property
    def listed(self) -> tuple[str, ...] | None:
        """The models that are served; None: whatever the upstream has."""
        return None if self._rest else tuple(self._by_model)

    @property
    def aliases(self) -> dict[str, str]:
        """Names of ours and the upstream's model behind each."""
        with_another = ((name, route.settings.upstream_model) for name, route in self._by_model.items())
        return {name: upstream for name, upstream in with_another if upstream and upstream != name}

    def narrowed(self, names: Collection[str], models: Collection[str]) -> Routes:
        """What a tenant sees that may use these routes and models only; empty: all of them.

        A model of another tenant's is answered like one that does not exist, also where a route takes the rest.
        SettingsError when nothing is left.
        """
        if not names and not models:
            return self
        kept = {}
        for route in self._routes:
            own = route.settings.models
            wanted = [m for m in own if not models or m in models] if own else [m for m in models if not self._has(m)]
            if (not names or route.name in names) and (wanted or not (own or models)):
                kept[route.name] = route.settings.model_copy(update={"models": wanted})
        if not kept:
            raise SettingsError("no model is left")
        left = {model for one in kept.values() for model in one.models}
        return Routes(kept, withheld=[model for model in self._by_model if model not in left])

    def hides(self, model: str) -> bool:
        """True for a model that another tenant's route lists."""
        return model.casefold() in self._withheld

    def _has(self, model: str) -> bool:
        return model.casefold() in self._by_folded

    def of_model(self, model: str) -> Route:
        """The route of this name. BadRequest 404 `model_not_found` with the served names when there is none."""
        wanted = model.strip()
        route = self._by_model.get(wanted)
        if route is not None:
            return route
        # A server that matches names without case would run the listed model under the policy of the others.
        folded = self._by_folded.get(wanted.casefold())
        if self._rest is None or folded is not None or self.hides(wanted):
            near = folded or nearest(wanted, self._by_model)
            raise BadRequest(self._missing(near), code="model_not_found", param="model", status=404)
        return self._rest

    def of_named(self, model: str | None) -> Route:
        """For a path that any model or none may be named on: nothing is sent to it."""
        return self._by_model.get((model or "").strip(), self.default)

    def missing(self) -> str:
        """What to say of a model that is not here."""
        return self._missing(None)

    def _missing(self, near: str | None) -> str:
        hint = f"; did you mean {near}?" if near else ""
        served = "" if self._rest else f" (served here: {_shown(tuple(self._by_model))})"
        return f"no model of this name is served here{hint}{served}"


def check(settings: Mapping[str, RouteSettings]) -> None:
    """SettingsError for a model in two routes or two routes for the rest."""
    owner: dict[str, str] = {}
    for name, route in settings.items():
        for model in route.models:
            other = owner.setdefault(model.casefold(), name)
            if other != name:
                raise SettingsError(f'settings: routes.{name}.models: "{model}" stands in routes.{other} as well')
        if len({model.casefold() for model in route.models}) != len(route.models):
            raise SettingsError(f"settings: routes.{name}.models: a name stands there twice")
    rest = [name for name, route in settings.items() if not route.models]
    if len(rest) > 1:
        raise SettingsError(
            f"settings: routes.{rest[1]}: only one route may go without models, and routes.{rest[0]} does"
        )


def _shown(models: Sequence[str]) -> str:
    more = f" and {len(models) - MOST_SHOWN} more" if len(models) > MOST_SHOWN else ""
    return ", ".join(models[:MOST_SHOWN]) + more
