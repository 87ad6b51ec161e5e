"""Raw figures → scores that mean the same for every head, by false alarms on harmless texts.

0.5 (`warn`) stands where `WARN_RATE` of harmless chats reach it **on any head**, 0.9 (`refuse`) where `REFUSE_RATE`
do; one rate for all heads together, because a policy refuses for any of them. Each head gets a share of the rate.
The far tail of a head is taken to fall exponentially, which smooths what few rows would leave to chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from guardproxy.detectors.scorer import Curve, Figures
from guardproxy.training.labels import HEADS

WARN, REFUSE = 0.5, 0.9
WARN_RATE, REFUSE_RATE = 0.018, 0.006
"""Below the budgets of 5% and 1%: part of the calibration rows come from sources the heads know."""
LEVELS = ((0.5, 0.05), (0.15, 0.2), (0.05, 0.4), (WARN_RATE, WARN), (0.01, 0.75), (REFUSE_RATE, REFUSE))
"""(share of harmless texts above it on any head, score)."""
SHARES = dict.fromkeys(HEADS, 0.7) | {
    ("request", "unspecified"): 10.0, ("attack", "attack.jailbreak"): 2.0, ("attack", "attack.injection"): 1.0,
    ("content", "hate.speech"): 2.0, ("content", "unspecified"): 1.5, ("request", "self_harm.intent"): 1.5,
    ("request", "crime.cyber"): 0.4, ("attack", "attack.code_exec"): 0.2, ("response", "unspecified"): 3.0,
}  # fmt: skip
"""How the budget is split. Most goes to the head of all harms, which catches most; little to the two heads that take
harmless code for harm (development set cyberseceval_frr: refused .30 with equal shares, .08 with these)."""
TAIL = 0.1
"""Share of the highest harmless figures the exponential tail is fitted to."""


@dataclass(frozen=True, slots=True)
class Tail:
    """One head on harmless texts: sorted figures, where the tail begins, and its mean excess."""

    ranked: Figures
    start: float
    excess: float

    def at(self, share: float) -> float:
        """The figure that this share of harmless texts exceeds."""
        if share >= TAIL:
            return float(np.quantile(self.ranked, 1 - share))
        return self.start + self.excess * float(np.log(TAIL / max(share, 1e-9)))


def tail(raw: Figures) -> Tail:
    """Fits one head's tail."""
    start = float(np.quantile(raw, 1 - TAIL))
    above = raw[raw > start] - start
    return Tail(np.sort(raw), start, max(float(above.mean()) if len(above) else 0.0, 1e-3))


LOGISTIC = Curve(
    tuple(float(x) for x in range(-6, 7)), tuple(round(float(1 / (1 + np.exp(-x))), 4) for x in range(-6, 7))
)
"""For heads no pool judges (`refusal`): the network's own probability."""


def curves(pools: Mapping[str, Figures], used: Mapping[str, Sequence[int]]) -> list[Curve]:
    """A curve a head. `pools`: harmless figures (texts, heads) by name; `used`: the heads that judge that pool.

    A head judged on several pools takes the strictest.
    """
    points: list[list[float]] = [[-np.inf] * len(LEVELS) for _ in HEADS]
    excess = [1e-3] * len(HEADS)
    for name, raw in pools.items():
        tails = {head: tail(raw[:, head]) for head in used[name]}
        for head, one in tails.items():
            excess[head] = max(excess[head], one.excess)
        for place, (rate, _) in enumerate(LEVELS):
            share = _joint_share(raw, tails, rate)
            for head, one in tails.items():
                points[head][place] = max(points[head][place], one.at(share * SHARES[HEADS[head]]))
    return [
        _curve(points[head], excess[head]) if np.isfinite(points[head][0]) else LOGISTIC for head in range(len(HEADS))
    ]


def _joint_share(raw: Figures, tails: Mapping[int, Tail], rate: float) -> float:
    """The share for one head at which all heads together reach `rate`."""
    low, high = 1e-6, 0.9 / max(SHARES.values())
    for _ in range(40):
        middle = (low * high) ** 0.5
        hit = np.zeros(len(raw), dtype=bool)
        for head, one in tails.items():
            hit |= raw[:, head] > one.at(middle * SHARES[HEADS[head]])
        low, high = (middle, high) if hit.mean() < rate else (low, middle)
    return low


def _curve(points: Sequence[float], excess: float) -> Curve:
    """Rising knots; above `refuse` each tenfold rarer figure comes nearer to 1."""
    last = points[-1]
    decade = excess * float(np.log(10))
    raw = [min(points) - 4 * decade, *points, last + decade, last + 2 * decade, last + 4 * decade]
    score = [0.0, *(level for _, level in LEVELS), 0.96, 0.98, 1.0]
    rising = np.maximum.accumulate(np.array(raw) + np.arange(len(raw)) * 1e-6)
    return Curve(tuple(round(float(x), 5) for x in rising), tuple(score))


def apply(found: Sequence[Curve], raw: Figures) -> Figures:
    """(texts, heads) raw → calibrated."""
    return np.stack([np.interp(raw[:, n], one.raw, one.score) for n, one in enumerate(found)], axis=1)
