"""Locale choice (refusals.md 3.2 and F8): header, Accept-Language, last turn, default, English."""

import pytest

from guardproxy.core.locale import canonical, chain, choose_locale, relatives

SHIPPED = frozenset({"en", "de", "es", "fr", "zh-Hans", "no", "pt-BR"})


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("pt_br", "pt-BR"),
        ("ZH-hans-cn", "zh-Hans-CN"),
        ("es-419", "es-419"),
        ("sl-rozaj", "sl-rozaj"),
        ("de-1996", "de-1996"),
        ("x!", None),
        ("", None),
        ("e", None),
        ("german", None),
        ("de-", None),
        ("de--AT", None),
        ("en-US\r\nX-Evil: 1", None),
        ("ｅｎ", None),
        ("a" * 200, None),
    ],
)
def test_canonical(tag, expected):
    assert canonical(tag) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("pt-BR", ("pt-BR", "pt")),
        ("zh-CN", ("zh-CN", "zh-Hans", "zh")),
        ("zh-TW", ("zh-TW", "zh-Hant", "zh", "zh-Hans")),
        ("zh", ("zh", "zh-Hans")),
        ("nb-NO", ("nb-NO", "nb", "no")),
        ("no", ("no", "nb")),
        ("nonsense!", ()),
    ],
)
def test_relatives(tag, expected):
    assert relatives(tag) == expected


def test_chain_ends_with_the_default_and_english():
    assert chain("fr-CA", "de-AT") == ("fr-CA", "fr", "de-AT", "de", "en")


@pytest.mark.parametrize(
    ("header", "accept", "detected", "default", "expected"),
    [
        (None, None, None, "en", "en"),
        ("de", None, None, "en", "de"),
        ("DE", None, None, "en", "de"),
        ("de-AT", None, None, "en", "de"),
        ("de", "fr", "es", "en", "de"),
        ("xx", "fr", "es", "en", "fr"),
        ("x!", "fr", None, "en", "fr"),
        ("", "fr", None, "en", "fr"),
        ("zh-CN", None, None, "en", "zh-Hans"),
        ("zh-TW", None, None, "en", "zh-Hans"),
        ("pt-BR", None, None, "en", "pt-BR"),
        ("pt", None, None, "en", "en"),
        (None, "no", None, "en", "no"),
        (None, "nb-NO,nb;q=0.9,no;q=0.8", None, "en", "no"),
        (None, "de-CH, en;q=0.5", None, "en", "de"),
        (None, "en;q=0.2, fr;q=0.9", None, "en", "fr"),
        (None, "fr;q=0.9, de;q=0.9", None, "en", "fr"),
        (None, "fr;q=0, de;q=0.1", None, "en", "de"),
        (None, "*", None, "de", "de"),
        (None, "xx, *;q=0.5", "es", "en", "es"),
        (None, "xx, fr-BE;q=0.4", "es", "en", "fr"),
        (None, "it", "es", "en", "es"),
        (None, "zh-SG", None, "en", "zh-Hans"),
        (None, ",,,;q=1,", None, "fr", "fr"),
        (None, "de;q=abc, fr;q=0.1", None, "en", "fr"),
        (None, "de;q=-1, fr;q=0.1", None, "en", "fr"),
        (None, "de;q=1.0.0, fr;q=0.1", None, "en", "fr"),
        (None, "de;q=2, fr", None, "en", "de"),
        (None, "de;level=1;q=0.4, fr;q=0.5", None, "en", "fr"),
        (None, "de ; q = 0.9 , fr;q=0.8", None, "en", "de"),
        (None, "x" * 5000 + ",de", None, "en", "en"),
        (None, "xx," * 40 + "de", None, "en", "en"),
        (None, None, "de", "en", "de"),
        (None, None, "zh-Hans", "en", "zh-Hans"),
        (None, None, "ja", "en", "en"),
        (None, None, "ja", "fr", "fr"),
        (None, None, None, "fr-CA", "fr"),
        (None, None, None, "ja", "en"),
        ("no", None, None, "de", "no"),
        ("fr-CA", "de", None, "en", "fr"),
    ],
)
def test_choose_locale(header, accept, detected, default, expected):
    assert choose_locale(header, accept, detected, default, SHIPPED) == expected
