"""Raw HTTP before a real proxy: the case kit, some of every generated family, hasty callers. `make protocol` has more."""

from __future__ import annotations

import pytest

from guardproxy.testing.protocol.__main__ import play_all, policy_in
from guardproxy.testing.protocol.families import generated
from guardproxy.testing.protocol.play import house
from guardproxy.testing.protocol.pressure import CROWDED, HASTY, press_time, press_weight
from guardproxy.testing.protocol.raw import visible

from .conftest import CASES


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("protocol")
    with house(folder / "raw", policy_in(folder)) as running:
        yield running


def test_the_case_kit_is_held(opened):
    raws = visible(CASES)
    if not raws:
        pytest.skip("the case kit is not part of a clone")
    assert play_all(opened, raws).faults == []


def test_generated_requests_are_held(opened):
    tally = play_all(opened, generated(seed=20, each=3))
    assert tally.faults == []
    assert sum(tally.cases.values()) == 75


@pytest.mark.parametrize(("press", "pace"), [(press_time, HASTY), (press_weight, CROWDED)])
def test_callers_who_press_are_let_go(tmp_path, press, pace):
    with house(tmp_path / "pressed", policy_in(tmp_path), pace.environment()) as running:
        pressed = press(running, pace)
    assert [(one.name, one.held, one.note) for one in pressed if one.held != one.callers] == []
