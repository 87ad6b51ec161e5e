"""The tree in code and the tree on the page are one."""

from pathlib import Path

import pytest

from guardproxy.core import hazards
from guardproxy.core.conversation import Stage

PAGE = Path(__file__).parents[4] / "shared" / "design" / "taxonomy.md"


def test_there_are_at_most_twenty_metric_labels():
    assert len(hazards.TOP_LEVEL) == 20
    assert len(hazards.LEAVES) == 46


OWN = {"unscannable.language"}
"""Ours, not on the page yet: what the reserved rule `language` of `uncovered_language` reports."""


PAGED = [h for h in hazards.LEAVES if h.id not in OWN]


@pytest.mark.skipif(not PAGE.exists(), reason="the design pages are not part of a clone")
def test_every_row_of_the_page_is_here():
    part = PAGE.read_text(encoding="utf-8").partition("## 2.")[2].partition("## 3.")[0]
    rows = [[c.strip() for c in line.split("|")[1:5]] for line in part.splitlines() if line.startswith("| `")]
    assert [r[0].strip("`") for r in rows] == [h.id for h in PAGED]
    assert [r[1].replace("`", "") for r in rows] == [h.definition for h in PAGED]
    assert [int(r[3]) for r in rows if r[3].isdigit()] == [h.severity for h in PAGED if h.family]


@pytest.mark.parametrize(
    ("hazard", "severity"), [("crime", 3), ("crime.fraud", 2), ("custom.codename", 1), ("nonsense", 0)]
)
def test_severity(hazard, severity):
    assert hazards.severity_of(hazard) == severity


@pytest.mark.parametrize(
    ("hazard", "stages"),
    [
        ("attack.injection", {Stage.INPUT}),
        ("attack", {Stage.INPUT, Stage.OUTPUT}),
        ("quality.evasive", {Stage.OUTPUT}),
        ("hate", {Stage.INPUT, Stage.OUTPUT}),
    ],
)
def test_stages(hazard, stages):
    assert hazards.stages_of(hazard) == stages


@pytest.mark.parametrize(
    ("hazard", "stage", "crisis"),
    [
        ("self_harm.intent", Stage.INPUT, True),
        ("self_harm", Stage.INPUT, True),
        ("self_harm.intent", Stage.OUTPUT, False),
        ("self_harm.instructions", Stage.INPUT, False),
    ],
)
def test_crisis(hazard, stage, crisis):
    assert hazards.is_crisis(hazard, stage) == crisis
