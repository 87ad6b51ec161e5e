"""Counts of one exchange: they are there, and the same twice."""

import pytest

from guardproxy.testing.bench.inside import Inside


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    with Inside(tmp_path_factory.mktemp("inside")) as one:
        yield one


def test_the_same_exchange_calls_the_same_functions(inside):
    first, second = inside.calls(), inside.calls()
    assert second.answer == pytest.approx(first.answer, rel=0.03)
    assert second.event == pytest.approx(first.event, rel=0.03)
    assert first.answer > 100
    assert 1 < first.event < first.answer
