"""The visible policy files of the case kit: refused for the stated reason at the stated line, or loaded."""

import json
from datetime import date
from pathlib import Path

import pytest

from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check

CASES = Path(__file__).parents[4] / "shared" / "cases" / "policy_files"
TODAY = date(2026, 11, 24)
BOX = toolbox()
WORLD = World(detectors=BOX.infos, today=TODAY, settled=False)


def rows():
    manifest = CASES / "manifest.jsonl"
    if not manifest.exists():
        return []
    found = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    return [row for row in found if row.get("valid_until", "9999") >= TODAY.isoformat()]


@pytest.mark.skipif(not rows(), reason="the case kit is not beside the checkout")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_case(row):
    checked = check([CASES / row["file"]], WORLD, inspector(BOX))
    codes = {problem.code for problem in checked.errors}
    if row["expect"] == "loads":
        assert not codes
        return
    if row["expect"] == "either":
        assert not codes or codes <= {"GP503", "GP504", "GP616", "GP620"}
        return
    assert codes & set(row["code"])
    assert codes <= set(row["code"]) | set(row.get("also", []))
    if "line" in row:
        assert row["line"] in {problem.line for problem in checked.errors if problem.code in row["code"]}


@pytest.mark.skipif(not rows(), reason="the case kit is not beside the checkout")
def test_a_cycle_names_all_files():
    checked = check([CASES / "sets" / "set-cycle"], WORLD, inspector(BOX))
    [problem] = checked.errors
    assert "one.yaml" in problem.message
    assert "two.yaml" in problem.message
