"""Every view knows where its characters came from."""

import pytest

from guardproxy.core.canonical.offsets import SAME, Edit, Mapped, PieceMaker, View, edited
from guardproxy.core.findings import Span

TEXT = View("plain", "ab--cd&amp;ef")
EDITS = [Edit(2, 4, ""), Edit(6, 11, "&")]


def test_the_text_is_the_original():
    assert SAME.span(3, 7) == Span(3, 7)


def test_a_text_with_replacements():
    view = edited(TEXT, "folded", EDITS)
    assert (view.name, view.text) == ("folded", "abcd&ef")


@pytest.mark.parametrize(
    ("found", "original"),
    [
        ("ab", "ab"),
        ("a", "a"),
        ("bc", "b--c"),
        ("cd", "cd"),
        ("&", "&amp;"),
        ("d&e", "d&amp;e"),
        ("ef", "ef"),
        ("abcd&ef", "ab--cd&amp;ef"),
    ],
)
def test_a_place_maps_to_what_it_was_made_of(found, original):
    view = edited(TEXT, "folded", EDITS)
    start = view.text.index(found)
    span = view.original(start, start + len(found))
    assert TEXT.text[span.start : span.end] == original


def test_replacements_of_replacements():
    first = edited(TEXT, "one", EDITS)
    second = edited(first, "two", [Edit(1, 3, "XYZ")])
    assert second.text == "aXYZd&ef"
    span = second.original(2, 3)
    assert TEXT.text[span.start : span.end] == "b--c"


def test_an_empty_place_stays_empty():
    view = edited(TEXT, "one", EDITS)
    assert view.original(4, 4).start == view.original(4, 4).end == 6


def test_nothing_replaced():
    assert edited(TEXT, "one", []).original(2, 5) == Span(2, 5)


@pytest.mark.parametrize(
    ("pieces", "place", "original"),
    [
        (["a", "b"], (0, 2), (0, 2)),
        (["a", "", "b"], (0, 1), (0, 2)),  # a removed mark belongs to the letter before it
        (["", "a"], (0, 1), (1, 2)),
        (["ss", "a"], (1, 3), (0, 2)),
        (["a", "b"], (2, 2), (2, 2)),
        ([], (0, 0), (0, 0)),
    ],
)
def test_character_by_character(pieces, place, original):
    assert Mapped(pieces, SAME).span(*place) == Span(*original)


def test_pieces_from_a_table():
    table = {ord("a"): "x", ord("-"): "", ord("b"): "yy"}
    assert PieceMaker("a-b", table).pieces() == ["x", "", "yy"]
    assert Mapped(PieceMaker("a-b", table), SAME).span(1, 3) == Span(2, 3)


def test_a_view_does_not_show_its_text():
    assert "walrus" not in repr(View("plain", "a walrus"))
