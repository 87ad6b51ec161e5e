"""Promises of a tax budget against rows: kept, broken, or too few rows to tell."""

from math import inf

import pytest

from guardproxy.core.rules import TaxBudget
from guardproxy.core.tax import Toll, assessed


def toll(**more):
    return Toll(**{"refused": False, "ms": 10.0, **more})


def one(tolls, **promise):
    (found,) = assessed(tolls, TaxBudget(**promise))
    return found


@pytest.mark.parametrize(
    ("rows", "refused", "promised", "kept", "missing"),
    [
        (299, 0, 0.01, True, 0),  # policy-language.md 15
        (298, 0, 0.01, False, 1),
        (0, 0, 0.001, False, 2995),
        (250, 16, 0.0956, True, 0),  # alignment.md 2.5
        (250, 16, 0.0955, False, 13),
        (100, 50, 0.01, False, None),
        (400, 0, 0.0, False, None),
    ],
)
def test_over_refusal(rows, refused, promised, kept, missing):
    found = one([toll(refused=at < refused) for at in range(rows)], over_refusal=promised)
    assert (found.kept, found.missing, found.of) == (kept, missing, rows)


def test_a_promise_too_near_to_what_is_seen_is_not_counted_out():
    found = one([toll(refused=at % 100 == 0) for at in range(400)], over_refusal=0.010001)
    assert not found.kept
    assert found.missing >= 200_000


@pytest.mark.parametrize(
    ("times", "promised", "kept", "missing"),
    [
        ([10.0] * 59, 40, True, 0),  # 0.95 ** 59 < 0.05
        ([10.0] * 58, 40, False, 1),
        ([], 40, False, 59),
        ([10.0] * 90 + [50.0] * 10, 40, False, None),
        ([10.0] * 96 + [50.0] * 4, 40, False, 100),
        ([10.0] * 1000 + [50.0] * 30, 40, True, 0),
    ],
)
def test_added_p95(times, promised, kept, missing):
    found = one([toll(ms=ms) for ms in times], added_p95_ms=promised)
    assert (found.kept, found.missing) == (kept, missing)


def test_the_upper_end_of_a_percentile_is_one_of_the_times():
    found = one([toll(ms=float(ms)) for ms in range(1, 1001)], added_p95_ms=1000)
    assert found.seen == 950
    assert found.upper == 962  # scipy.stats.binom.ppf(0.95, 1000, 0.95) + 1


def test_extra_tokens_are_shares_of_what_is_delivered():
    cheap = [toll(answered=True, delivered=100)] * 95
    dear = [toll(refused=True, answered=True, extra=100)] * 5
    found = one([*cheap, *dear], extra_tokens=0.2)
    assert found.seen == pytest.approx(500 / 9500)
    assert found.kept
    assert found.seen < found.upper < 0.12
    assert not one([*cheap, *dear], extra_tokens=0.06).kept


def test_answers_that_cost_nothing_might_have_cost_a_whole_one():
    assert one([toll(answered=True, delivered=7)] * 59, extra_tokens=0.05).kept
    few = one([toll(answered=True, delivered=7)] * 58, extra_tokens=0.05)
    assert (few.kept, few.missing) == (False, 1)


def test_without_answers_nothing_is_known_of_tokens():
    found = one([toll()] * 500, extra_tokens=0.05)
    assert (found.kept, found.of, found.upper, found.missing) == (False, 0, inf, 59)
    withheld = one([toll(refused=True, answered=True, extra=9)] * 5, extra_tokens=0.05)
    assert (withheld.seen, withheld.missing) == (inf, None)


def test_no_promise_no_answer():
    assert list(assessed([toll()], TaxBudget())) == []
    assert [a.promise for a in assessed([toll()], TaxBudget(0.1, 1, 0.1))] == [
        "over_refusal",
        "added_p95",
        "extra_tokens",
    ]
