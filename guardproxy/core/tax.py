"""What harmless exchanges pay for being looked at, against what the policy promises (`policy-language.md` 15). Pure.

    Toll                                   what one harmless exchange paid
    assessed(tolls, budget) -> Assessed…   each promise: what was seen, and the upper end of what it may be

Ends are one-sided, 95%: Clopper and Pearson's for a share, an order statistic for a percentile (alignment.md 2.5).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, inf

from guardproxy.core.rules import TaxBudget
from guardproxy.core.share import at_most, upper_end

MISS = 0.05
"""How often the true value may lie above the end that is shown."""
_PART = 0.95
_MOST_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Toll:
    """One harmless exchange. `extra`: characters injected, written again or thrown away; `delivered`: of the answer.

    `ms`: what the checks took. `answered`: there was an answer to look at.
    """

    refused: bool
    ms: float
    extra: int = 0
    delivered: int = 0
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Assessed:
    """One promise: `seen` in the rows, at most `upper` in truth, `limit` promised.

    `of`: the rows that say something of it. `missing`: how many more would show it kept, were they like these; 0 when
    it is kept, None when no number would. Not counted beyond 200,000 rows.
    """

    promise: str
    seen: float
    upper: float
    limit: float
    of: int
    missing: int | None = 0

    @property
    def kept(self) -> bool:
        """False also where the rows are too few to tell."""
        return self.upper <= self.limit


def assessed(tolls: Sequence[Toll], budget: TaxBudget) -> Iterator[Assessed]:
    """One for each promise the budget makes."""
    if budget.over_refusal is not None:
        yield _over_refusal(tolls, budget.over_refusal)
    if budget.added_p95_ms is not None:
        yield _added_p95([toll.ms for toll in tolls], float(budget.added_p95_ms))
    if budget.extra_tokens is not None:
        yield _extra_tokens([toll for toll in tolls if toll.answered], budget.extra_tokens)


def _over_refusal(tolls: Sequence[Toll], limit: float) -> Assessed:
    hits, of = sum(toll.refused for toll in tolls), len(tolls)
    upper = upper_end(hits, of, MISS)
    missing = _missing(hits, of, lambda share: share <= limit) if upper > limit else 0
    return Assessed("over_refusal", hits / max(of, 1), upper, limit, of, missing)


def _added_p95(times: Sequence[float], limit: float) -> Assessed:
    """The first value in order that lies below the true percentile in at most 5 of 100 draws; none in few rows."""
    ordered, of = sorted(times), len(times)
    seen = ordered[ceil(_PART * of) - 1] if ordered else 0.0
    if at_most(of - 1, of, _PART) < 1 - MISS or not of:
        needed = next(n for n in range(1, 1_000) if at_most(n - 1, n, _PART) >= 1 - MISS)
        return Assessed("added_p95", seen, inf, limit, of, needed - of)
    upper = ordered[bisect_left(range(of), 1 - MISS, key=lambda k: at_most(k, of, _PART))]
    missing = 0 if upper <= limit else (of if seen <= limit else None)  # as many again halve the distance, roughly
    return Assessed("added_p95", seen, upper, limit, of, missing)


def _extra_tokens(tolls: Sequence[Toll], limit: float) -> Assessed:
    """How many answers pay at most, times what one pays: where none did, as much as a whole answer."""
    of, paying = len(tolls), [toll.extra for toll in tolls if toll.extra]
    said = sum(toll.delivered for toll in tolls)
    if not said:
        return Assessed("extra_tokens", inf if paying else 0.0, inf, limit, of, None if paying else _fewest(limit))
    price = (sum(paying) / len(paying) if paying else said / of) / (said / of)
    seen = sum(paying) / said
    upper = upper_end(len(paying), of, MISS) * price
    missing = 0 if upper <= limit else _missing(len(paying), of, lambda share: share * price <= limit)
    return Assessed("extra_tokens", seen, upper, limit, of, missing)


def _fewest(limit: float) -> int | None:
    """How many rows show a share of at most `limit` when none of them is hit."""
    return _missing(0, 0, lambda share: share <= limit)


def _missing(hits: int, of: int, enough: Callable[[float], bool]) -> int | None:
    """How many more rows, a like share of them hit, bring the upper end down far enough."""
    share = hits / max(of, 1)
    if not enough(share + 1e-9):
        return None

    def shown(rows: int) -> bool:
        return enough(upper_end(ceil(share * rows), rows, MISS))

    high = max(of, 1)
    while not shown(high):
        high *= 2
        if high > _MOST_ROWS:
            return high - of
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle, high)
    return max(high - of, 1)
