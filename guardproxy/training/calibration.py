"""Raw figures → scores that mean the same for every head, by false alarms on harmless texts.

0.5 (`warn`) stands where a stated share of harmless texts reach it on **any** head of a kind, 0.9 (`refuse`) where a
smaller one do: heads of a kind are calibrated together, because a policy acts on any of them. The far tail of a head is
taken to fall exponentially, which smooths what few rows would leave to chance.

Most heads that name a hazard are *gated*: they count as far as their kind's head of all harms does (`unspecified`), so
that naming a harm costs no false alarms of its own, and many names do not eat up the budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from guardproxy.detectors.scorer import Curve, Figures, gated
from guardproxy.training.labels import CONTENT, HEADS, SERVED

WARN, REFUSE = 0.5, 0.9
Budgets = Mapping[str, Mapping[str, tuple[float, float]]]
BUDGETS: Budgets = {
    "chat": {"request": (0.026, 0.0045), "attack": (0.005, 0.0003), "content": (0.01, 0.002)},
    "answers": {"answer": (0.02, 0.004), "response": (0.02, 0.004)},
    "posts": {"answer": (0.1, 0.02)},
    "documents": {"attack": (0.03, 0.003)},
    "languages": {"attack": (0.03, 0.006)},
}
"""Pool → kind of head → shares of its harmless texts at `warn` and at `refuse`. `posts` holds look-alikes of hate, abuse
and gore, of which some may be taken for it. Attacks fire on orders in new chat more often than on these rows."""
SCORES = (0.05, 0.2, 0.4, WARN, 0.75, REFUSE)
SHARES = {
    ("request", "unspecified"): 10.0, ("request", "self_harm.intent"): 1.0, ("request", "security.prompt_leak"): 0.2,
    ("content", "unspecified"): 4.0, ("content", "hate.speech"): 4.0, ("content", "self_harm.intent"): 0.5,
    ("content", "harassment.profanity"): 0.3, ("content", "hate.bias"): 0.3, ("attack", "attack.jailbreak"): 3.0,
    ("attack", "attack.injection"): 2.0, ("attack", "attack.code_exec"): 0.2, ("response", "unspecified"): 1.0,
}  # fmt: skip
"""The heads that are not gated, and how each splits its kind's budget."""
NAMING = 2.0
"""A gated head alone may reach a score on this many times its kind's share: the gate decides, it names."""
TAIL = 0.1
"""Share of the highest harmless figures the exponential tail is fitted to."""


def share_of(head: int) -> float | None:
    """The head's part of its kind's budget; None for gated ones. A served copy counts as its original."""
    judges, hazard = SERVED[head]
    return SHARES.get(("content" if judges == "answer" else judges, hazard))


def gates() -> dict[int, int]:
    """Gated head → the head of all harms of its kind, by place in SERVED."""
    return {
        n: SERVED.index((judges, "unspecified"))
        for n, (judges, _) in enumerate(SERVED)
        if judges in ("request", "content", "answer") and share_of(n) is None
    }


def served(raw: Figures) -> Figures:
    """(texts, HEADS) → (texts, SERVED): the content heads once more, for answers, which have a budget of their own."""
    again = [HEADS.index(("content", hazard)) for hazard in CONTENT]
    return np.concatenate([raw, raw[:, again]], axis=1)


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


def rates(warn: float, refuse: float) -> tuple[float, ...]:
    """The shares of harmless texts at each of SCORES."""
    return (min(0.5, 25 * warn), min(0.3, 8 * warn), 2.5 * warn, warn, (warn * refuse) ** 0.5, refuse)


def curves(pools: Mapping[str, Figures], budgets: Budgets = BUDGETS) -> list[Curve]:
    """A curve a served head. `pools`: harmless figures (texts, SERVED) by name.

    A head judged on several pools takes the strictest.
    """
    points: list[list[float]] = [[-np.inf] * len(SCORES) for _ in SERVED]
    excess = [1e-3] * len(SERVED)
    for name, raw in pools.items():
        for kind, budget in budgets[name].items():
            tails = {n: tail(raw[:, n]) for n, (judges, _) in enumerate(SERVED) if judges == kind}
            for head, one in tails.items():
                excess[head] = max(excess[head], one.excess)
            for place, rate in enumerate(rates(*budget)):
                joint = _joint_share(raw, tails, rate)
                for head, one in tails.items():
                    own = share_of(head)
                    share = min(0.9, NAMING * rate) if own is None else joint * own
                    points[head][place] = max(points[head][place], one.at(share))
    return [
        _curve(points[head], excess[head]) if np.isfinite(points[head][0]) else LOGISTIC for head in range(len(SERVED))
    ]


def _joint_share(raw: Figures, tails: Mapping[int, Tail], rate: float) -> float:
    """The share for one head at which the heads of a kind that are not gated together reach `rate`."""
    parts = {head: own for head in tails if (own := share_of(head)) is not None}
    low, high = 1e-6, 0.9 / max(parts.values())
    for _ in range(40):
        middle = (low * high) ** 0.5
        hit = np.zeros(len(raw), dtype=bool)
        for head, own in parts.items():
            hit |= raw[:, head] > tails[head].at(middle * own)
        low, high = (middle, high) if hit.mean() < rate else (low, middle)
    return low


def _curve(points: Sequence[float], excess: float) -> Curve:
    """Rising knots; above `refuse` each tenfold rarer figure comes nearer to 1."""
    last = points[-1]
    decade = excess * float(np.log(10))
    raw = [min(points) - 4 * decade, *points, last + decade, last + 2 * decade, last + 4 * decade]
    score = [0.0, *SCORES, 0.96, 0.98, 1.0]
    rising = np.maximum.accumulate(np.array(raw) + np.arange(len(raw)) * 1e-6)
    return Curve(tuple(round(float(x), 5) for x in rising), tuple(score))


def apply(found: Sequence[Curve], raw: Figures) -> Figures:
    """(texts, SERVED) raw → calibrated and gated."""
    columns = [np.interp(raw[:, n], one.raw, one.score) for n, one in enumerate(found)]
    scores: Figures = np.stack(columns, axis=1).astype(np.float32)
    return gated(scores, raw, gates())
