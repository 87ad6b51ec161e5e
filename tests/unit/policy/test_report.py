"""Reports for people and for machines."""

import json

import pytest

from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problem, Severity
from guardproxy.policy.report import FORMATS, as_text, render


@pytest.fixture
def row(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("first: 1\nrules:\n  - acton: x\n", encoding="utf-8")
    place = Source(str(file), 3, 5)
    return Problem(
        "GP104", place, 'unknown key "acton"', hint='did you mean "action"?', others=(Source(str(file), 1, 1),)
    )


def test_text_shows_line_caret_and_hint(row):
    assert as_text([row]).splitlines() == [
        f'{row.file}:3:5: GP104 error: unknown key "acton"',
        "      - acton: x",
        "        ^",
        '    hint: did you mean "action"?',
    ]


def test_text_without_a_file_or_with_a_long_line(tmp_path):
    gone = Problem("GP010", Source(str(tmp_path / "gone.yaml"), 1, 1), "cannot be read")
    assert as_text([gone]).count("\n") == 0
    file = tmp_path / "long.yaml"
    file.write_text("a: " + "[" * 5000)
    lines = as_text([Problem("GP006", Source(str(file), 1, 4000), "nested")]).splitlines()
    assert max(map(len, lines[1:])) < 200
    assert lines[1][lines[2].index("^")] == "["


def test_text_never_prints_control_characters(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"owner: x\x1b[31m\x00y\n")
    text = as_text([Problem("GP001", Source(str(file), 1, 9), "the control character U+001B")])
    assert all(c.isprintable() or c == "\n" for c in text)


def test_json(row):
    assert json.loads(render([row], "json")) == [
        {
            "file": row.file,
            "line": 3,
            "column": 5,
            "code": "GP104",
            "severity": "error",
            "message": 'unknown key "acton"',
            "hint": 'did you mean "action"?',
        }
    ]
    assert json.loads(render([], "json")) == []


def test_sarif(row):
    run = json.loads(render([row], "sarif"))["runs"][0]
    [result] = run["results"]
    assert (result["ruleId"], result["level"]) == ("GP104", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 5}
    assert run["tool"]["driver"]["rules"] == [{"id": "GP104"}]


def test_github(row):
    line = render([Problem(row.code, row.place, "50% of\nit", Severity.WARNING)], "github")
    assert line == f"::warning file={row.file},line=3,col=5,title=GP104::50%25 of%0Ait"


def test_every_format_knows_nothing(row):
    assert [render([], form) == "" for form in FORMATS] == [True, False, False, True]
