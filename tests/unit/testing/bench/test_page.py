"""docs/performance.md is what docs/bench says."""

from guardproxy.testing.bench.page import FOLDER, PAGE, number, page, ratios, readme, table
from guardproxy.testing.bench.sheet import Sheet


def sheet():
    made = Sheet("make bench")
    made.add("guardproxy", "cpu_us_c64", 100.0)
    made.add("guardproxy", "paced_us", 50.0)
    made.add("Envoy", "cpu_us_c64", 93.6)
    made.add("direct", "p50_ms", 0.02)
    return made


def test_the_page_is_of_these_figures():
    assert PAGE.read_text(encoding="utf-8") == page(FOLDER)


def test_a_table_has_a_row_for_each_subject_and_a_dash_for_what_is_missing():
    head, _, *rows = table(sheet()).splitlines()
    assert head == "| | CPU µs/request, c=64 | SSE events per core-second |"
    assert rows == ["| guardproxy | 100 | 20 000 |", "| Envoy | 94 | – |"]


def test_ratios_are_times_of_ours():
    assert "| Envoy | 0.94 × | – |" in ratios(sheet())


def test_the_readme_has_the_table_and_where_it_comes_from():
    assert readme(sheet()).startswith(table(sheet()))
    assert "`make bench`, " in readme(sheet())


def test_numbers_say_no_more_than_they_know():
    assert [number(v, d) for v, d in ((12_345.6, 0), (9_876.5, 0), (0.123, 2))] == ["12 300", "9 876", "0.12"]
