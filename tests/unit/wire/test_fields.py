from pathlib import Path

import pytest

from guardproxy.core.conversation import Scope
from guardproxy.wire.field_table import Treatment
from guardproxy.wire.fields import FIELDS, markdown


@pytest.mark.parametrize(
    ("place", "treatment", "scope"),
    [
        ("x_vendor", Treatment.TEXT, Scope.USER),
        ("model", Treatment.CONTROL, Scope.USER),
        ("model.name", Treatment.TEXT, Scope.USER),
        ("metadata.a", Treatment.IDENTIFIER, Scope.USER),
        ("metadata", Treatment.IDENTIFIER, Scope.USER),
        ("metadata2.a", Treatment.TEXT, Scope.USER),
        ("tools[].function.description", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("tools[].type", Treatment.CONTROL, Scope.USER),
        ("tools[].function.type", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("documents[].text", Treatment.TEXT, Scope.TOOL_RESULT),
        ("messages[].role", Treatment.CONTROL, Scope.USER),
        ("messages[].content[].image_url.detail", Treatment.CONTROL, Scope.USER),
        ("messages[].x.detail", Treatment.TEXT, Scope.USER),
        ("stop[]", Treatment.TEXT, Scope.USER),
        ("api_base", Treatment.REFUSED, Scope.USER),
    ],
)
def test_the_table_goes_by_exact_places(place, treatment, scope):
    row = FIELDS.treatment_of(place)
    assert (row.treatment, row.scope) == (treatment, scope)


def test_no_place_stands_twice():
    places = [row.place for row in FIELDS.rows]
    assert len(places) == len(set(places))


def test_the_page_in_docs_is_this_table():
    docs = Path(__file__).parents[3] / "docs" / "fields.md"
    assert docs.read_text(encoding="utf-8") == markdown()


def test_the_page_names_every_place_and_every_treatment():
    page = markdown()
    assert all(f"| `{row.place}` | {row.treatment} |" in page for row in FIELDS.rows)
    assert all(f"| {treatment} | " in page for treatment in Treatment)
