"""What every exchange needs, made once at start: policies, detectors, texts, upstream, recorder."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from guardproxy.core.catalogue import Catalogue
from guardproxy.core.conversation import Segment
from guardproxy.core.findings import Finding
from guardproxy.core.rules import Policy
from guardproxy.detectors.bench import Bench, Toolbox
from guardproxy.detectors.pool import ClassifierPool
from guardproxy.observe.record import Recorder
from guardproxy.policy.shelf import Shelf
from guardproxy.proxy.languages import Languages
from guardproxy.proxy.routes import Routes
from guardproxy.proxy.settings import Settings
from guardproxy.proxy.upstream import Upstream
from guardproxy.state.sessions import Sessions


def new_decision_id() -> str:
    """128 random bits as base32: what an end user quotes in an appeal."""
    return b32encode(secrets.token_bytes(16)).decode("ascii").rstrip("=")


class Benches:
    """One bench a policy, compiled when the policy comes into force and dropped with it."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.toolbox = toolbox
        self._made: dict[int, tuple[Policy, Bench]] = {}  # the policy is kept, or its id could be used again

    def bench(self, policy: Policy) -> Bench:
        """The bench of exactly this policy object."""
        made = self._made.get(id(policy))
        if made is None:
            made = (policy, Bench(policy, self.toolbox))
            self._made[id(policy)] = made
        return made[1]

    def look(self, policy: Policy) -> Callable[[Sequence[Segment]], list[Finding]]:
        """The instant detectors as one function: what policy tests call. The bench is the one that will serve."""
        return self.bench(policy).look

    def keep_only(self, policies: tuple[Policy, ...]) -> None:
        """Forgets benches of policies that are no longer in force; running exchanges hold their own."""
        wanted = {id(p) for p in policies}
        self._made = {key: value for key, value in self._made.items() if key in wanted}


@dataclass(frozen=True, slots=True)
class Hall:
    """The rooms, joined."""

    settings: Settings
    shelf: Shelf
    benches: Benches
    catalogue: Callable[[], Catalogue]
    upstream: Upstream
    recorder: Recorder
    languages: Languages
    clock: Callable[[], float]
    """POSIX seconds."""
    pool: ClassifierPool | None = None
    routes: Routes = field(default_factory=Routes)
    sessions: Sessions = field(default_factory=lambda: Sessions(secrets.token_bytes(32)))
