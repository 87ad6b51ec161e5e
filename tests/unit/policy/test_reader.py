"""YAML of ours: what is read, what is refused, and where the report points."""

import os
import time
import timeit

import pytest

from guardproxy.errors import PolicyError
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import parse, plain, read, read_into


def parsed(raw):
    problems = Problems()
    node = parse(raw if isinstance(raw, bytes) else raw.encode(), "f.yaml", problems)
    return node, problems.rows


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", 1),
        ("a: -1", -1),
        ("a: 0.40", 0.4),
        ("a: true", True),
        ("a: yes", "yes"),
        ("a: no", "no"),
        ("a: on", "on"),
        ("a: True", "True"),
        ("a: 12:30", "12:30"),
        ("a: 2027-03-31", "2027-03-31"),
        ("a: 1.2.3", "1.2.3"),
        ("a: '0777'", "0777"),
        ('a: "1e5"', "1e5"),
        ("a: ~", None),
        ("a: null", None),
        ("a:", None),
        ("a: {u: How are you?, e: 1}", {"u": "How are you?", "e": 1}),
        ("a: [why?, b]", ["why?", "b"]),
        ('{"a":{"b":[1,"c"]}}', {"b": [1, "c"]}),
        ("a: |\n  one\n  two\n", "one\ntwo\n"),
        ("---\na: x\n...\n", "x"),
        ("a: 'it''s'", "it's"),
        ("a: ١٢", "١٢"),
    ],
)
def test_values(text, value):
    node, rows = parsed(text)
    assert not rows
    assert plain(node) == {"a": value}


def test_bom_and_crlf():
    node, rows = parsed(b"\xef\xbb\xbfa: 1\r\nb: [x, y]\r\n")
    assert not rows
    assert plain(node) == {"a": 1, "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("raw", "code", "line", "column"),
    [
        (b"a: caf\xe9\n", "GP001", 1, 7),
        ("a: 1\n".encode("utf-16"), "GP001", 1, 1),
        ("a: 1\n".encode("utf-32"), "GP001", 1, 1),
        ("a: 1\nb: x\x00y\n", "GP001", 2, 5),
        ("a: \x85\n", "GP001", 1, 4),
        ("a: x\u2028y\n", "GP001", 1, 5),
        ('a: "\\ud800"\n', "GP001", 1, 7),
        ("a:\n\t- b\n", "GP002", 2, 1),
        ("a: 'x\n", "GP002", 1, 4),
        ("a: [b\n", "GP002", 2, 1),
        ("a: b: c\n", "GP002", 1, 5),
        ("a: @x\n", "GP002", 1, 4),
        ("? [a]\n: 1\n", "GP002", 1, 3),
        ("a: 1\na: 2\n", "GP003", 2, 1),
        ('{"a": 1,\n "a": 2}', "GP003", 2, 2),
        ("a: {b: 1, b: 2}\n", "GP003", 1, 11),
        ("a: &x 1\n", "GP004", 1, 4),
        ("a: *x\n", "GP004", 1, 4),
        ("a:\n  <<: {b: 1}\n", "GP004", 2, 3),
        ("a: !!str 1\n", "GP004", 1, 4),
        ("a: !include x\n", "GP004", 1, 4),
        ("a: ! x\n", "GP004", 1, 4),
        ("!!map {a: 1}\n", "GP004", 1, 1),
        ("%YAML 1.2\n---\na: 1\n", "GP004", 1, 1),
        ("%FOO bar\n---\na: 1\n", "GP004", 1, 5),
        ("a: 1\n---\nb: 2\n", "GP005", 2, 1),
        ("a: 1\n---\n", "GP005", 2, 1),
        ("a: " + "[" * 13 + "]" * 13, "GP006", 1, 15),
        ("", "GP007", 1, 1),
        ("# nothing\n", "GP007", 1, 1),
        ("---\n", "GP007", 1, 1),
        ("- a\n", "GP007", 1, 1),
        ("just text\n", "GP007", 1, 1),
        ("~\n", "GP007", 1, 1),
    ],
)
def test_refused(raw, code, line, column):
    _, rows = parsed(raw)
    assert [(r.code, r.line, r.column) for r in rows] == [(code, line, column)]


