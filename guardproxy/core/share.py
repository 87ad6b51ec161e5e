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
