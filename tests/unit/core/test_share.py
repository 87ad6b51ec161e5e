"""Shares and their intervals."""

import pytest

from guardproxy.core.share import Share


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763), (0, 0, 0.0, 1.0)],  # Wilson 1927
)
def test_wilson(hits, of, low, high):
    interval = Share(hits, of).interval
    assert (interval.low, interval.high) == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))


def test_a_share_in_words():
    assert str(Share(5, 10)) == "0.500 [0.237, 0.763]"
    assert Share(0, 0).rate == 0