@pytest.mark.parametrize(
    "spelling", ["0777", "00", "1e5", "9e-1", "1_000", "0x1F", "0o17", "0b1", ".5", "1.", "+1", ".inf", "-.inf", ".NaN"]
)
def test_numbers_in_other_forms(spelling):
    node, rows = parsed(f"a: 1\nb: {spelling}\n")
    assert [(r.code, r.line, r.column) for r in rows] == [("GP009", 2, 4)]
    assert node.get("b").broken


def test_a_pair_names_both_places():
    _, [row] = parsed("a: 1\nb: 2\na: 3\n")
    assert row.others[0].line == 1
    assert "line 1" in row.message


def test_twelve_levels_are_fine():
    _, rows = parsed("a: " + "[" * 11 + "]" * 11)
    assert not rows


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000 + "]" * 5000,
        "a: " + "{a: " * 5000,
        "\n".join([f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(10)]),
        "a: " + "- " * 5000,
    ],
)
def test_bombs_fail_at_once(text):
    began = time.process_time()
    node, rows = parsed(text)
    assert rows
    assert node is None
    assert time.process_time() - began < 0.1


def test_two_thousand_rules_are_read_in_time():
    rule = "  - id: rule-{0}\n    about: The rule number {0}.\n    words: [word {0}]\n    on_match: refuse\n"
    text = "rules:\n" + "".join(rule.format(n) for n in range(2000))
    node, _ = parsed(text)
    assert len(node.get("rules").items) == 2000
    assert (
        min(timeit.repeat(lambda: parsed(text), time.process_time, number=1, repeat=3)) < 1
    )  # others disturb a single one


def test_too_large(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_bytes(b"# " + b"x" * (1 << 20))
    with pytest.raises(PolicyError, match="GP006"):
        read(file)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "loop", "outside"])
def test_not_a_file_of_ours(tmp_path, kind):
    folder = tmp_path / "policies"
    folder.mkdir()
    file = folder / "a.yaml"
    if kind == "folder":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "loop":
        file.symlink_to("b.yaml")
        (folder / "b.yaml").symlink_to("a.yaml")
    elif kind == "outside":
        (tmp_path / "secret.yaml").write_text("a: 1\n")
        file.symlink_to("../secret.yaml")
    problems = Problems()
    assert read_into(file, problems, within=folder) is None
    assert [r.code for r in problems] == ["GP010"]


def test_links_inside_the_folder_are_followed(tmp_path):
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert plain(read(tmp_path / "a.yaml", within=tmp_path)) == {"a": 1}


def test_the_exception_lists_every_problem(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\na: 2\nb: 0777\n")
    with pytest.raises(PolicyError) as caught:
        read(file)
    assert "a.yaml:2:1: GP003 error" in caught.value.report
    assert "a.yaml:3:4: GP009 error" in caught.value.report
    assert len(caught.value.problems) == 2


def test_places_of_members(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("first: x\nsecond:\n  - y\n")
    node = read(file)
    assert (node.place_of("second").line, node.get("second").items[0].column) == (2, 5)
    assert node.place_of("third") == node.place
    assert node.get("third") is None


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        ("about: One: two\n", "stands in quotes"),
        ("- id: a\n   about: b\n", "too far right or left"),
        ("a: 'x\n", "close the quote"),
        ("a: @x\n", "begins with a special sign"),
        ('a: "\\d"\n', "single quotes"),
        ("a: [b c: d]\nb: {c d: e f: g}\n", "commas between them"),
    ],
)
def test_what_the_parser_says_comes_with_a_way_out(raw, hint):
    problems = Problems()
    parse(raw.encode(), "f.yaml", problems)
    assert problems.rows[0].code == "GP002"
    assert hint in problems.rows[0].hint
