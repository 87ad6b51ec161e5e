"""Patterns: RE2, saying something, and how long they may grow."""

import time

import pytest

from guardproxy.policy.expressions import bounded, pattern
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import parse


def checked(source, quote="'"):
    problems = Problems()
    text = source.replace("'", "''") if quote == "'" else source
    node = parse(f"pattern: {quote}{text}{quote}\n".encode(), "f.yaml", problems).get("pattern")
    return pattern(node, problems), problems.rows


@pytest.mark.parametrize(
    ("source", "construct", "column"),
    [
        (r"(kite)\1", "a back-reference", 17),
        (r"(?P<k>kite)(?P=k)", "a back-reference", 22),
        (r"(?=kite)k", "look-ahead", 11),
        (r"kite(?!s)", "look-ahead", 15),
        (r"(?<=a)kite", "look-behind", 11),
        (r"(?<!a)kite", "look-behind", 11),
        (r"(?>kite)", "an atomic group", 11),
        (r"kite++", "a possessive quantifier", 16),
        (r"(?(1)a|b)", "a condition", 11),
        (r"[(?=]kite(?=s)", "look-ahead", 20),
        (r"\(?=kite\1", "a back-reference", 19),
    ],
)
def test_constructs_of_other_engines(source, construct, column):
    value, [row] = checked(source)
    assert value is None
    assert (row.code, row.column) == ("GP214", column)
    assert construct in row.message


@pytest.mark.parametrize(
    "source", ["([", "(kite", "kite)", "[z-a]", "a{2,1}", "*a", r"\8", "a{1001}", r"\p{Nope}", "(?z)a"]
)
def test_broken(source):
    value, rows = checked(source)
    assert value is None
    assert [r.code for r in rows] == ["GP214"]


@pytest.mark.parametrize("source", [".*", ".", "e", "", "a*", "(kite)?", "^", r"\b", "[a-z]", "(?i)THE|E"])
def test_says_nothing(source):
    _, rows = checked(source)
    assert [r.code for r in rows if r.is_error] == ["GP108" if not source else "GP215"]


@pytest.mark.parametrize(
    "source", [r"\bHX-[0-9]{4}-[A-Z]{4}\b", "^(a+)+$", r"(?i)kite", r"\p{Han}{2}", "[]a]x", "kite|b1"]
)
def test_accepted(source):
    value, rows = checked(source)
    assert value == source
    assert not [r for r in rows if r.is_error]


@pytest.mark.parametrize(
    ("source", "is_bounded"),
    [
        ("kite", True),
        ("kite{2,3}", True),
        ("kite?", True),
        (r"kite\+", True),
        ("[+*]", True),
        ("[]+*]", True),
        ("[^]+]", True),
        ("[[:alpha:]+]", True),
        (r"\Qa+b*\E", True),
        ("kite+", False),
        ("kite*?", False),
        ("kite{3,}", False),
        (r"\\+", False),
        ("[a]+", False),
        ("(?:a)+", False),
    ],
)
def test_bounded(source, is_bounded):
    assert bounded(source) is is_bounded


def test_too_long():
    _, [row] = checked("k" * 1001)
    assert row.code == "GP108"


def test_places_in_quotes():
    _, [row] = checked("it's(?=x)")
    assert row.column == len("pattern: 'it''s") + 1
    _, [row] = checked("its(?=x)", '"')
    assert row.column == len('pattern: "its') + 1


def test_hostile_patterns_are_checked_in_time():
    began = time.process_time()
    for source in ("(a+)+" * 100, "((((((a{1,9}){1,9}){1,9}){1,9}){1,9}){1,9})", "[" * 900, "(?:" * 300, "\\" * 999):
        checked(source)
    assert time.process_time() - began < 2
