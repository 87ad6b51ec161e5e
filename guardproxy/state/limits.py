"""How much a caller may take, by GCRA: units flow back evenly, at most a burst of them at once.

    Bucket(key, per_minute, burst)                    what is limited; `key` holds names and ids, never a secret
    Limits                                            the Protocol: this process (`LocalLimits`) or a shared store
        .take(bucket, cost, now) -> Taken             all of `cost` or nothing
        .charge(bucket, cost, now) -> None            what was used anyway; the bucket may go into debt
    step(bucket, arrival, cost, now) -> Step          the arithmetic, for every store
    taken(bucket, wait, full_in) -> Taken             what is said of it

A bucket is one number: its theoretical arrival time, at which it is full again. `now` is seconds of a clock that never
goes back (monotonic), so a jump of the wall clock unlocks nothing; a store that several replicas share counts by its
own clock and ignores `now`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

SWEEP_AT = 10_000
ROUNDING_S = 1e-6
"""Sums of intervals are binary fractions: without it the last unit of a full bucket may be refused."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`per_minute` units flow back in a minute; a full bucket holds `burst` of them."""

    key: str
    per_minute: float
    burst: int

    def __post_init__(self) -> None:
        if self.per_minute <= 0 or self.burst < 1:
            raise ValueError("a bucket needs a positive rate and room for one unit; this is a bug")

    @property
    def interval_s(self) -> float:
        """Seconds until one unit is back."""
        return 60.0 / self.per_minute

    @property
    def depth_s(self) -> float:
        """Seconds until an empty bucket is full."""
        return self.burst * self.interval_s


@dataclass(frozen=True, slots=True)
class Taken:
    """`retry_after_s`: 0 when allowed, else when the same cost would be. `remaining`: whole units that are left.

    `reset_s`: seconds until the bucket is full again.
    """

    allowed: bool
    retry_after_s: float
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """What `take` answers, and the arrival time that the store keeps."""

    taken: Taken
    arrival: float


class Limits(Protocol):
    """Where buckets are kept."""

    async def take(self, bucket: Bucket, cost: int, now: float) -> Taken:
        """Takes `cost` units, 1 to `bucket.burst` (else ValueError), or none of them."""
        ...

    async def charge(self, bucket: Bucket, cost: int, now: float) -> None:
        """Takes `cost` units, 0 or more, whether they are there or not: the work is already done."""
        ...


def step(bucket: Bucket, arrival: float, cost: int, now: float) -> Step:
    """One `take`. `arrival`: what the store kept; anything up to `now` is a full bucket."""
    if not 1 <= cost <= bucket.burst:
        raise ValueError("a cost is 1 to the bucket's burst; this is a bug")
    behind = max(arrival, now)
    after = behind + cost * bucket.interval_s
    wait = after - bucket.depth_s - now
    allowed = wait <= ROUNDING_S
    kept = after if allowed else behind
    return Step(taken(bucket, 0.0 if allowed else wait, kept - now), kept)


def taken(bucket: Bucket, wait: float, full_in: float) -> Taken:
    """`wait`: 0 when it was allowed, else seconds until it would be. `full_in`: until the bucket is full, after it."""
    spare = (bucket.depth_s - full_in + ROUNDING_S) / bucket.interval_s
    return Taken(wait == 0.0, wait, max(0, int(spare)), max(0.0, full_in))


class LocalLimits:
    """In this process. Keys come from settings and key files, so there are as many as the operator made."""

    def __init__(self) -> None:
        self._arrivals: dict[str, float] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        return len(self._arrivals)

    async def take(self, bucket: Bucket, cost: int, now: float) -> Taken:
        """See `Limits`."""
        done = step(bucket, self._arrivals.get(bucket.key, now), cost, now)
        self._keep(bucket.key, done.arrival, now)
        return done.taken

    async def charge(self, bucket: Bucket, cost: int, now: float) -> None:
        """See `Limits`."""
        behind = max(self._arrivals.get(bucket.key, now), now)
        self._keep(bucket.key, behind + cost * bucket.interval_s, now)

    def _keep(self, key: str, arrival: float, now: float) -> None:
        """A full bucket says nothing and may go; a bucket that somebody still waits for never does."""
        self._arrivals[key] = arrival
        if len(self._arrivals) > self._sweep_at:
            self._arrivals = {name: at for name, at in self._arrivals.items() if at > now}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._arrivals))
