"""The text of a choice: what its channels say, in the order in which it came."""

from __future__ import annotations

import pytest

from guardproxy.core.choice import Line
from guardproxy.core.windows import END


@pytest.mark.parametrize(
    ("runs", "places"),
    [
        ([(3, 0)], [0, 1, 2, END]),
        ([(2, 0), (2, 2)], [0, 1, 2, 3, END]),
        ([(2, 0), (2, 5)], [0, 1, 5, 6, END]),
        ([(1, 4), (1, 6), (1, 7)], [4, 6, 7, END]),
        ([], [END]),
    ],
)
def test_place(runs, places):
    line = Line(None)
    for size, place in runs:
        line.grow(size, place)
    assert [line.place(at) for at in range(len(places))] == places
