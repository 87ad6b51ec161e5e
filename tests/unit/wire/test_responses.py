import pytest

from guardproxy.core.conversation import Role, Scope
from guardproxy.errors import BadRequest
from guardproxy.wire.responses import instruct, parse_request


def ask(**fields):
    return parse_request({"model": "m", "input": "hi", **fields})


def texts(request):
    return [(m.scope, p.text, p.identifier) for m in request.conversation.extras for p in m.parts]


def test_a_plain_request():
    request = ask()
    assert (request.model, request.stream, request.n, request.structured) == ("m", False, 1, False)
    assert (request.prose, request.noticed, request.tool_names) == (True, True, frozenset())
    assert request.conversation.last_user_text() == "hi"
    assert request.conversation.extras == ()
    assert (request.speech, request.entries) == ("input", (-1,))


def test_instructions_come_first_and_are_the_operators():
    request = ask(instructions="be kind", input=[{"role": "user", "content": "hi"}])
    first, second = request.conversation.messages
    assert (first.role, first.scope, first.parts[0].text) == (Role.SYSTEM, Scope.SYSTEM, "be kind")
    assert second.role is Role.USER
    assert request.entries == (-1, 0)


def test_who_spoke_last():
    assert ask(input=[{"role": "assistant", "content": "Sure,"}]).last_message_is_assistant
    assert not ask().last_message_is_assistant


@pytest.mark.parametrize(
    ("fields", "structured"),
    [
        ({"text": {"format": {"type": "json_schema", "name": "s", "schema": {}}}}, True),
        ({"text": {"format": {"type": "json_object"}}}, True),
        ({"text": {"format": {"type": "text"}}}, False),
        ({"text": {"verbosity": "low"}}, False),
        ({"tool_choice": {"type": "function", "name": "f"}}, True),
        ({"tool_choice": {"type": "custom", "name": "f"}}, True),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, False),
        ({"tool_choice": "required"}, False),
        ({"input": [{"type": "configuration_update", "text": {"format": {"type": "json_object"}}}]}, True),
    ],
)
def test_structured(fields, structured):
    assert ask(**fields).structured is structured


def test_what_the_model_may_call():
    request = ask(
        tools=[
            {"type": "function", "name": "f"},
            {"type": "custom", "name": "g"},
            {"type": "shell"},
            {"type": "mcp", "server_label": "s"},
            {"type": "web_search"},
            {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "inner"}]},
        ],
        input=[
            {"role": "user", "content": "hi"},
            {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "late"}]},
        ],
    )
    assert request.tool_names == {"f", "g", "n", "inner", "late", "<shell_call>", "<mcp_approval_request>"}
    assert not request.prose
    assert not request.noticed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tools": [{"type": "function", "name": "f", "description": "d"}]}, ["f", "d"]),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": {"enum": ["e"]}}}}, ["n", "e"]),
        ({"metadata": {"k": "v"}}, ["k", "v"]),
        ({"user": "u"}, ["u"]),
        ({"x_vendor": {"a": ["b"]}}, ["x_vendor", "a", "b"]),
        ({"prompt": {"variables": {"city": "Oslo", "more": {"type": "input_text", "text": "t", "yy": "z"}}}}, None),
        ({"include": ["reasoning.encrypted_content"], "store": False, "truncation": "auto"}, []),
        ({"reasoning": {"effort": "low", "summary": "auto"}, "service_tier": "flex"}, []),
        ({"reasoning": {"effort": "a whole sentence"}}, ["a whole sentence"]),
    ],
)
def test_every_other_field_is_read(fields, expected):
    found = [text for _, text, _ in texts(ask(**fields))]
    assert found == expected if expected is not None else set(found) == {"city", "Oslo", "more", "t", "yy", "z"}


def test_identifiers_are_for_personal_data_rules_only():
    assert texts(ask(user="u", metadata={"k": "v"})) == [
        (Scope.USER, "u", True),
        (Scope.USER, "k", True),
        (Scope.USER, "v", True),
    ]
    assert ask(safety_identifier="s").safety_identifier == "s"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"previous_response_id": "r"}, "unsupported_parameter", "previous_response_id"),
        ({"conversation": {"id": "c"}}, "unsupported_parameter", "conversation"),
        ({"prompt": {"id": "p"}}, "unsupported_parameter", "prompt.id"),
        ({"background": True}, "unsupported_parameter", "background"),
        ({"api_base": "http://x"}, "unsupported_parameter", "api_base"),
        ({"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}]}, None, None),
        ({"tools": {}}, "invalid_type", "tools"),
        ({"tools": [7]}, "invalid_type", "tools[0]"),
        ({"tools": [{"name": 7}]}, "invalid_type", "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f"}] * 257}, "too_complex", "tools"),
        ({"instructions": ["x"]}, "invalid_type", "instructions"),
        ({"prompt": "p"}, "invalid_type", "prompt"),
        ({"prompt": {"variables": []}}, "invalid_type", "prompt.variables"),
        ({"input": None}, "invalid_type", "input"),
        ({"model": ""}, "invalid_type", "model"),
        ({"stream": "true"}, "invalid_type", "stream"),
        ({"max_output_tokens": 10**7}, "unsupported_parameter", "max_output_tokens"),
        ({"moderation": 7}, "invalid_type", "moderation"),
    ],
)
def test_what_is_turned_away(fields, code, param):
    with pytest.raises(BadRequest) as caught:
        ask(**fields)
    assert (caught.value.code, caught.value.param) == (
        code or "unsupported_parameter",
        param or "tools[0].container.file_ids[0]",
    )


def test_what_is_allowed_to_be_there_empty():
    assert ask(previous_response_id=None, conversation=None, background=False, prompt=None, tools=None).n == 1


def test_inline_moderation_is_taken_out():
    request = ask(moderation={"model": "omni-moderation-latest"})
    assert request.moderation is not None
    assert "moderation" not in request.tree


def test_an_instruction_stands_in_front_of_the_operators():
    assert instruct({"input": "hi"}, "Care.") == {"input": "hi", "instructions": "Care."}
    assert instruct({"instructions": "Be kind."}, "Care.")["instructions"] == "Care.\n\nBe kind."
