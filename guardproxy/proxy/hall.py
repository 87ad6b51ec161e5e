"""What every exchange needs, made once at start: policies, detectors, texts, upstream, recorder."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from guardproxy.core.catalogue import Catalogue
from guardproxy.core.conversation import Segment
from guardproxy.core.findings import Finding
from guardproxy.core.rules import Policy
from guardproxy.detectors.bench import Bench, Toolbox
from guardproxy.detectors.pool import ClassifierPool
from guardproxy.observe.record import Recorder
from guardproxy.policy.shelf import Shelf
from guardproxy.proxy.auth import Keys
from guardproxy.proxy.budget import Budget
from guardproxy.proxy.languages import Languages
from guardproxy.proxy.office import Office
from guardproxy.proxy.routes import Routes
from guardproxy.proxy.settings import LimitSettings, Settings
from guardproxy.proxy.trial import Trial
from guardproxy.proxy.upstream import Upstream
from guardproxy.state.answers import Answers
from guardproxy.state.limits import Limits, LocalLimits
from guardproxy.state.redis import Link
from guardproxy.state.sessions import Memory, Sessions

_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 8


def steady_clock(wall: Callable[[], float], elapsed: Callable[[], float]) -> Callable[[], float]:
    """The wall's time at this moment, and from then on what has passed: a clock set anew moves no pause and no limit."""
    ahead = wall() - elapsed()
    return lambda: ahead + elapsed()


def new_decision_id() -> str:
    """130 random bits in the letters of base32: what an end user quotes in an appeal."""
    return secrets.token_bytes(26).translate(_BASE32).decode("ascii")


class Benches:
    """One bench a policy, compiled when the policy comes into force and dropped with it. Safe to use from any thread."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.toolbox = toolbox
        self._changing = Lock()
        self._made: dict[int, tuple[Policy, Bench]] = {}  # the policy is kept, or its id could be used again

    def bench(self, policy: Policy) -> Bench:
        """The bench of exactly this policy object."""
        made = self._made.get(id(policy))
        if made is None:
            fresh = (policy, Bench(policy, self.toolbox))  # outside the lock: compiling may take long
            with self._changing:
                made = self._made.setdefault(id(policy), fresh)
        return made[1]

    def prepare(self, policies: tuple[Policy, ...]) -> None:
        """Makes the benches of a set before its first request; called in the thread that loads it."""
        for policy in policies:
            self.bench(policy)

    def look(self, policy: Policy) -> Callable[[Sequence[Segment]], list[Finding]]:
        """The instant detectors as one function: what policy tests call. The bench is the one that will serve."""
        return self.bench(policy).look

    def keep_only(self, policies: tuple[Policy, ...]) -> None:
        """Forgets benches of policies that are no longer in force; running exchanges hold their own."""
        wanted = {id(p) for p in policies}
        with self._changing:
            self._made = {key: value for key, value in self._made.items() if key in wanted}


@dataclass(slots=True)
class Standing:
    """How many of `of` worker processes serve. `complete`: all of them did at one time, so the service has started."""

    of: int
    serve: int = 0
    complete: bool = False


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
    """POSIX seconds of the wall: what stands in records, and what dates are held against. It may jump."""
    steady: Callable[[], float]
    """POSIX seconds that only go forward: what is remembered for a while, and for how long."""
    trial: Trial
    office: Office
    pool: ClassifierPool | None = None
    routes: Routes = field(default_factory=Routes)
    noting: Lock = field(default_factory=Lock, repr=False)
    """Held while metrics and benches follow the shelf: a reload may come from a watch, a signal and the admin port."""
    bodies: Budget = field(default_factory=lambda: Budget(LimitSettings().bodies_bytes))
    sessions: Memory = field(default_factory=lambda: Sessions(secrets.token_bytes(32)))
    limits: Limits = field(default_factory=LocalLimits)
    link: Link | None = None
    """To what replicas share; None: every replica for itself."""
    keys: Keys | None = None
    """None: everybody is served without one."""
    standing: Standing | None = None
    """None: this process serves alone."""
    answers: Answers = field(default_factory=lambda: Answers(secrets.token_bytes(32)))
