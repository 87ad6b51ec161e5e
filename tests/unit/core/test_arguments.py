"""A JSON text taken apart and put together again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardproxy.core.arguments import BORDER, Document

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def leaves(source: str) -> list[tuple[str, bool]]:
    return [(leaf.text, leaf.key) for leaf in Document(source).leaves]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('{"a": "b"}', [("a", True), ("b", False)]),
        ('["x", {"k": [1.50, null, true]}]', [("x", False), ("k", True), ("1.50", False)]),
        ('"\\u0062luef"', [("bluef", False)]),
        ('{"a": "1", "a": "2"}', [("a", True), ("1", False), ("a", True), ("2", False)]),
        ("{}", []),
        ("", [("", False)]),
        ("{'a': 1}", [("{'a': 1}", False)]),
        ('{"a": NaN}', [('{"a": NaN}', False)]),
        ('{"a": "cut', [('{"a": "cut', False)]),
        ("[" * 50_000, [("[" * 50_000, False)]),
    ],
)
def test_leaves(source, found):
    assert leaves(source) == found


@settings(derandomize=True, max_examples=200, deadline=None)
@given(VALUES)
def test_put_together_again(value):
    source = json.dumps(value)
    document = Document(source)
    texts = [leaf.text for leaf in document.leaves]
    assert document.encoded(texts) == source
    changed = [leaf.text if leaf.key else "#" for leaf in document.leaves]
    again = Document(document.encoded(changed))
    assert again.is_json
    assert [leaf.text for leaf in again.leaves] == changed
    assert [leaf.key for leaf in again.leaves] == [leaf.key for leaf in document.leaves]


def test_a_text_that_is_no_json_is_replaced_as_it_is():
    assert Document("plain").encoded(["other"]) == "other"


def test_texts_are_not_shown():
    assert "secret" not in repr(Document('["secret"]').leaves[0])


def test_a_document_that_came_in_parts_is_read_as_one():
    cut = f'{{"a": {BORDER}"bl{BORDER}ue", "b": 1.50{BORDER}}}'
    assert leaves(cut) == [("a", True), ("blue", False), ("b", True), ("1.50", False)]
    document = Document(cut)
    assert document.encoded([leaf.text for leaf in document.leaves]) == cut
    assert document.encoded(["a", "x", "b", "1.50"]) == '{"a": "x", "b": 1.50}'
    assert leaves(f'"bl{BORDER}ue"') == [(f"bl{BORDER}ue", False)]
    assert not Document(f"a{BORDER}b").is_json
