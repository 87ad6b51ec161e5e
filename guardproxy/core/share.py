"""So many of so many, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both 0 … 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with Wilson's 95% interval."""

    hits: int
    of: int

    @property
    def rate(self) -> float:
        """0 of nothing is 0."""
        return self.hits / max(self.of, 1)

    @property
    def interval(self) -> Interval:
        """95% (Wilson 1927); of nothing nothing is known: 0 … 1."""
        if not self.of:
            return Interval(0.0, 1.0)
        z, share = 1.96, self.hits / self.of
        middle = share + z * z / (2 * self.of)
        width = z * math.sqrt(share * (1 - share) / self.of + z * z / (4 * self.of * self.of))
        whole = 1 + z * z / self.of
        return Interval(max(0.0, middle - width) / whole, (middle + width) / whole)

    def __str__(self) -> str:
        return f"{self.rate:.3f} [{self.interval.low:.3f}, {self.interval.high:.3f}]"


def at_most(hits: int, of: int, share: float) -> float:
    """How likely `hits` or fewer of `of` are, when each is hit with probability `share`."""
    if hits >= of or share <= 0.0:
        return 1.0
    if share >= 1.0:
        return 0.0
    yes, no = math.log(share), math.log1p(-share)
    whole = math.lgamma(of + 1)
    terms = (whole - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * yes + (of - k) * no for k in range(hits + 1))
    return min(1.0, math.fsum(map(math.exp, terms)))


def upper_end(hits: int, of: int, miss: float) -> float:
    """The largest share that is not refuted by so few hits (Clopper and Pearson 1934, one-sided); of nothing 1.

    `miss`: how often the true share may lie above.
    """
    if hits >= of:
        return 1.0
    low, high = hits / of, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(hits, of, middle) > miss else (low, middle)
    return high
