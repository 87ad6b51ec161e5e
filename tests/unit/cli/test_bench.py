"""`guardproxy bench evasion`: formats, exit codes, wrong usage; the run itself is `make evasion`."""

from __future__ import annotations

import json

import pytest
import typer

from guardproxy.cli import bench
from guardproxy.errors import UsageError
from guardproxy.testing import evasion_bench, evasion_page, reading_cost
from guardproxy.testing.evasion_bench import FamilyRow, HarmlessRow, Result


def result(found):
    row = FamilyRow("case", promised=True, cases=1, on_input=found, on_output=found)
    return Result(7, 2, [row], [HarmlessRow("prose", 3)])


@pytest.mark.parametrize(("found", "code"), [(1, 0), (0, 1)])
def test_json_and_exit_code(monkeypatch, capsys, found, code):
    monkeypatch.setattr(evasion_bench, "run", lambda seed, each, kit: result(found))
    with pytest.raises(typer.Exit) as left:
        bench.evasion(seed=7, each=2, cases=None, output="json")
    assert left.value.exit_code == code
    assert json.loads(capsys.readouterr().out)["families"][0]["on_input"] == found


def test_the_page_holds_both_tables_and_the_cost(monkeypatch):
    monkeypatch.setattr(evasion_page, "cost_lines", lambda: iter(["| prose | 9 | 1.0 |"]))
    page = "\n".join(evasion_page.page(result(1)))
    assert "seed 7, 2 cases" in page
    assert "| case | 1 | 1 | 1 | 0 |  |" in page
    assert "| prose | 3 | 0 |" in page
    assert "| prose | 9 | 1.0 |" in page


def test_costs_are_told_for_every_kind():
    measured = reading_cost.costs(200)
    assert measured.keys() == reading_cost.texts(200).keys()
    assert all(seconds >= 0 for seconds in measured.values())


def test_wrong_usage_names_the_way_out(tmp_path):
    with pytest.raises(UsageError, match="use table, json or page"):
        bench.evasion(seed=1, each=1, cases=None, output="xml")
    with pytest.raises(UsageError, match=r"no canaries\.json"):
        bench.evasion(seed=1, each=1, cases=tmp_path, output="table")
