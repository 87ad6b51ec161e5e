import pytest

from guardproxy.core.conversation import Role, Scope
from guardproxy.core.segments import input_segments
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits
from guardproxy.wire.messages import insert_instruction, parse_request

HI = {"role": "user", "content": "hi"}


def ask(*turns, **fields):
    return parse_request({"model": "m", "max_tokens": 8, "messages": list(turns or [HI]), **fields})


def said(request):
    return [(m.role, m.scope, [p.text for p in m.parts]) for m in request.conversation.messages]


def extra_texts(request):
    return [(m.scope, p.text, p.identifier) for m in request.conversation.extras for p in m.parts]


def result(text, call="t1"):
    return {"type": "tool_result", "tool_use_id": call, "content": text}


def text(words):
    return {"type": "text", "text": words}


def test_a_plain_request():
    request = ask()
    assert (request.model, request.stream, request.n, request.structured) == ("m", False, 1, False)
    assert (request.noticed, request.prose, request.has_tools) == (True, True, False)
    assert request.entries == (0,)
    assert request.safety_identifier is None
    assert not request.last_message_is_assistant
    assert request.conversation.last_user_text() == "hi"
    assert request.conversation.extras == ()
    assert "hi" not in repr(request)


def test_what_the_flow_needs_to_know():
    request = ask(
        HI,
        {"role": "assistant", "content": "Sure,"},
        stream=True,
        metadata={"user_id": "u1"},
        tools=[
            {
                "name": "f",
                "description": "d",
                "input_schema": {"type": "object"},
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
            {"type": "browser_toolset_20260801"},
        ],
    )
    assert request.stream
    assert request.tool_names == {"f", "web_search", "browser"}
    assert (request.noticed, request.prose, request.structured) == (False, False, False)
    assert request.last_message_is_assistant
    assert request.safety_identifier == "u1"
    assert extra_texts(request) == [
        (Scope.USER, "u1", True),
        (Scope.TOOL_DEFINITION, "f", False),
        (Scope.TOOL_DEFINITION, "d", False),
        (Scope.TOOL_DEFINITION, "web_search", False),
    ]


def test_every_turn_has_its_role_and_its_entry():
    request = ask(
        {"role": "user", "content": [text("a"), result("b"), text("c")]},
        {
            "role": "assistant",
            "content": [text("d"), {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": "e"}}],
        },
        {"role": "user", "content": [result("f")]},
        {"role": "system", "content": "g"},
        system=[text("h"), text("i")],
    )
    assert said(request) == [
        (Role.SYSTEM, Scope.SYSTEM, ["h", "i"]),
        (Role.USER, Scope.USER, ["a", "c"]),
        (Role.TOOL, Scope.TOOL_RESULT, ["b"]),
        (Role.ASSISTANT, Scope.HISTORY, ["d"]),
        (Role.TOOL, Scope.TOOL_RESULT, ["f"]),
        (Role.SYSTEM, Scope.SYSTEM, ["g"]),
    ]
    assert request.entries == (-1, 0, 0, 1, 2, 3)
    assert request.conversation.last_user_text() == "a\nc"


def test_a_phrase_cut_between_blocks_and_turns_is_seen():
    request = ask(
        {"role": "user", "content": [text("blue"), {"type": "thinking", "thinking": "x"}, text("fin")]},
        {"role": "user", "content": "ch"},
    )
    assert "bluefinch" in [s.text for s in input_segments(request.conversation)]
    request = ask({"role": "user", "content": [result([text("blue"), text("finch")])]})
    assert "bluefinch" in [s.text for s in input_segments(request.conversation)]


@pytest.mark.parametrize(
    ("fields", "structured"),
    [
        ({"tool_choice": {"type": "tool", "name": "f"}}, True),
        ({"tool_choice": {"type": "any"}}, False),
        ({"tool_choice": {"type": "auto"}}, False),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, True),
        ({"output_format": {"type": "json_schema", "schema": {}}}, True),
        ({"output_config": {"effort": "low"}}, False),
        ({"output_config": "x"}, False),
    ],
)
def test_structured_answers(fields, structured):
    request = ask(**fields)
    assert request.structured is structured
    assert request.noticed is not structured


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"messages": []}, "invalid_type", "messages"),
        ({"messages": "hi"}, "invalid_type", "messages"),
        ({"messages": ["hi"]}, "invalid_type", "messages[0]"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "invalid_type", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "invalid_type", "messages[0].content"),
        ({"system": 1}, "invalid_type", "system"),
        ({"system": [{"type": "tool_reference"}]}, "unsupported_content_part", "system[0]"),
        ({"tools": {}}, "invalid_type", "tools"),
        ({"tools": ["f"]}, "invalid_type", "tools[0]"),
        ({"tools": [{"name": 1}]}, "invalid_type", "tools[0].name"),
        ({"container": "c1"}, "unsupported_parameter", "container"),
        ({"container": {"id": "c1"}}, "unsupported_parameter", "container"),
        ({"thread": {"id": "t"}}, "unsupported_parameter", "thread"),
        ({"base_url": "http://x"}, "unsupported_parameter", "base_url"),
        ({"max_tokens": "8"}, "invalid_type", "max_tokens"),
        ({"stream": 1}, "invalid_type", "stream"),
        ({"model": ""}, "invalid_type", "model"),
    ],
)
def test_what_is_refused_names_its_place(fields, code, param):
    with pytest.raises(BadRequest) as caught:
        ask(**fields)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_limits():
    for fields, param in (({"messages": [HI, HI]}, "messages"), ({"tools": [{"name": "a"}, {"name": "b"}]}, "tools")):
        with pytest.raises(BadRequest) as caught:
            parse_request({"model": "m", "messages": [HI], **fields}, Limits(max_messages=1, max_tools=1))
        assert (caught.value.code, caught.value.param) == ("too_complex", param)


def test_texts_beside_the_messages():
    request = ask(
        {**HI, "name": "n", "x y": "z"},
        stop_sequences=["s"],
        x_vendor="v",
        thinking={"type": "enabled", "budget_tokens": 1024},
        cache_control={"type": "ephemeral"},
        container={"skills": [{"type": "anthropic", "skill_id": "pdf", "version": "latest"}]},
        service_tier="auto",
    )
    texts = [(scope, text) for scope, text, _ in extra_texts(request)]
    assert texts[:3] == [(Scope.USER, "n"), (Scope.USER, "x y"), (Scope.USER, "z")]
    assert {(Scope.USER, "s"), (Scope.USER, "x_vendor"), (Scope.USER, "v")} <= set(texts)


def test_media_is_put_on_the_list_of_the_unread():
    source = {"type": "base64", "media_type": "image/png", "data": "iVBO"}
    request = ask({"role": "user", "content": [{"type": "image", "source": source}]})
    assert [entry.kind for entry in request.conversation.unscannable] == ["image"]
    assert said(request) == [(Role.USER, Scope.USER, [])]


@pytest.mark.parametrize(
    ("system", "after"),
    [
        (None, "be kind"),
        ("", "be kind"),
        ("a", [text("a"), text("be kind")]),
        ([text("a")], [text("a"), text("be kind")]),
    ],
)
def test_an_instruction_of_ours_stands_last(system, after):
    tree = {"messages": [HI]} if system is None else {"messages": [HI], "system": system}
    assert insert_instruction(tree, "be kind")["system"] == after
    assert tree.get("system") == system
