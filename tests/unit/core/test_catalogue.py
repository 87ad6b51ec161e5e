"""Help lines: who is shown, in which order, and never another country's."""

from datetime import date

import pytest

from guardproxy.core.catalogue import (
    Catalogue,
    CellKey,
    HelpLine,
    LineKind,
    Lines,
    LocaleCatalogue,
    Shape,
    catalogue_of,
    helpline_block,
    shapes_tried,
)
from guardproxy.core.rules import LocaleTexts

TODAY = date(2026, 11, 24)
ENGLISH = LocaleCatalogue("en", 3, Lines("s", "a", "e", "g", "n"), {"default": "this", "crime": "breaking the law"}, {})


def line(id_="a", country="XA", kind=LineKind.CRISIS, phone="555", languages=("en",), **more):
    since, until = more.pop("since", date(2026, 10, 1)), more.pop("until", date(2027, 1, 1))
    names = LocaleTexts((("en", id_.title()), ("de", f"{id_} auf Deutsch")))
    return HelpLine(id_, country, kind, names, phone, languages=languages, verified_on=since, expires_on=until, **more)


def block(*lines, locale="en", country="XA", today=TODAY):
    return helpline_block(catalogue_of(ENGLISH, helplines=lines), locale, country, today)


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        (date(2026, 11, 24), date(2027, 1, 1), True),
        (date(2026, 11, 25), date(2027, 1, 1), False),
        (date(2026, 1, 1), date(2026, 11, 25), True),
        (date(2026, 1, 1), date(2026, 11, 24), False),
        (None, date(2027, 1, 1), False),
        (date(2026, 1, 1), None, False),
    ],
)
def test_only_checked_and_unexpired_lines_are_shown(since, until, shown):
    assert bool(block(line(since=since, until=until))) is shown


@pytest.mark.parametrize("country", [None, "", "XB", "x"])
def test_never_another_countrys_number(country):
    assert block(line(), country=country) == ""


def test_the_country_may_be_written_small():
    assert block(line(), country="xa") == "A: 555"


def test_emergency_first_then_two_in_the_readers_language():
    lines = (
        line("first", languages=("en",)),
        line("zweite", languages=("de", "en"), phone="666"),
        line("dritte", languages=("de",), phone="777", text="778", hours="24/7"),
        line("vierte", languages=("de",), phone="888"),
        line("notruf", kind=LineKind.EMERGENCY, phone="999"),
    )
    assert block(*lines, locale="de-AT").split("\n") == [
        "notruf auf Deutsch: 999",
        "zweite auf Deutsch: 666",
        "dritte auf Deutsch: 777, SMS 778 (24/7)",
    ]


def test_without_a_line_in_the_readers_language_any_two():
    lines = [line(str(n), phone=f"55{n}") for n in range(3)]
    assert block(*lines, locale="fr") == "0: 550\n1: 551"


def test_child_and_poison_lines_are_not_crisis_lines():
    assert block(line(kind=LineKind.CHILD), line("b", kind=LineKind.POISON)) == ""


def test_labels_fall_back_to_the_family_and_to_this():
    assert [ENGLISH.label(h) for h in ("crime", "crime.fraud", "hate.speech", "custom.x")] == [
        "breaking the law", "breaking the law", "this", "this",
    ]  # fmt: skip


def test_cut_falls_back_to_withheld_and_hard():
    assert shapes_tried(Shape.CUT) == (Shape.CUT, Shape.WITHHELD, Shape.HARD)
    assert shapes_tried(Shape.WITHHELD) == (Shape.WITHHELD, Shape.HARD)
    assert shapes_tried(Shape.NOTICE) == (Shape.NOTICE,)


def test_a_catalogue_names_its_revision_and_drafts():
    catalogue = catalogue_of(ENGLISH)
    assert isinstance(catalogue, Catalogue)
    assert (catalogue.revision, catalogue.shipped) == ("en.3", frozenset({"en"}))
    assert ENGLISH.draft
    assert CellKey("default", Shape.HARD) == CellKey("default", Shape.HARD)
