"""Readers with a shape: whatever a reader takes, its shape takes."""

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardproxy.core.locale import canonical
from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import parse, plain
from guardproxy.policy.rulekeys import OVERRIDE, RULE, SELECTABLE
from guardproxy.policy.shaped import Shaped, a_list, closed, one_of, open_keys, shaped
from guardproxy.policy.testkeys import TEST, TURN
from guardproxy.policy.topkeys import (
    APPLIES,
    CONVERSATION,
    COOL_DOWN,
    DISCLOSURE,
    ESCALATION,
    EXCEPTION,
    MEMORY,
    OVERRIDES,
    REGENERATE,
    STREAMING,
    TOP,
    WHEN,
    WINDOW,
)
from guardproxy.policy.values import LOCALE

TABLES = {
    name: table
    for name, table in globals().items()
    if name.isupper() and isinstance(table, dict) and name not in ("TABLES", "LOCALE")
}
READERS = [(f"{name}.{key}", row.read) for name, table in TABLES.items() for key, row in table.items()]
VALUES = [
    *("1", "0", "2", "-1", "0.5", "1.7", "7000", "true", "yes", "''", '"\\n"', "a", "a-b", "A", "a_b", "../x", "'1'"),
    *("policy/v1", "tests/v1", "rest", "all", "never", "allow", "refuse", "warn", "enforce", "shadow", "closed", "open"),
    *("input", "[input]", "[input, output]", "[]", "[a]", "[1]", "['*']", "[paper kite]", "{list: kites}", "{list: ../x}"),
    *("250ms", "10m", "1h", "7d", "010m", "10 m", "2027-03-31", "2027-02-31", "31.3.2027", "en", "pt_br", "zh-Hans-CN"),
    *("custom", "custom.kites", "custom.", "pii.card_number", "Pii", "crime", "crime.fraud", "crime.*", "unscannable"),
    *("{log: 0.4}", "{log: 0.4, refuse: 0.9}", "{warn: never}", "{log: 0}", "{}", "{deny: 0.5}", "{refuse: a-rule}"),
    *("{refuse: a-rule, stage: output}", "{enforce: 1}", "{enforce: 1, shadow: 2}", "{routes: [a]}", "{words: [kites]}"),
    *("{first: 160, characters: 400}", "{tries: 2}", "{en: kites}", "{input: {crime: 0.4}}", "{input: kites}"),
    *("{add: [kites], remove: [herons]}", "{after: 3, within: 15m, lasts: 10m}", "{hazards: [crime], steps: {log: 1}}"),
    *('"' + "a" * 60 + '"', '"' + "a" * 1200 + '"', '"' + "a" * 1200 + '\\n"', '"' + "a" * 1300 + '"', "Why is it so?"),
    *("[{role: user, content: hello}]", "[{user: hello, expect: allow}]", "{mode: disabled}", "{hazard: crime}"),
    *("{hard: {en: I can't help with that here. I can help with something else.}}", "'\\bKITE-[0-9]{4}\\b'", "'(?=a)'"),
    *("160", "after", "leaf", "buffer", "general", "sentence", "[user]", "{instruction: Be kind.}", "[security]", "[security, brand]", "[other]", "quality", "self_harm.intent", "2000000"),
]  # fmt: skip


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    del tmp_path_factory
    found = []
    for value in VALUES:
        problems = Problems()
        root = parse(f"value: {value}\n".encode(), "example.yaml", problems)
        if root is not None and not problems.rows:
            found.append(root.get("value"))
    assert len(found) == len(VALUES)
    return found


@pytest.mark.parametrize(("name", "reader"), READERS, ids=[name for name, _ in READERS])
def test_a_shape_takes_what_its_reader_takes(nodes, name, reader):
    validator = jsonschema_rs.Draft202012Validator(dict(reader.shape))
    taken = 0
    for node in nodes:
        problems = Problems()
        reader(node, problems)
        if not problems.errors:
            taken += 1
            assert validator.is_valid(plain(node)), plain(node)
    assert taken, "no value of the list shows this reader"


def test_all_tables_are_there():
    assert {id(table) for table in TABLES.values()} == {
        id(table)
        for table in (
            *(APPLIES, CONVERSATION, COOL_DOWN, DISCLOSURE, ESCALATION, EXCEPTION, MEMORY, OVERRIDE, OVERRIDES),
            *(REGENERATE, RULE, STREAMING, TEST, TOP, TURN, WHEN, WINDOW),
        )
    }


@given(st.one_of(st.text(max_size=12), st.from_regex(LOCALE["pattern"], fullmatch=True)))
def test_the_pattern_of_locales_is_the_one_of_the_code(tag):
    assert jsonschema_rs.is_valid(dict(LOCALE), tag) is (canonical(tag) is not None)


def test_shapes_of_mappings_and_lists():
    shape = closed({"a": one_of("x"), "b": a_list({"type": "integer"}, 2, 1)}, ("a",))
    validator = jsonschema_rs.Draft202012Validator(shape)
    assert validator.is_valid({"a": "x", "b": [1]})
    wrong = [{}, {"a": "y"}, {"a": "x", "c": 1}, {"a": "x", "b": []}, {"a": "x", "b": [1, 2, 3]}]
    assert [value for value in wrong if validator.is_valid(value)] == []
    named = jsonschema_rs.Draft202012Validator(open_keys({"pattern": "^[a-z]+$"}, {"type": "integer"}))
    assert [named.is_valid(value) for value in ({"ab": 1}, {"AB": 1}, {"ab": "1"})] == [True, False, False]


def test_a_shaped_reader_reads():
    read = shaped({"type": "string"})(lambda node, _problems: node.value * 2)
    assert isinstance(read, Shaped)
    root = parse(b"value: ab\n", "example.yaml", Problems())
    assert read(root.get("value"), Problems()) == "abab"
    assert root.place == Source("example.yaml", 1, 1)
    assert "crime" in SELECTABLE
