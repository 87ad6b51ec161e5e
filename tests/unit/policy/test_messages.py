"""Reading the catalogue: strict, with places, and complete."""

from datetime import date
from pathlib import Path
from shutil import copytree

import pytest

from guardproxy.core.catalogue import CellKey, Shape, Tone
from guardproxy.errors import PolicyError
from guardproxy.policy.messages import load, read_locales
from guardproxy.policy.problems import Problems

SHIPPED = Path(__file__).parents[3] / "policies"
TODAY = date(2026, 11, 24)


@pytest.fixture
def folder(tmp_path):
    for name in ("messages", "data"):
        copytree(SHIPPED / name, tmp_path / name)
    return tmp_path


def change(folder, old, new, file="messages/en.yaml"):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def report(folder):
    with pytest.raises(PolicyError) as caught:
        load(folder, TODAY)
    return caught.value.report or str(caught.value)


def test_the_shipped_catalogue():
    catalogue = load(SHIPPED, TODAY)
    assert catalogue.shipped == {"en", "de", "es", "fr", "zh-Hans"}
    english = catalogue.locales["en"]
    assert english.draft
    assert english.label("crime.cyber") == "getting into systems or accounts without permission"
    assert english.units.minutes == "minutes"
    assert CellKey("default", Shape.HARD, Tone.WARM) in english.cells
    assert all(not line.valid(TODAY) for line in catalogue.helplines)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("guardproxy: messages/v1", "guardproxy: messages/v2", "GP102"),
        ("locale: en", "locale: de", "GP008"),
        ("locale: en", "locale: x!", "GP501"),
        ("revision: 2", "revision: 0", "GP109"),
        ("revision: 2", 'revision: "1"', "GP105"),
        ("revision: 2", "revison: 2", "GP104"),
        ("  crime.cyber: getting", "  crime.ciber: getting", "GP201"),
        ("  default: this", "  unspecified.x: this", "GP201"),
        ("  adult: It may", "  adlut: It may", "GP104"),
        ("    hard:\n      neutral: I can't help with {topic}. I can explain the general", "    herd:\n      neutral: I can't help with {topic}. I can explain the general", "GP104"),
        ("      warm: I can't", "      worm: I can't", "GP104"),
        ("  weapons.cbrne:\n    hard", "  weapons.cbrnx:\n    hard", "GP201"),
        ("help with {topic}", "help with {user_text}", "GP503"),
        ("    short:\n      neutral: Not available", "    short: {}", "GP502"),
        ("      neutral: Not available", "      neutral: 12", "GP105"),
        ("      neutral: Not available", '      neutral: ""', "GP504"),
        ("units: {second: second, ", "units: {", "GP101"),
        ('reviewed: {by: ""}', 'reviewed: {by: "", who: x}', "GP104"),
        ('reviewed: {by: ""}', "reviewed: no", "GP105"),
        ("labels:\n", "labels: &a\n", "GP004"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_code_and_place(folder, old, new, code):
    change(folder, old, new)
    text = report(folder)
    assert f" {code} error: " in text
    assert str(folder / "messages" / "en.yaml") + ":" in text


def test_the_place_is_that_of_the_mistake(folder):
    line = change(folder, "{topic}. I can help you spot a scam", "{user_text}. I can help you spot a scam")
    assert f"en.yaml:{line}:16: GP503 error: " in report(folder)


def test_all_mistakes_are_reported_at_once(folder):
    change(folder, "revision: 2", "revision: 0")
    change(folder, "locale: de", "locale: fr", "messages/de.yaml")
    text = report(folder)
    assert "GP109" in text
    assert "GP008" in text


def test_without_english_there_is_no_catalogue(folder):
    (folder / "messages" / "en.yaml").unlink()
    assert "en.yaml is missing" in report(folder)


def test_a_second_reader_ends_the_draft(folder):
    change(folder, 'reviewed: {by: ""}', "reviewed: {by: reader-2, on: 2026-12-01}")
    assert not load(folder, TODAY).locales["en"].draft


def test_places_are_kept_for_the_linter():
    english = next(f for f in read_locales(SHIPPED, Problems()) if f.words.locale == "en")
    assert english.cells.keys() == english.words.cells.keys()
    assert all(place.line > 1 for place in english.cells.values())
