"""Sheets: medians, ratios, and the way through JSON."""

import pytest

from guardproxy.testing.bench.sheet import Sheet


def filled():
    sheet = Sheet("make bench", load=1.5, notes={"LiteLLM": "as it ships"})
    for value in (3.0, 1.0, 2.0):
        sheet.add("one", "cost", value)
        sheet.add("other", "cost", 10 * value)
    sheet.add("nothing", "cost", 0.0)
    return sheet


def test_medians_and_ratios():
    sheet = filled()
    assert sheet.median("one", "cost") == 2.0
    assert sheet.ratio("other", "one", "cost") == pytest.approx(10.0)


@pytest.mark.parametrize(("over", "under"), [("one", "nobody"), ("nobody", "one"), ("one", "nothing")])
def test_what_was_not_measured_has_no_ratio(over, under):
    assert filled().ratio(over, under, "cost") is None


def test_json_keeps_every_round(tmp_path):
    sheet = filled()
    sheet.write(tmp_path / "x" / "bench.json")
    assert Sheet.read(tmp_path / "x" / "bench.json") == sheet


def test_it_says_where_and_when_it_was_made():
    assert all(part in filled().made for part in ("`make bench`", "cores", "load 1.5"))
