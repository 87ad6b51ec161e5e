"""What /proc says, and lines through points."""

import os
from pathlib import Path

import pytest

from guardproxy.testing.process_figures import Figures, slope


def test_this_process_has_memory_descriptors_and_threads():
    figures = Figures.of(os.getpid())
    assert figures.resident > 5
    assert figures.descriptors > 2
    assert figures.threads >= 1
    with Path(os.devnull).open(encoding="utf-8"):
        assert Figures.of(os.getpid()).descriptors == figures.descriptors + 1


@pytest.mark.parametrize(
    ("points", "wanted"),
    [([], 0.0), ([(1, 5)], 0.0), ([(1, 5), (1, 9)], 0.0), ([(0, 1), (1, 3), (2, 5)], 2.0), ([(0, 4), (2, 0)], -2.0)],
)
def test_a_line_through_points(points, wanted):
    assert slope(points) == pytest.approx(wanted)
