"""Which policy a request has (`policy-language.md` 6): exactly one, and never by the order of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.rules import Policy, Source
from guardproxy.policy.problems import Problems

_ANY = "*"


@dataclass(frozen=True, slots=True)
class Applies:
    """Where a policy is in force. `written` is false for parents, which never apply themselves."""

    policy: Policy
    written: bool
    routes: tuple[str, ...]
    tenants: tuple[str, ...]
    parent: str | None
    place: Source

    def rank(self, tenant: str, route: str) -> int | None:
        """How specific the match is (tenant named 2, route named 1), None without a match."""
        named_tenant, named_route = tenant in self.tenants, route in self.routes
        if not self.written or not (named_tenant or _ANY in self.tenants) or not (named_route or _ANY in self.routes):
            return None
        return 2 * named_tenant + named_route


def in_force(candidates: Sequence[Applies]) -> tuple[Applies, ...]:
    """Those that can be selected. If none says where it applies, the one that is nobody's parent does everywhere."""
    written = tuple(c for c in candidates if c.written)
    if written:
        return written
    parents = {c.parent for c in candidates}
    leaves = [c for c in candidates if c.policy.ref.name not in parents]
    if len(leaves) != 1:
        return ()
    only = leaves[0]
    return (Applies(only.policy, written=True, routes=(_ANY,), tenants=(_ANY,), parent=only.parent, place=only.place),)


def best(candidates: Sequence[Applies], tenant: str, route: str) -> Policy | None:
    """The most specific one; None without a match."""
    ranked = [(rank, c) for c in candidates if (rank := c.rank(tenant, route)) is not None]
    return max(ranked, key=lambda pair: pair[0])[1].policy if ranked else None


def check_equal(candidates: Sequence[Applies], problems: Problems) -> None:
    """GP307: some tenant and route for which two policies are equally specific."""
    written = [c for c in candidates if c.written]
    for at, one in enumerate(written):
        for other in written[:at]:
            clash = _clash(one, other)
            if clash:
                message = f'"{one.policy.ref.name}" and "{other.policy.ref.name}" are equally specific for {clash}'
                problems.error("GP307", one.place, message, "name a route or a tenant in one of them", [other.place])


def _clash(one: Applies, other: Applies) -> str:
    """A tenant and route on which both have the same rank. Two names matter, and everything nobody names."""
    routes = [*sorted({*one.routes, *other.routes} - {_ANY}), "any other route"]
    tenants = [*sorted({*one.tenants, *other.tenants} - {_ANY}), "any other tenant"]
    for tenant in tenants:
        for route in routes:
            ranks = (one.rank(tenant, route), other.rank(tenant, route))
            if ranks[0] is not None and ranks[0] == ranks[1]:
                return f"tenant {tenant}, route {route}"
    return ""
