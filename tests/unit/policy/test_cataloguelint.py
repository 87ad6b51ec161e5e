"""The shipped catalogue passes every rule, in every language, as written and as rendered."""

from datetime import date
from pathlib import Path
from shutil import copytree

import pytest

from guardproxy.core.hazards import LEAVES
from guardproxy.policy.cataloguelint import check_catalogue, missing_cells, rendered_problems
from guardproxy.policy.messages import load, read_locales
from guardproxy.policy.problems import Problems

SHIPPED = Path(__file__).parents[3] / "policies"
TODAY = date(2026, 11, 24)


def lint(folder):
    problems = Problems()
    check_catalogue(folder, TODAY, problems)
    return problems.sorted()


def test_the_shipped_texts_pass():
    found = lint(SHIPPED)
    assert [str(p) for p in found if p.is_error] == []
    assert [p.code for p in found] == ["GP615"]  # the English medical notice reads at grade 9.2


def test_every_locale_has_every_cell_and_every_label():
    files = read_locales(SHIPPED, Problems())
    assert list(missing_cells(files)) == []
    for file in files:
        assert [leaf.id for leaf in LEAVES if leaf.id not in file.labels] == []


def test_half_a_language_is_told_from_a_whole_one(tmp_path):
    """A file cut off between two texts is YAML, and other texts would be shown in place of those that are lost."""
    copytree(SHIPPED / "messages", tmp_path / "messages")
    copytree(SHIPPED / "data", tmp_path / "data")
    path = tmp_path / "messages" / "en.yaml"
    kept = path.read_text(encoding="utf-8").partition("\n  crime.fraud:\n")[0]
    path.write_text(f"{kept}\n", encoding="utf-8")
    [row] = [p for p in lint(tmp_path) if p.code == "GP703"]
    assert row.file == str(path)
    assert "crime.fraud.hard" in row.message


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("en", "crime.fraud: deceiving people for money", "crime.fraud: unethical deceit for money", "GP604"),
        ("en", "crime.fraud: deceiving people for money", "crime.fraud: Deceit. For money", "GP620"),
        ("de", "crime.fraud: der Täuschung von Menschen um des Geldes willen", "crime.fraud: 骗取钱财", "GP614"),
        ("en", "not from the model. Reference", "as always. Reference", "GP608"),
        ("en", "safety policy of {service}", "safety policy of Example", "GP608"),
        ("en", "ask for a review: {appeal_url}", "ask for a review.", "GP609"),
        ("en", "call your local emergency number or go to the nearest emergency department", "call someone near you", "GP617"),
        ("fr", "Je peux aider à reconnaître une arnaque ou à écrire une offre honnête.", "C'est la règle ici.", "GP603"),
        ("es", "Puede empezar otro tema ahora o volver", "Es vergonzoso. Puede empezar otro tema ahora o volver", "GP604"),
        ("zh-Hans", "不是医生的建议", "很有用", "GP619"),
        ("en", "You can split it, or send the part that matters most.", "You can call 0800 111 222.", "GP618"),
    ],
)  # fmt: skip
def test_each_mutation_is_found_at_its_line(tmp_path, file, old, new, code):
    copytree(SHIPPED / "messages", tmp_path / "messages")
    copytree(SHIPPED / "data", tmp_path / "data")
    path = tmp_path / "messages" / f"{file}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    found = [p for p in lint(tmp_path) if p.is_error]
    assert (code, line) in [(p.code, p.place.line) for p in found]
    assert all(p.hint for p in found if p.place.line == line)


def test_an_unfilled_placeholder_is_found_when_rendered():
    catalogue = load(SHIPPED, TODAY)
    english = catalogue.locales["en"]
    key = next(k for k in english.cells if k.cell == "crime.fraud")
    english.cells[key] = english.cells[key].replace("{topic}", "{topics}")
    assert {p.code for p in rendered_problems(catalogue)} == {"GP616"}
