"""Backspaces, terminal sequences and overrides: what a terminal or a renderer would show."""

from __future__ import annotations

import pytest

from guardproxy.core.canonical.erase import erased, shown_in_order
from guardproxy.core.canonical.offsets import View


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("velx\bvet", "velvet"),
        ("velxyz\b\b\bvet", "velvet"),
        ("velx^Hvet", "velvet"),
        ("a \bb", "a b"),
        ("\x1b[31mvel\x1b[0mvet", "velvet"),
        ("\x1b[38;5;12mv\x1b[K", "v"),
        ("\x1b[", "\x1b["),
        ("\b\bx", "x"),
    ],
)
def test_erased(text, shown):
    assert erased(View("plain", text)).text == shown


def test_nothing_to_erase_is_the_same_view():
    view = View("plain", "velvet")
    assert erased(view) is view
    assert shown_in_order(view) is view


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u202etevlev\u202c", "velvet"),
        ("\u202etevlev", "velvet"),
        ("vel\u202etev\u202c now", "velvet now"),
        ("\u2066\u202etevlev\u202c\u2069", "velvet"),
        ("v\u202d\u2066\u202e\u2066l\u2069\u202d\u2066e\u2069\u202c\u2069\u202cvet", "velvet"),
        ("\u202eab\ncd", "ba\ncd"),
    ],
)
def test_overrides_show_letters_in_another_order(text, shown):
    view = shown_in_order(View("plain", text))
    assert view.text == shown
    at = view.text.find("velvet")
    span = view.original(max(at, 0), len(view.text))
    assert 0 <= span.start < span.end <= len(text)
