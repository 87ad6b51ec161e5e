"""The visible policy files of the case kit: refused for the stated reason at the stated line, or loaded."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from guardproxy.detectors.embedded import embedded_info
from guardproxy.detectors.registry import inspector, toolbox
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check

CASES = Path(__file__).parents[4] / "shared" / "cases" / "policy_files"
REFERENCE = CASES.parents[1] / "design" / "policy-language.md"
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


@pytest.mark.skipif(not REFERENCE.exists(), reason="the design pages are not beside the checkout")
@pytest.mark.parametrize("name", ["canary", "support-chat"])
def test_the_policies_of_the_reference_load_and_pass_their_own_tests(tmp_path, name):
    page = REFERENCE.read_text(encoding="utf-8")
    (block,) = [b for b in page.split("```yaml\n") if f"\npolicy: {name}\n" in b.partition("```")[0]]
    (tmp_path / f"{name}.yaml").write_text(block.partition("```")[0], encoding="utf-8")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "internal-names.txt").write_text("velvet lighthouse\n")
    checked = check(
        [tmp_path / f"{name}.yaml"], replace(WORLD, detectors=(*BOX.infos, embedded_info())), inspector(BOX)
    )
    assert [str(problem) for problem in checked.errors] == []
    assert {result.state for run in checked.runs for result in run.results} == {"passed"}
