import pytest

from guardproxy.wire.field_table import FieldTable, Treatment, holds_token_ids, is_control_value, rows
from guardproxy.wire.fields import FIELDS


def test_leaves_are_strings_and_unknown_names():
    value = {"type": "x", "note": ["a", {"b": 1, "": "c"}], "n": 3, "t": None, "e": ""}
    found = [(leaf.text, leaf.path, leaf.key) for leaf in FIELDS.leaves(value, ("x",), "x")]
    assert found == [
        ("x", ("x", "type"), False),
        ("note", ("x", "note"), True),
        ("a", ("x", "note", 0), False),
        ("b", ("x", "note", 1, "b"), True),
        ("c", ("x", "note", 1, ""), False),
        ("t", ("x", "t"), True),
        ("e", ("x", "e"), True),
    ]


@pytest.mark.parametrize("name", ["metadata.a", "metadata[]", "tools[].type"])
def test_a_member_name_cannot_forge_a_place(name):
    found = list(FIELDS.leaves({name: "word"}, (), ""))
    assert [leaf.field.treatment for leaf in found] == [Treatment.TEXT, Treatment.TEXT]


@pytest.mark.parametrize(
    ("text", "control"),
    [("auto", True), ("gpt-4.1:free/x", True), ("two words", False), ("", False), ("é", False), ("a" * 129, False)],
)
def test_control_values_are_short_words(text, control):
    assert is_control_value(text) is control


def test_a_control_place_with_a_sentence_is_text():
    assert [leaf.field.treatment for leaf in FIELDS.leaves("a whole sentence", ("tool_choice",), "tool_choice")] == [
        Treatment.TEXT
    ]


def test_schema_type_words_are_no_texts_but_only_in_schemas():
    schema = {"type": "object", "properties": {"kind": {"type": "walrus"}}}
    found = [(leaf.text, leaf.field.treatment) for leaf in FIELDS.leaves(schema, ("tools", 0), "tools[]")]
    assert ("object", Treatment.CONTROL) in found
    assert ("walrus", Treatment.TEXT) in found


def test_token_ids_are_the_names_in_logit_bias():
    assert list(FIELDS.leaves({"50256": -100}, ("logit_bias",), "logit_bias")) == []
    assert [leaf.text for leaf in FIELDS.leaves({"word": 1}, ("logit_bias",), "logit_bias")] == ["word"]


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ([1] * 9, True),
        ([1] * 8, False),
        ([[1] * 5, [2] * 5], True),
        (["a"] * 9, False),
        ([True] * 9, False),
        (3, False),
    ],
)
def test_many_numbers_are_token_ids(value, ids):
    assert holds_token_ids(value) is ids


def test_reprs_hold_no_text():
    assert "secret" not in repr(next(FIELDS.leaves("secret word", ("x",), "x")))


def test_a_table_of_its_own_has_its_own_rows_and_names():
    table = FieldTable(rows(Treatment.REFUSED, "background a.b", why="no"), frozenset({"a", "b", "background"}))
    assert table.refused_at_top == {"background": "no"}
    assert table.treatment_of("a.b").treatment is Treatment.REFUSED
    assert [leaf.text for leaf in table.leaves({"a": {"c": "d"}}, (), "")] == ["c", "d"]
