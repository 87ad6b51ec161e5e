"""Letters set apart, put together again."""

from __future__ import annotations

import pytest

from guardproxy.core.canonical.join import dehyphened, joined, single_runs
from guardproxy.core.canonical.offsets import View


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("see b l u e now", ["blue"]),
        ("b.l.u.e", ["blue"]),
        ("['b', 'l', 'u', 'e']", ["blue"]),
        ("B F-2 9 3 1", ["BF2931"]),
        ("blue finch", []),
        ("I saw a x", []),
        ("关于青 鸟 计 划的", ["关于青鸟计划的"]),
    ],
)
def test_single_runs(text, runs):
    assert ["".join(text[i] for i in run) for run in single_runs(text)] == runs


def test_the_commonest_mark_goes():
    text = "B F-2 9 3 1-7 7 x"
    assert joined(View("plain", text), tuple(map(tuple, single_runs(text)))).text == "BF-2931-77x"


@pytest.mark.parametrize(
    ("text", "whole"),
    [("blue-finch", "bluefinch"), ("blue-\nfinch", "bluefinch"), ("a - b", "a - b"), ("x--y", "x--y")],
)
def test_dehyphened(text, whole):
    assert dehyphened(View("plain", text)).text == whole
