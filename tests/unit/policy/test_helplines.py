"""Help lines: data with an expiry date."""

from datetime import date
from pathlib import Path

import pytest

from guardproxy.policy.helplines import check_helplines, plausible, read_helplines
from guardproxy.policy.problems import Problems

SHIPPED = Path(__file__).parents[3] / "policies" / "data" / "helplines.yaml"
TODAY = date(2026, 11, 24)
HEAD = "guardproxy: helplines/v1\nrevision: 1\nlines:\n"
ENTRY = (
    '  - {id: x-1, country: US, kind: crisis, name: {en: Listeners}, phone: "988", hours: "24/7", '
    "languages: [en], source: the operator, verified_on: 2026-11-01, expires_on: 2027-03-01}\n"
)


def codes(tmp_path, text, reader=read_helplines, today=TODAY):
    file, problems = tmp_path / "helplines.yaml", Problems()
    file.write_text(text, encoding="utf-8")
    reader(file, today, problems)
    return [(p.code, str(p.severity)) for p in problems]


def test_the_shipped_lines_are_sound_and_none_is_shown():
    problems = Problems()
    lines = read_helplines(SHIPPED, TODAY, problems)
    check_helplines(SHIPPED, TODAY, problems)
    assert problems.rows == []
    assert len(lines) >= 25
    assert [line.id for line in lines if line.valid(TODAY)] == []


def test_a_checked_line_is_read(tmp_path):
    file = tmp_path / "helplines.yaml"
    file.write_text(HEAD + ENTRY, encoding="utf-8")
    (line,) = read_helplines(file, TODAY, Problems())
    assert line.valid(TODAY)
    assert line.shown_as("en") == "Listeners: 988 (24/7)"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("helplines/v1", "helplines/v2", "GP102"),
        ("kind: crisis", "kind: crises", "GP208"),
        ("country: US, ", "", "GP101"),
        ("source: the operator, ", "", "GP505"),
        ("expires_on: 2027-03-01", "expires_on: null", "GP109"),
        ("expires_on: 2027-03-01", "expires_on: 2028-03-01", "GP109"),
        ("expires_on: 2027-03-01", "expires_on: 2026-10-01", "GP109"),
        ("verified_on: 2026-11-01", "verified_on: yesterday", "GP105"),
        ("languages: [en]", "languages: [e!]", "GP501"),
        ("hours:", "ours:", "GP104"),
        ('phone: "988"', "phone: 988", "GP105"),
    ],
)
def test_each_mistake_has_its_code(tmp_path, old, new, code):
    text = HEAD + ENTRY
    assert old in text
    assert (code, "error") in codes(tmp_path, text.replace(old, new))


def test_an_id_stands_once(tmp_path):
    assert codes(tmp_path, HEAD + ENTRY + ENTRY) == [("GP107", "error")]


@pytest.mark.parametrize(
    ("today", "loading", "linting"),
    [
        (date(2026, 12, 1), [], []),
        (date(2027, 2, 15), [], [("GP505", "warning")]),
        (date(2027, 3, 1), [("GP505", "warning")], [("GP505", "error")]),
    ],
)
def test_expiry_warns_at_load_and_fails_the_linter(tmp_path, today, loading, linting):
    assert codes(tmp_path, HEAD + ENTRY, today=today) == loading
    assert codes(tmp_path, HEAD + ENTRY, check_helplines, today) == linting


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("expires_on: 2027-03-01", "expires_on: 2027-02-31", "GP105"),
        ("kind: crisis", "kind: chat", "GP208"),
        ("source: the operator, ", "", "GP505"),
        ("  - {id", "\t- {id", "GP002"),
    ],
)
def test_what_keeps_the_service_from_starting_fails_the_linter(tmp_path, old, new, code):
    text = (HEAD + ENTRY).replace(old, new)
    assert (code, "error") in codes(tmp_path, text, check_helplines)
    assert (code, "error") in codes(tmp_path, text)


def test_a_number_of_another_plan_fails_the_linter(tmp_path):
    wrong = ENTRY.replace('"988"', '"12"')
    assert codes(tmp_path, HEAD + wrong, check_helplines) == [("GP505", "error")]


@pytest.mark.parametrize(
    ("number", "country", "known"),
    [
        ("988", "US", True),
        ("0800 111 0 111", "DE", True),
        ("109", "KR", True),
        ("988", "DE", False),
        ("x", "US", False),
    ],
)
def test_plausible(number, country, known):
    assert plausible(number, country) is known
