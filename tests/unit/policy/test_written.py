"""Lists of mappings."""

from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import parse
from guardproxy.policy.values import Key, ident
from guardproxy.policy.written import twice, written_list

KEYS = {"id": Key(ident)}


def read(text, most=3):
    problems = Problems()
    return written_list(parse(text.encode(), "f.yaml", problems), "rules", KEYS, most, problems), problems


def test_items():
    found, problems = read("rules: [{id: a}, {id: b}]")
    assert [w.fields["id"].value for w in found] == ["a", "b"]
    assert not problems.rows
    assert found[1].place.column == 18


def test_not_a_list_too_long_and_no_mapping():
    assert [row.code for row in read("rules: {id: a}")[1]] == ["GP105"]
    assert [row.code for row in read("rules: [{}, {}, {}, {}]")[1]] == ["GP110"]
    assert [row.code for row in read("rules: [a, {id: b}]")[1]] == ["GP105"]
    assert read("other: 1") == ((), read("other: 1")[1])


def test_twice_names_the_first():
    found, problems = read("rules:\n- id: a\n- id: b\n- id: a\n")
    twice(found, "id", "rule", problems)
    [row] = problems.rows
    assert (row.code, row.line, row.others[0].line) == ("GP107", 4, 2)
