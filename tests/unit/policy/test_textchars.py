"""Character rules: the same in every language."""

import pytest

from guardproxy.policy.textchars import check_characters, unknown_placeholder, without_markup


def codes(text, locale="en", **more):
    return [p.code for p in check_characters(text, locale, **more)]


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, with a {topic} and a line\nbreak.",
        "{{7*7}} ${HOME} {request.__class__} { {A} {topic}",
        "Kosten < 5 und > 3, a & b",
        "Room 12, or 1 to 2.",
        "e.g. this. And that",
        "Rechts\u00a0geschützt",
    ],
)
def test_plain_texts(text):
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\rb", "GP620"),
        ("a\tb", "GP620"),
        ("a\x07b", "GP620"),
        ("a\u202eb", "GP620"),
        ("a\ud800b", "GP620"),
        ("a\u2028b", "GP620"),
        ("a <script>b", "GP620"),
        ("a <b", "GP620"),
        ("a &lt; b", "GP620"),
        ("[here](there)", "GP620"),
        ("```\ncode", "GP620"),
        ("<<<<<<< search", "GP620"),
        ("a\n+++ b", "GP620"),
        ("# Title", "GP620"),
        ("call 0800 111", "GP618"),
        ("call 13-11-14", "GP618"),
        ("call ٩٩٩", "GP618"),
        ("www.example", "GP618"),
        ("see example.org", "GP618"),
        ("ann@example.test", "GP618"),
        ("tel:5", "GP618"),
        ("{user_text}", "GP503"),
        ("{Topic} {topics}", "GP503"),
        ("", "GP504"),
        ("x" * 1201, "GP504"),
        ("STOP it", "GP613"),
        ("Stop!", "GP613"),
        ("停！", "GP613"),
        ("Bye 🙂", "GP613"),
    ],
)
def test_broken_texts(text, code):
    assert codes(text) == [code]


def test_a_warm_text_may_smile():
    assert codes("Bye 🙂", emoji_allowed=True) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("المرجع {reference}.", ["GP620"]),
        ("المرجع \u2068{reference}\u2069.", []),
        ("بدون", []),
        ("{reference}", ["GP620"]),
    ],
)
def test_right_to_left_texts_isolate_what_is_filled_in(text, expected):
    assert codes(text, "ar") == expected


def test_the_report_of_a_control_character_is_printable():
    assert all(p.message.isprintable() for p in check_characters("a\x1b[31m", "en"))


@pytest.mark.parametrize(("text", "name"), [("{topic}", None), ("{a_b}", "a_b"), ("{A}", None), ("{a b}", None)])
def test_unknown_placeholder(text, name):
    assert unknown_placeholder(text) == name


def test_without_markup():
    assert without_markup("a <b>c</b>\u200b d\r\n") == "a c d\n"
