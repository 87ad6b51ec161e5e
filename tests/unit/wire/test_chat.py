import json
from pathlib import Path

import pytest

from guardproxy.core.conversation import Scope
from guardproxy.core.segments import input_segments
from guardproxy.errors import BadRequest
from guardproxy.wire.body import parse, serialise
from guardproxy.wire.chat import parse_request

HI = [{"role": "user", "content": "hi"}]
CASES = Path("/work/shared/cases/conversation_bodies.jsonl")


def ask(**fields):
    return parse_request({"model": "m", "messages": HI, **fields})


def extra_texts(request):
    return [(m.scope, p.text, p.identifier) for m in request.conversation.extras for p in m.parts]


def test_a_plain_request():
    request = ask()
    assert (request.model, request.stream, request.n, request.structured) == ("m", False, 1, False)
    assert not request.include_usage
    assert not request.has_tools
    assert request.noticed
    assert request.prose
    assert not request.last_message_is_assistant
    assert request.conversation.last_user_text() == "hi"
    assert request.conversation.extras == ()
    assert "hi" not in repr(request)


def test_what_the_flow_needs_to_know():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    request = ask(
        stream=True,
        stream_options={"include_usage": True},
        n=3,
        tools=[tool, {"type": "custom", "custom": {"name": "g"}}],
        functions=[{"name": "h"}],
        safety_identifier="u1",
        messages=[*HI, {"role": "assistant", "content": "Sure,"}],
    )
    assert (request.stream, request.include_usage, request.n) == (True, True, 3)
    assert request.tool_names == {"f", "g", "h"}
    assert request.last_message_is_assistant
    assert request.safety_identifier == "u1"


@pytest.mark.parametrize(
    ("fields", "structured"),
    [
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "s"}}}, True),
        ({"response_format": {"type": "text"}}, False),
        ({"response_format": {"type": ["json_object"]}}, False),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, True),
        ({"tool_choice": "auto"}, False),
        ({"function_call": {"name": "f"}}, True),
        ({"function_call": "auto"}, False),
    ],
)
def test_structured(fields, structured):
    assert ask(**fields).structured is structured


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stop": ["a b", "c"]}, [(Scope.USER, "a b", False), (Scope.USER, "c", False)]),
        ({"stop": "end here"}, [(Scope.USER, "end here", False)]),
        ({"user": "u1"}, [(Scope.USER, "u1", True)]),
        ({"metadata": {"k": "v"}}, [(Scope.USER, "k", True), (Scope.USER, "v", True)]),
        ({"prediction": {"type": "content", "content": "soon"}}, [(Scope.USER, "soon", False)]),
        (
            {"prediction": {"type": "content", "content": [{"type": "text", "text": "soon"}]}},
            [(Scope.USER, "text", False), (Scope.USER, "soon", False)],
        ),
        ({"x_note": {"deep": ["er"]}}, [(Scope.USER, t, False) for t in ("x_note", "deep", "er")]),
        ({"documents": [{"text": "found"}]}, [(Scope.TOOL_RESULT, "found", False)]),
        ({"chat_template": "{{ x }}"}, [(Scope.SYSTEM, "{{ x }}", False)]),
        ({"reasoning_effort": "low", "seed": 1, "logit_bias": {"12": -5}}, []),
        ({"reasoning_effort": "very low indeed"}, [(Scope.USER, "very low indeed", False)]),
        ({"guardrails": [], "logprobs": True, "temperature": 0.5}, []),
    ],
)
def test_fields_beside_the_messages(fields, expected):
    assert extra_texts(ask(**fields)) == expected


