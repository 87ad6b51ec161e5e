from __future__ import annotations

import numpy as np
import pytest

from guardproxy.training.calibration import BUDGETS, REFUSE, SCORES, WARN, apply, curves, gates, served, share_of, tail
from guardproxy.training.labels import CONTENT, HEADS, SERVED

RAW = served(np.random.default_rng(7).logistic(size=(4000, len(HEADS))))
"""Harmless figures with an exponential tail; the seed is 7."""
REQUESTS = [n for n, (judges, _) in enumerate(SERVED) if judges == "request"]


def test_the_tail_continues_beyond_the_rows():
    one = tail(RAW[:, 0])
    assert one.at(0.5) == pytest.approx(np.median(RAW[:, 0]))
    assert one.at(0.01) == pytest.approx(np.quantile(RAW[:, 0], 0.99), abs=0.4)
    assert one.at(1e-6) > RAW[:, 0].max()


def test_all_heads_of_a_kind_together_reach_the_stated_rates():
    warn, refuse = BUDGETS["chat"]["request"]
    loudest = apply(curves({"chat": RAW}), RAW)[:, REQUESTS].max(axis=1)
    assert (loudest >= WARN).mean() == pytest.approx(warn, abs=0.006)
    assert (loudest >= REFUSE).mean() == pytest.approx(refuse, abs=0.003)


def test_naming_a_harm_costs_no_false_alarm_of_its_own():
    scores = apply(curves({"chat": RAW}), RAW)
    for head, gate in gates().items():
        assert (scores[:, head] <= scores[:, gate]).all()
        assert SERVED[gate] == (SERVED[head][0], "unspecified")


def test_a_cry_for_help_is_not_gated():
    assert SERVED.index(("request", "self_harm.intent")) not in gates()
    assert share_of(SERVED.index(("request", "self_harm.intent"))) == 1.0


def test_curves_rise_from_nought_to_one():
    for one in curves({"chat": RAW}):
        assert list(one.raw) == sorted(one.raw)
        assert (one.score[0], one.score[-1]) in {(0.0, 1.0), (0.0025, 0.9975)}  # the second: no pool judges it
        assert list(one.score) == sorted(one.score)


def test_of_two_pools_the_stricter_counts():
    attack = SERVED.index(("attack", "attack.jailbreak"))
    budgets = {name: {"attack": (0.01, 0.001)} for name in ("chat", "documents")}
    one = curves({"chat": RAW}, budgets)[attack]
    both = curves({"chat": RAW, "documents": RAW + 2}, budgets)[attack]
    assert both.raw[len(SCORES)] > one.raw[len(SCORES)]


def test_answers_have_content_heads_of_their_own():
    assert len(SERVED) == len(HEADS) + len(CONTENT) == RAW.shape[1]
    found = curves({"chat": RAW, "answers": RAW})
    mine, theirs = (SERVED.index((judges, "unspecified")) for judges in ("answer", "content"))
    assert found[mine].raw[4] < found[theirs].raw[4]  # the budget of answers is larger
