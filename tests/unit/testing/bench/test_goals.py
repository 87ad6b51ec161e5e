"""The goals table: which step a value reaches."""

import pytest

from guardproxy.testing.bench.goals import GOALS, Goal, table
from guardproxy.testing.bench.sheet import Sheet

BOUND = Goal("a bound", lambda sheet: sheet.median("x", "y"), (10, 5, 2), "{:.0f} ms")
LEAST = Goal("a least value", lambda sheet: sheet.median("x", "y"), (10, 20, 30), "{:.0f}", least=True)
LATER = Goal("no must", lambda sheet: sheet.median("x", "y"), (None, 20, None), "{:.0f}", least=True)


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (BOUND, 10.1, "**missed**"), (BOUND, 10, "must"), (BOUND, 5, "goal"), (BOUND, 1, "stretch"),
        (LEAST, 9.9, "**missed**"), (LEAST, 10, "must"), (LEAST, 29, "goal"), (LEAST, 30, "stretch"),
        (LATER, 9, "**missed**"), (LATER, 20, "goal"),
    ],
)  # fmt: skip
def test_the_furthest_step_that_is_reached(goal, value, met):
    assert goal.met(value) == met


def test_every_goal_has_a_row_and_what_was_not_measured_says_so():
    sheet = Sheet("a test")
    sheet.add("guardproxy", "cpu_us_c64", 150.0)
    sheet.add("Envoy", "cpu_us_c64", 100.0)
    rows = table(sheet).splitlines()[2:]
    assert len(rows) == len(GOALS)
    assert "| against bare Envoy | ≤ 3.3 × | ≤ 2.0 × | ≤ 1.0 × | 1.5 × | goal |" in rows
    assert sum("not measured" in row for row in rows) == len(GOALS) - 1


def test_steps_get_harder():
    for goal in GOALS:
        steps = [step for step in goal.steps if step is not None]
        assert sorted(steps, reverse=not goal.least) == steps
