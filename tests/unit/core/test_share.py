"""Shares and their intervals."""

import pytest

from guardproxy.core.share import Share, at_most, upper_end


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


@pytest.mark.parametrize(
    ("hits", "of", "upper"),
    [(0, 250, 0.0119), (2, 250, 0.0250), (16, 250, 0.0956), (0, 600, 0.0050), (10, 1000, 0.0169), (30, 3000, 0.0135)],
)
def test_one_sided_upper_ends(hits, of, upper):
    assert upper_end(hits, of, 0.05) == pytest.approx(upper, abs=5e-5)  # the table of alignment.md 2.5


def test_the_ends_of_the_ends():
    assert upper_end(0, 0, 0.05) == upper_end(7, 7, 0.05) == 1.0
    assert (at_most(3, 3, 0.5), at_most(0, 9, 0.0), at_most(0, 9, 1.0)) == (1.0, 1.0, 0.0)
    assert at_most(1, 3, 0.5) == pytest.approx(0.5)
