from __future__ import annotations

import numpy as np
import pytest

from guardproxy.training.calibration import LEVELS, REFUSE, REFUSE_RATE, WARN, WARN_RATE, apply, curves, tail
from guardproxy.training.labels import HEADS

RAW = np.random.default_rng(7).logistic(size=(4000, len(HEADS)))
"""Harmless figures with an exponential tail; the seed is 7."""


def test_the_tail_continues_beyond_the_rows():
    one = tail(RAW[:, 0])
    assert one.at(0.5) == pytest.approx(np.median(RAW[:, 0]))
    assert one.at(0.01) == pytest.approx(np.quantile(RAW[:, 0], 0.99), abs=0.4)
    assert one.at(1e-6) > RAW[:, 0].max()


def test_all_heads_together_reach_the_stated_rates():
    found = curves({"chat": RAW}, {"chat": range(len(HEADS))})
    loudest = apply(found, RAW).max(axis=1)
    assert (loudest >= WARN).mean() == pytest.approx(WARN_RATE, abs=0.006)
    assert (loudest >= REFUSE).mean() == pytest.approx(REFUSE_RATE, abs=0.003)


def test_curves_rise_from_nought_to_one():
    for one in curves({"chat": RAW}, {"chat": range(len(HEADS))}):
        assert list(one.raw) == sorted(one.raw)
        assert (one.score[0], one.score[-1]) == (0.0, 1.0)
        assert list(one.score) == sorted(one.score)


def test_of_two_pools_the_stricter_counts():
    louder = {"chat": RAW, "answers": RAW + 2}
    one, both = curves({"chat": RAW}, {"chat": [0]})[0], curves(louder, {"chat": [0], "answers": [0]})[0]
    assert both.raw[len(LEVELS)] > one.raw[len(LEVELS)]
