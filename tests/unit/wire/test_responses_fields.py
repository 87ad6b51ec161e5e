import pytest

from guardproxy.core.conversation import Scope
from guardproxy.wire.field_table import Treatment
from guardproxy.wire.responses_fields import RESPONSES_FIELDS


@pytest.mark.parametrize(
    ("place", "treatment", "scope"),
    [
        ("x_vendor", Treatment.TEXT, Scope.USER),
        ("instructions", Treatment.TEXT, Scope.SYSTEM),
        ("model", Treatment.CONTROL, Scope.USER),
        ("tools[].description", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("tools[].type", Treatment.CONTROL, Scope.USER),
        ("text.format.schema.enum[]", Treatment.TEXT, Scope.TOOL_DEFINITION),
        ("text.format.type", Treatment.CONTROL, Scope.USER),
        ("metadata.a", Treatment.IDENTIFIER, Scope.USER),
        ("input[].arguments", Treatment.ARGUMENTS, Scope.USER),
        ("input[].content[].text", Treatment.TEXT, Scope.USER),
        ("input[].output[].text", Treatment.TEXT, Scope.TOOL_RESULT),
        ("input[].results[].text", Treatment.TEXT, Scope.TOOL_RESULT),
        ("input[].encrypted_content", Treatment.REFUSED, Scope.USER),
        ("previous_response_id", Treatment.REFUSED, Scope.USER),
    ],
)
def test_the_table_goes_by_exact_places(place, treatment, scope):
    row = RESPONSES_FIELDS.treatment_of(place)
    assert (row.treatment, row.scope) == (treatment, scope)


def test_no_place_stands_twice_and_every_refusal_says_why():
    listed = [row.place for row in RESPONSES_FIELDS.rows]
    assert len(listed) == len(set(listed))
    assert all(row.why for row in RESPONSES_FIELDS.rows if row.treatment is Treatment.REFUSED)
