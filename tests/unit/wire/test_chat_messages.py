import pytest

from guardproxy.core.conversation import Role, Scope
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits
from guardproxy.wire.chat_messages import inner_strings, read_messages


def read(*messages):
    return read_messages(list(messages), Limits())


def texts(messages):
    return [(m.role, m.scope, [(p.text, str(p.pointer)) for p in m.parts]) for m in messages]


def test_every_message_has_its_scope():
    roles = [role.value for role in Role]
    found = read(*({"role": role, "content": "words"} for role in roles))
    assert {m.role: m.scope for m in found.messages} == {
        Role.SYSTEM: Scope.SYSTEM,
        Role.DEVELOPER: Scope.SYSTEM,
        Role.USER: Scope.USER,
        Role.ASSISTANT: Scope.HISTORY,
        Role.TOOL: Scope.TOOL_RESULT,
        Role.FUNCTION: Scope.TOOL_RESULT,
    }
    assert found.extras == []


def test_content_stands_alone_and_everything_else_beside_it():
    """A name between two turns must not hide a phrase that is cut between them."""
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"q": "ro\\u0073e", "n": 1}'}}
    found = read(
        {"role": "user", "name": "ann", "content": "one"},
        {"role": "assistant", "content": None, "tool_calls": [call], "x_note": "two"},
    )
    assert texts(found.messages) == [
        (Role.USER, Scope.USER, [("one", "messages[0].content")]),
        (Role.ASSISTANT, Scope.HISTORY, []),
    ]
    assert texts(found.extras) == [
        (None, Scope.USER, [("ann", "messages[0].name")]),
        (
            None,
            Scope.HISTORY,
            [
                ("look", "messages[1].tool_calls[0].function.name"),
                ("q", "messages[1].tool_calls[0].function.arguments.q"),
                ("rose", "messages[1].tool_calls[0].function.arguments.q"),
                ("n", "messages[1].tool_calls[0].function.arguments.n"),
                ("x_note", "messages[1].x_note"),
                ("two", "messages[1].x_note"),
            ],
        ),
    ]
    assert [part.pointer.key for part in found.extras[1].parts] == [False, True, False, True, True, False]


def test_arguments_that_are_no_json_are_one_text():
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"q": "a", "q": "b"}'}}
    found = read({"role": "assistant", "content": "", "tool_calls": [call]})
    assert [p.text for p in found.extras[0].parts] == ["f", '{"q": "a", "q": "b"}']


def test_parts_keep_their_order_around_a_picture():
    found = read(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "half "},
                {"type": "image_url", "image_url": {"url": "https://x.example/a?b=c", "detail": "low"}},
                {"type": "text", "text": "word", "x": "beside"},
            ],
        }
    )
    assert [p.text for p in found.messages[0].parts] == ["half ", "word"]
    assert [p.text for p in found.extras[0].parts] == ["https://x.example/a?b=c", "x", "beside"]
    assert [(u.kind, str(u.pointer)) for u in found.unscannable] == [("image", "messages[0].content[1]")]


def test_text_in_a_data_address_is_content():
    part = {"type": "image_url", "image_url": {"url": "data:text/plain;base64,Z2FyZGVu"}}
    found = read({"role": "user", "content": [part]})
    assert [(p.text, p.pointer.key) for p in found.messages[0].parts] == [("garden", True)]
    assert found.unscannable == []
    assert found.extras == []


@pytest.mark.parametrize("holder", ["data:text/plain;base64,Z2FyZGVu", {"file_data": "data:text/plain,garden"}])
def test_text_in_a_file_is_content(holder):
    found = read({"role": "user", "content": [{"type": "file", "file": holder}]})
    assert [(p.text, p.pointer.key) for p in found.messages[0].parts] == [("garden", True)]
    assert found.unscannable == []


def test_what_was_said_in_a_sound_is_text():
    heard = {"data": "AAAA", "format": "wav", "transcript": "garden"}
    found = read({"role": "user", "content": [{"type": "input_audio", "input_audio": heard}]})
    assert "garden" in [p.text for p in found.extras[0].parts]
    assert [entry.kind for entry in found.unscannable] == ["audio"]


