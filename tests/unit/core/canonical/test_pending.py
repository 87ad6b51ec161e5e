"""What is still open at the end of a text."""

from __future__ import annotations

import pytest

from guardproxy.core.canonical.pending import open_from, unfinished_word


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("The weather was mi", "mi"),
        ("The weather was mild ", ""),
        ("see emVi cmEg b", "emVi cmEg b"),
        ("code 98 108 1", "98 108 1"),
        ("spelled b l u", "b l u"),
        ("morse -... .-.. ", "-... .-.. "),
        ("over echo lima ", "echo lima "),
        ('it is "blue" + ', '"blue" + '),
        ("some tag x<b class=", "x<b class="),
        ("some blue-", "blue-"),
        ("some blue- ", "blue- "),
        ("css \\62 \\6c ", "\\62 \\6c "),
        ("青鸟计划", "划"),
    ],
)
def test_held(text, held):
    assert text[open_from(text, unfinished_word(text)) :] == held
