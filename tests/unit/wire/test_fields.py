from pathlib import Path

import pytest

from guardproxy.core.conversation import Scope
from guardproxy.wire.fields import FIELDS, Treatment, holds_token_ids, is_control_value, leaves, markdown, treatment_of


@pytest.mark.parametrize(
    ("place", "treatment", "scope"),
    [
        ("x_vendor", Treatment.TEXT, Scope.USER),
        ("model", Treatment.CONTROL, Scope.USER),
        ("model.name", Treatment.TEXT, Scope.USER),
        ("metadata.a", Treatment.IDENTIFIER, Scope.USER),
        ("metadata", Treatment.IDENTIFIER, Scope.USER),
        ("metadata2.a", Treatment.TEXT, Scope.USER),
        ("tools[].function.description", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("tools[].type", Treatment.CONTROL, Scope.USER),
        ("tools[].function.type", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("documents[].text", Treatment.TEXT, Scope.TOOL_RESULT),
        ("messages[].role", Treatment.CONTROL, Scope.USER),
        ("messages[].content[].image_url.detail", Treatment.CONTROL, Scope.USER),
        ("messages[].x.detail", Treatment.TEXT, Scope.USER),
        ("stop[]", Treatment.TEXT, Scope.USER),
        ("api_base", Treatment.REFUSED, Scope.USER),
    ],
)
def test_the_table_goes_by_exact_places(place, treatment, scope):
    row = treatment_of(place)
    assert (row.treatment, row.scope) == (treatment, scope)


def test_no_place_stands_twice():
    places = [row.place for row in FIELDS]
    assert len(places) == len(set(places))


def test_leaves_are_strings_and_unknown_names():
    value = {"type": "x", "note": ["a", {"b": 1, "": "c"}], "n": 3, "t": None, "e": ""}
    found = [(leaf.text, leaf.path, leaf.key) for leaf in leaves(value, ("x",), "x")]
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
    found = list(leaves({name: "word"}, (), ""))
    assert [leaf.field.treatment for leaf in found] == [Treatment.TEXT, Treatment.TEXT]


@pytest.mark.parametrize(
    ("text", "control"),
    [("auto", True), ("gpt-4.1:free/x", True), ("two words", False), ("", False), ("é", False), ("a" * 129, False)],
)
def test_control_values_are_short_words(text, control):
    assert is_control_value(text) is control


def test_a_control_place_with_a_sentence_is_text():
    assert [leaf.field.treatment for leaf in leaves("a whole sentence", ("tool_choice",), "tool_choice")] == [
        Treatment.TEXT
    ]


def test_schema_type_words_are_no_texts_but_only_in_schemas():
    schema = {"type": "object", "properties": {"kind": {"type": "walrus"}}}
    found = [(leaf.text, leaf.field.treatment) for leaf in leaves(schema, ("tools", 0), "tools[]")]
    assert ("object", Treatment.CONTROL) in found
    assert ("walrus", Treatment.TEXT) in found


def test_token_ids_are_the_names_in_logit_bias():
    assert list(leaves({"50256": -100}, ("logit_bias",), "logit_bias")) == []
    assert [leaf.text for leaf in leaves({"word": 1}, ("logit_bias",), "logit_bias")] == ["word"]


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
    assert "secret" not in repr(next(leaves("secret word", ("x",), "x")))


def test_the_page_in_docs_is_this_table():
    docs = Path(__file__).parents[3] / "docs" / "fields.md"
    assert docs.read_text(encoding="utf-8") == markdown()


def test_the_page_names_every_place_and_every_treatment():
    page = markdown()
    assert all(f"| `{row.place}` | {row.treatment} |" in page for row in FIELDS)
    assert all(f"| {treatment} | " in page for treatment in Treatment)
