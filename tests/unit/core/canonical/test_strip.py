"""Marks that a renderer eats."""

from __future__ import annotations

import pytest

from guardproxy.core.canonical.fold import odd_signs
from guardproxy.core.canonical.offsets import View
from guardproxy.core.canonical.strip import unmarked
from guardproxy.core.findings import Span


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("b<b></b>l<i class='x'>ue", "blue"),
        ("bl<!-- a > b -->ue", "blue"),
        ("bl**ue**finch", "bluefinch"),
        ("bl*ue*finch and 2*3", "bluefinch and 2*3"),
        ("b\\l\\u\\e", "blue"),
        ("[blue](#)finch", "bluefinch"),
        ("[b]bl[/b]ue", "blue"),
        ('"blue" + "finch"', '"bluefinch"'),
        ("'blue' . 'finch'", "'bluefinch'"),
        ("bl\\textbf{ue}", "blue"),
        ("a < b and c > d", "a < b and c > d"),
        ("snake_case_name", "snake_case_name"),
        ("He said. She said.", "He said. She said."),
    ],
)
def test_unmarked(text, shown):
    assert unmarked(View("plain", text), odd_signs(text)).text == shown


def test_offsets():
    text = "b<b></b>lue"
    view = unmarked(View("plain", text), odd_signs(text))
    assert view.original(0, 4) == Span(0, 11)
    assert view.original(1, 2) == Span(8, 9)
