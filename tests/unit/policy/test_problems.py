"""Rows of a report."""

from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problems, failed


def test_sorted_by_place_and_each_once():
    problems = Problems()
    problems.error("GP104", Source("b.yaml", 1, 1), "later")
    problems.warning("GP706", Source("a.yaml", 9, 1), "second")
    problems.error("GP105", Source("a.yaml", 2, 1), "first")
    problems.error("GP105", Source("a.yaml", 2, 1), "first")
    assert [row.code for row in problems.sorted()] == ["GP105", "GP706", "GP104"]
    assert [row.code for row in problems.errors] == ["GP104", "GP105", "GP105"]


def test_the_exception_carries_the_report():
    problems = Problems()
    problems.error("GP104", Source("a.yaml", 3, 7), 'unknown key "acton"', 'did you mean "action"?')
    error = failed(problems)
    assert str(error) == 'a.yaml:3:7: GP104 error: unknown key "acton"'
    assert error.report.endswith('hint: did you mean "action"?')
    assert error.problems == tuple(problems)
