"""The gate: what it lets pass, and that each figure can fail it."""

import pytest

from guardproxy.testing.bench.gate import BOUNDS, MARGIN, faults

RECORDED = dict.fromkeys(MARGIN, 100.0)
FOUND = {**RECORDED, **BOUNDS}


def test_what_was_recorded_passes():
    assert faults(FOUND, RECORDED) == []


def test_what_became_cheaper_passes():
    assert faults(dict.fromkeys(FOUND, 0.1), RECORDED) == []


@pytest.mark.parametrize("name", sorted(MARGIN))
def test_what_became_dearer_does_not(name):
    found = {**FOUND, name: RECORDED[name] * MARGIN[name] * 1.01}
    assert [one.partition(":")[0] for one in faults(found, RECORDED)] == [name]


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_what_is_over_a_bound_does_not(name):
    assert [one.partition(":")[0] for one in faults({**FOUND, name: BOUNDS[name] * 1.01}, RECORDED)] == [name]


@pytest.mark.parametrize("name", sorted(FOUND))
def test_a_figure_that_is_missing_does_not(name):
    found = {key: value for key, value in FOUND.items() if key != name}
    assert [one.partition(":")[0] for one in faults(found, RECORDED)] == [name]
    if name in RECORDED:
        assert faults(FOUND, {key: value for key, value in RECORDED.items() if key != name})
