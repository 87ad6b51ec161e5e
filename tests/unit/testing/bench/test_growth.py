"""Exponents: what a line, a constant and a square give, whatever they begin with."""

import pytest

from guardproxy.testing.bench.growth import LENGTHS, MOST_RULES, PATTERNS, Point, exponent, history, prose
from guardproxy.testing.bench.growth import _phrases_of_a_rule as phrases_of_a_rule


@pytest.mark.parametrize(
    ("cost", "least", "most"),
    [
        (lambda n: 500 + 3 * n, 0.9, 1.0),
        (lambda n: 3 * n, 1.0, 1.0),
        (lambda n: n * n, 2.0, 2.0),
        (lambda n: 1e6 + n * n, 1.8, 2.0),
        (lambda n: n * len(str(n)), 1.05, 1.3),
        (lambda n: 700 + 0 * n, 0.0, 0.0),
    ],
    ids=["a line", "through nought", "a square", "a square and more", "n log n", "a constant"],
)
def test_exponents(cost, least, most):
    found = exponent([Point(size, cost(size)) for size in LENGTHS])
    assert least - 1e-9 <= found <= most + 1e-9


def test_a_prompt_is_as_long_as_asked_for():
    assert [len(prose(size)) for size in LENGTHS] == list(LENGTHS)


def test_no_two_turns_of_a_history_are_alike():
    said = [turn["content"] for turn in history(40)]
    assert len(set(said)) == len(said) == 80


@pytest.mark.parametrize("many", PATTERNS)
def test_a_policy_of_many_patterns_has_no_more_rules_than_it_may(many):
    expressions = many // 8
    assert -(-(many - expressions) // phrases_of_a_rule(many)) + expressions <= MOST_RULES