def test_an_attachment_has_the_scope_of_its_message():
    picture = [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]
    found = read({"role": "user", "content": picture}, {"role": "tool", "tool_call_id": "t", "content": picture})
    assert [entry.scope for entry in found.unscannable] == [Scope.USER, Scope.TOOL_RESULT]


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, "image"),
        ({"type": "image_url", "image_url": "https://x.example/a.png"}, "image"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "audio"),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}}, "file"),
        ({"type": "text", "text": "hi", "image_url": {"url": "data:image/png;base64,AAAA"}}, "image"),
    ],
)
def test_media_are_on_the_list_of_the_unread(part, kind):
    found = read({"role": "user", "content": [part]})
    assert [entry.kind for entry in found.unscannable] == [kind]


def test_a_file_name_is_text():
    found = read({"role": "user", "content": [{"type": "file", "file": {"filename": "plan.pdf", "file_data": "AA"}}]})
    assert [p.text for p in found.extras[0].parts] == ["plan.pdf"]


def test_refusals_of_the_history_are_content():
    found = read(
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "never"}]},
    )
    assert [[p.text for p in m.parts] for m in found.messages] == [["no"], ["never"]]
    assert found.extras == []


CALL = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("messages", "code", "param"),
    [
        (None, "invalid_type", "messages"),
        ([], "invalid_type", "messages"),
        ({}, "invalid_type", "messages"),
        (["hi"], "invalid_type", "messages[0]"),
        ([{"role": "user"}], "invalid_type", "messages[0].content"),
        ([{"role": "user", "content": None}], "invalid_type", "messages[0].content"),
        ([{"role": "system", "content": None}], "invalid_type", "messages[0].content"),
        ([{"role": "tool", "content": None}], "invalid_type", "messages[0].content"),
        ([{"role": "user", "content": 5}], "invalid_type", "messages[0].content"),
        ([{"role": "user", "content": {"text": "x"}}], "invalid_type", "messages[0].content"),
        ([{"role": "assistant", "content": True}], "invalid_type", "messages[0].content"),
        ([{"content": "hi"}], "invalid_type", "messages[0].role"),
        ([{"role": "root", "content": "hi"}], "invalid_type", "messages[0].role"),
        ([{"role": "User", "content": "hi"}], "invalid_type", "messages[0].role"),
        ([{"role": ["user"], "content": "hi"}], "invalid_type", "messages[0].role"),
        ([{"role": "user", "content": ["hi"]}], "invalid_type", "messages[0].content[0]"),
        ([{"role": "user", "content": [{"text": "hi"}]}], "unsupported_content_part", "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "banana"}]}], "unsupported_content_part", "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": ["text"]}]}], "unsupported_content_part", "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "text"}]}], "invalid_type", "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "invalid_type", "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "invalid_type", "messages[0].content[0].image_url"),
        (
            [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f-1"}}]}],
            "unsupported_parameter",
            "messages[0].content[0].file.file_id",
        ),
        ([{"role": "assistant", "audio": {"id": "a-1"}}], "unsupported_parameter", "messages[0].audio.id"),
        ([{"role": "assistant", "tool_calls": "x"}], "invalid_type", "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": ["x"]}], "invalid_type", "messages[0].tool_calls[0]"),
        (
            [{"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "a b"}}]}],
            "invalid_type",
            "messages[0].tool_calls[0].function.name",
        ),
        (
            [{"role": "assistant", "tool_calls": [{**CALL, "function": "f"}]}],
            "invalid_type",
            "messages[0].tool_calls[0].function",
        ),
        ([{"role": "assistant", "function_call": {"name": ""}}], "invalid_type", "messages[0].function_call.name"),
        ([{"role": "user", "content": "hi"}] * 4097, "too_complex", "messages"),
    ],
)
def test_wrong_shapes_name_their_place(messages, code, param):
    with pytest.raises(BadRequest) as caught:
        read_messages(messages, Limits())
    assert (caught.value.code, caught.value.param, caught.value.status) == (code, param, 400)


def test_inner_strings():
    assert list(inner_strings({"a": ["x", {"b": "y"}], "c": 1})) == [
        (("a",), "a", True),
        (("a", 0), "x", False),
        (("a", 1, "b"), "b", True),
        (("a", 1, "b"), "y", False),
        (("c",), "c", True),
    ]