def test_tool_definitions_are_text_down_to_the_enum():
    schema = {"type": "object", "properties": {"town": {"type": "string", "enum": ["Rome"], "description": "where"}}}
    tool = {"type": "function", "function": {"name": "weather", "description": "tells", "parameters": schema}}
    found = extra_texts(ask(tools=[tool]))
    assert [text for _, text, _ in found] == ["weather", "tells", "town", "Rome", "where"]
    assert {scope for scope, _, _ in found} == {Scope.TOOL_DEFINITION}


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"stream": "true"}, "invalid_type", "stream"),
        ({"stream": 1}, "invalid_type", "stream"),
        ({"stream": None}, "invalid_type", "stream"),
        ({"model": ""}, "invalid_type", "model"),
        ({"model": None}, "invalid_type", "model"),
        ({"model": ["m"]}, "invalid_type", "model"),
        ({"n": 1000}, "unsupported_parameter", "n"),
        ({"n": 0}, "unsupported_parameter", "n"),
        ({"n": True}, "invalid_type", "n"),
        ({"n": "2"}, "invalid_type", "n"),
        ({"n": 1.0}, "invalid_type", "n"),
        ({"max_tokens": 10**9}, "unsupported_parameter", "max_tokens"),
        ({"max_completion_tokens": 10**9}, "unsupported_parameter", "max_completion_tokens"),
        ({"api_base": "http://127.0.0.1:1/"}, "unsupported_parameter", "api_base"),
        ({"API_Base": None}, "unsupported_parameter", "api_base"),
        ({"base_url": "x"}, "unsupported_parameter", "base_url"),
        ({"api_key": "x"}, "unsupported_parameter", "api_key"),
        ({"organization": "x"}, "unsupported_parameter", "organization"),
        ({"extra_body": {"api_base": "x"}}, "unsupported_parameter", "extra_body.api_base"),
        ({"previous_response_id": "r"}, "unsupported_parameter", "previous_response_id"),
        ({"conversation": {"id": "c"}}, "unsupported_parameter", "conversation"),
        ({"background": True}, "unsupported_parameter", "background"),
        ({"Stream": True}, "unsupported_parameter", "Stream"),
        ({"stream_options": []}, "invalid_type", "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "invalid_type", "stream_options.include_usage"),
        ({"tools": {}}, "invalid_type", "tools"),
        ({"tools": ["f"]}, "invalid_type", "tools[0]"),
        ({"tools": [{"function": {"name": 5}}]}, "invalid_type", "tools[0].name"),
        ({"tools": [{"type": "function"}] * 257}, "too_complex", "tools"),
        ({"messages": []}, "invalid_type", "messages"),
    ],
)
def test_refused_fields(fields, code, param):
    with pytest.raises(BadRequest) as caught:
        ask(**fields)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    ("fields", "kind", "place"),
    [
        ({"modalities": ["text", "audio"]}, "audio_answer", "modalities"),
        ({"prompt": list(range(9))}, "token_ids", "prompt"),
        ({"x": {"y": [[1] * 20]}}, "token_ids", "x.y"),
    ],
)
def test_what_cannot_be_read(fields, kind, place):
    assert [(u.kind, str(u.pointer)) for u in ask(**fields).conversation.unscannable] == [(kind, place)]


def test_odd_modalities_do_no_harm():
    assert ask(modalities=5).conversation.unscannable == ()
    assert ask(modalities=None).conversation.unscannable == ()


def test_numbers_in_a_schema_are_no_token_ids():
    tool = {"function": {"name": "f", "parameters": {"enum": list(range(12))}}}
    assert ask(tools=[tool]).conversation.unscannable == ()


@pytest.mark.skipif(not CASES.exists(), reason="needs the shared cases")
def test_the_shared_bodies():
    """Every row's phrase is in a segment, or the row is refused here; harmless rows pass whole."""
    canaries = json.loads((CASES.parent / "canaries.json").read_text())
    phrases = {row["id"]: row["text"] for row in canaries}
    refused = {}
    for line in CASES.read_text().splitlines():
        row = json.loads(line)
        try:
            request = parse_request(parse(serialise(row["body"])))
        except BadRequest as error:
            refused[row["id"]] = (row["expect"], bool(error.param))
            continue
        seen = [s.text for s in input_segments(request.conversation) if not s.identifier]
        shown = any(phrases[row["canary"]] in text for text in seen) if row.get("canary") else False
        assert row["expect"] != "400", row["id"]
        if row["expect"] in {"blocked", "not_upstream"}:
            assert shown or request.conversation.unscannable, row["id"]
        if row["expect"] == "pass":
            assert not shown, row["id"]
            assert request.tree == row["body"], row["id"]
    assert {expect for expect, _ in refused.values()} <= {"400", "blocked", "not_upstream"}
    assert all(placed for _, placed in refused.values())
