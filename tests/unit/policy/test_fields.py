"""Typed members of a mapping: each mistake has its code."""

from datetime import date

import pytest

from guardproxy.policy import fields
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import parse


def node_of(text):
    return parse(text.encode(), "x.yaml", Problems())


def codes(call, text):
    problems = Problems()
    value = call(node_of(text), problems)
    return value, [p.code for p in problems]


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("a: b", "b", []),
        ('a: "  b "', "b", []),
        ("a: 12", "", ["GP105"]),
        ("a: [b]", "", ["GP105"]),
        ("c: d", "", ["GP101"]),
    ],
)
def test_text(text, value, found):
    assert codes(lambda n, p: fields.text(n, "a", p), text) == (value, found)


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("a: 3", 3, []),
        ("a: 0", 1, ["GP109"]),
        ("a: true", 1, ["GP105"]),
        ('a: "3"', 1, ["GP105"]),
        ("b: 3", 1, ["GP101"]),
    ],
)
def test_whole(text, value, found):
    assert codes(lambda n, p: fields.whole(n, "a", p), text) == (value, found)


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("a: 2026-11-24", date(2026, 11, 24), []),
        ("a: null", None, []),
        ("b: 1", None, []),
        ("a: 24.11.2026", None, ["GP105"]),
        ("a: 12", None, ["GP105"]),
    ],
)
def test_day(text, value, found):
    assert codes(lambda n, p: fields.day(n, "a", p), text) == (value, found)


@pytest.mark.parametrize(("text", "found"), [("a: {b: c}", []), ("a: b", ["GP105"]), ("b: c", ["GP101"])])
def test_mapping(text, found):
    assert codes(lambda n, p: fields.mapping(n, "a", p), text)[1] == found


@pytest.mark.parametrize(
    ("text", "found"), [("guardproxy: x/v1", []), ("guardproxy: x/v2", ["GP102"]), ("a: b", ["GP101"])]
)
def test_version(text, found):
    assert codes(lambda n, p: fields.version(n, "x/v1", p), text)[1] == found


def test_an_unknown_key_has_a_place_and_a_hint():
    problems = Problems()
    kept = fields.only(node_of("neutral: a\nneutrall: b\n"), ("neutral", "warm"), problems)
    (row,) = problems.rows
    assert [e.key for e in kept] == ["neutral"]
    assert (row.code, row.place.line, row.hint) == ("GP104", 2, 'did you mean "neutral"?')
