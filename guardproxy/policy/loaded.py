"""Policies for the workbench: read and checked like those that serve, without running their tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from guardproxy.core.rules import Policy
from guardproxy.errors import UsageError
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import Compiled, check
from guardproxy.policy.problems import failed
from guardproxy.policy.selection import Applies, best, in_force


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file or folder of policies."""

    path: Path
    compiled: tuple[Compiled, ...]
    candidates: tuple[Applies, ...]

    def select(self, tenant: str, route: str) -> Policy | None:
        """The policy that a request of this tenant on this route has; None when none applies."""
        return best(self.candidates, tenant, route)

    def chosen(self, tenant: str, route: str) -> Compiled:
        """The same with its file; of a single policy, wherever it applies. Raises UsageError when none does."""
        policy = self.select(tenant, route)
        if policy is None and len(self.compiled) == 1:
            return self.compiled[0]
        if policy is None:
            raise UsageError(f'{self.path}: no policy applies to tenant "{tenant}", route "{route}"')
        return next(one for one in self.compiled if one.policy is policy)

    @property
    def policies(self) -> Sequence[Policy]:
        """Those that can be selected."""
        return [candidate.policy for candidate in self.candidates]


def load(path: Path, world: World) -> Loaded:
    """Raises PolicyError with the whole report. An expired exception only warns: old policies are compared, too."""
    checked = check([path], replace(world, serving=True), None)
    if checked.errors:
        raise failed(checked.errors)
    return Loaded(path, checked.compiled, in_force([one.applies for one in checked.compiled]))
