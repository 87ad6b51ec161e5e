import pytest

from guardproxy.core.conversation import Scope
from guardproxy.wire.field_table import Treatment
from guardproxy.wire.messages_fields import BLOCK, MESSAGES_FIELDS


@pytest.mark.parametrize(
    ("place", "treatment", "scope"),
    [
        ("x_vendor", Treatment.TEXT, Scope.USER),
        ("model", Treatment.CONTROL, Scope.USER),
        ("metadata.user_id", Treatment.IDENTIFIER, Scope.USER),
        ("tools[].description", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("tools[].input_schema.properties.a.description", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("tools[].type", Treatment.CONTROL, Scope.USER),
        ("tools[].user_location.city", Treatment.IDENTIFIER, Scope.USER),
        ("tool_choice.name", Treatment.TEXT, Scope.TOOL_DEFINITION),
        (f"{BLOCK}.cache_control.ttl", Treatment.CONTROL, Scope.USER),
        (f"{BLOCK}.title", Treatment.TEXT, Scope.USER),
        ("stop_sequences[]", Treatment.TEXT, Scope.USER),
        ("thread", Treatment.REFUSED, Scope.USER),
    ],
)
def test_the_table_goes_by_exact_places(place, treatment, scope):
    row = MESSAGES_FIELDS.treatment_of(place)
    assert (row.treatment, row.scope) == (treatment, scope)


def test_no_place_stands_twice():
    places = [row.place for row in MESSAGES_FIELDS.rows]
    assert len(places) == len(set(places))
