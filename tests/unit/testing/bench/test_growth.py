"""Exponents: what a line, a constant and a square give, whatever they begin with."""

import pytest

from guardproxy.testing.bench.growth import LENGTHS, MOST_RULES, PATTERNS, Point, exponent, history, prose
from guardproxy.testing.bench.growth import _phrases_of_a_rule as phrases_of_a_rule


@pytest.mark.parametrize(
    ("cost", "wanted"),
    [
        (lambda n: 500 + 3 * n, 1.0),
        (lambda n: 3 * n, 1.0),
        (lambda n: n * n, 2.0),
        (lambda n: 700 + 0 * n, 0.0),
        (lambda n: 700 + 20 * (n == LENGTHS[3]), 0.0),
    ],
    ids=["a line", "through nought", "a square", "a constant", "a constant with noise"],
)
def test_exponents(cost, wanted):
    assert exponent([Point(size, cost(size)) for size in LENGTHS]) == pytest.approx(wanted, abs=0.15)


def test_a_prompt_is_as_long_as_asked_for():
    assert [len(prose(size)) for size in LENGTHS] == list(LENGTHS)


def test_no_two_turns_of_a_history_are_alike():
    said = [turn["content"] for turn in history(40)]
    assert len(set(said)) == len(said) == 80


@pytest.mark.parametrize("many", PATTERNS)
def test_a_policy_of_many_patterns_has_no_more_rules_than_it_may(many):
    expressions = many // 8
    assert -(-(many - expressions) // phrases_of_a_rule(many)) + expressions <= MOST_RULES
