"""Wilson's interval against published figures."""

import pytest

from guardproxy.core.intervals import wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763), (0, 0, 0.0, 1.0)],  # Wilson 1927
)
def test_wilson(hits, of, low, high):
    assert wilson(hits, of) == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))


def test_the_share_lies_inside():
    for of in range(1, 40):
        for hits in range(of + 1):
            low, high = wilson(hits, of)
            assert 0.0 <= low <= hits / of <= high <= 1.0
