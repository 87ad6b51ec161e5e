"""The types of the language: nothing is converted."""

from datetime import date

import pytest

from guardproxy.core.rules import Source
from guardproxy.policy import values
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node, parse
from guardproxy.policy.values import Field, Key, members, plain_value

HERE = Source("f.yaml", 1, 4)


def read(reader, text):
    problems = Problems()
    node = parse(f"a: {text}\n".encode(), "f.yaml", problems).get("a")
    return reader(node, problems), [row.code for row in problems]


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (values.text(2, 5), "abc", "abc"),
        (values.text(2, 5), '"a\\nb"', "a\nb"),
        (values.ident, "two-words", "two-words"),
        (values.whole(1, 3), "3", 3),
        (values.number(0, 1), "0.25", 0.25),
        (values.number(0, 1), "1", 1.0),
        (values.flag, "false", False),
        (values.choice("log", "warn"), "warn", "warn"),
        (values.duration(200, 30_000), "1500ms", 1500),
        (values.duration(200, 30_000), "2s", 2000),
        (values.duration(0, values.DAY_MS), "24h", values.DAY_MS),
        (values.day, "2028-02-29", date(2028, 2, 29)),
        (values.listed(values.ident, 3), "[a, b]", ("a", "b")),
        (values.locale_tag, "pt-br", "pt-BR"),
        (values.locale_tag, "no", "no"),
    ],
)
def test_accepted(reader, text, value):
    assert read(reader, text) == (value, [])


@pytest.mark.parametrize(
    ("reader", "text", "code"),
    [
        (values.text(2, 5), "a", "GP108"),
        (values.text(2, 5), "abcdef", "GP108"),
        (values.text(2, 5), "12", "GP105"),
        (values.text(2, 5), "true", "GP105"),
        (values.text(2, 5), "[a]", "GP105"),
        (values.text(2, 9), '"a\\u0007b"', "GP001"),
        (values.text(2, 9), '"a\\tb"', None),
        (values.ident, "Two", "GP106"),
        (values.ident, "two_words", "GP106"),
        (values.ident, "two--words", "GP106"),
        (values.ident, "-two", "GP106"),
        (values.ident, "2two", "GP106"),
        (values.ident, "a" * 65, "GP106"),
        (values.ident, "zwölf", "GP106"),
        (values.file_name, "../x", "GP313"),
        (values.file_name, "/etc/passwd", "GP313"),
        (values.file_name, "https://example.org/p", "GP313"),
        (values.file_name, "C:x", "GP313"),
        (values.file_name, "..", "GP313"),
        (values.file_name, "Base", "GP106"),
        (values.whole(1, 3), "4", "GP109"),
        (values.whole(1, 3), "1.0", "GP105"),
        (values.whole(1, 3), '"1"', "GP105"),
        (values.whole(0, 3), "true", "GP105"),
        (values.number(0, 1), "1.5", "GP109"),
        (values.number(0, 1), "x", "GP105"),
        (values.flag, "no", "GP105"),
        (values.flag, "yes", "GP105"),
        (values.flag, "1", "GP105"),
        (values.choice("log", "warn"), "wran", "GP208"),
        (values.choice("log", "warn"), "1", "GP105"),
        (values.duration(200, 30_000), "1.5s", "GP105"),
        (values.duration(200, 30_000), "1500", "GP105"),
        (values.duration(200, 30_000), "1500 ms", "GP105"),
        (values.duration(200, 30_000), "1h", "GP109"),
        (values.day, "2027-02-30", "GP109"),
        (values.day, "31.03.2027", "GP105"),
        (values.day, "20270331", "GP105"),
        (values.listed(values.ident, 3), "[a, b, c, d]", "GP110"),
        (values.listed(values.ident, 3, least=1), "[]", "GP108"),
        (values.listed(values.ident, 3), "a", "GP105"),
        (values.listed(values.ident, 3), "[a, [b]]", "GP105"),
        (values.listed(values.ident, 3), "[a, ~]", "GP105"),
        (values.locale_tag, "x!", "GP501"),
        (values.locale_tag, "english", "GP501"),
    ],
)
def test_refused(reader, text, code):
    _, codes = read(reader, text)
    assert codes == ([code] if code else [])


def test_members_report_unknown_missing_and_empty():
    problems = Problems()
    node = parse(b"lvel: 1\nmode: ~\n", "f.yaml", problems)
    keys = {"level": Key(values.whole(1, 3), required=True), "mode": Key(values.flag)}
    assert members(node, keys, problems) == {}
    assert [(r.code, r.line) for r in problems] == [("GP104", 1), ("GP105", 2), ("GP101", 1)]
    assert problems.rows[0].hint == 'did you mean "level"?'


def test_plain_value():
    inner = {"x": Field(date(2027, 1, 1), Node("2027-01-01", HERE), HERE)}
    assert plain_value(Field(inner, Node((), HERE), HERE)) == {"x": "2027-01-01"}
    assert plain_value((1, "a", True, None)) == [1, "a", True, None]


@pytest.mark.parametrize(
    ("milliseconds", "spelled"), [(250, "250ms"), (30_000, "30s"), (values.DAY_MS, "1d"), (0, "0ms")]
)
def test_spell(milliseconds, spelled):
    assert values.spell(milliseconds) == spelled
