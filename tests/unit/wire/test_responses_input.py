import json
import typing

import pytest
from openai.types.responses import ResponseInputItemParam

from guardproxy.core.conversation import Role, Scope
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits
from guardproxy.wire.responses_input import read_input

CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": "b", "c": ["d"]}'}


def read(*items):
    return read_input(list(items), Limits())


def parts(messages):
    return [(m.role, m.scope, p.text) for m in messages for p in m.parts]


def extras(*items):
    return [(m.scope, p.text) for m in read(*items).extras for p in m.parts]


def test_a_string_is_what_the_user_says():
    found = read_input("hi", Limits())
    assert parts(found.messages) == [(Role.USER, Scope.USER, "hi")]
    assert found.entries == [-1]


@pytest.mark.parametrize(
    ("role", "scope"),
    [("user", Scope.USER), ("system", Scope.SYSTEM), ("developer", Scope.SYSTEM), ("assistant", Scope.HISTORY)],
)
@pytest.mark.parametrize("typed", [{}, {"type": "message"}])
def test_messages_speak_under_their_role(role, scope, typed):
    found = read(
        {**typed, "role": role, "content": "a"},
        {**typed, "role": role, "content": [{"type": "input_text", "text": "b"}]},
    )
    assert parts(found.messages) == [(Role(role), scope, "a"), (Role(role), scope, "b")]
    assert found.entries == [0, 1]


def test_an_answer_comes_back_as_it_was_given():
    content = [
        {
            "type": "output_text",
            "text": "a",
            "annotations": [{"type": "url_citation", "title": "t", "url": "u v"}],
            "logprobs": [],
        },
        {"type": "refusal", "refusal": "no"},
    ]
    found = read({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content})
    assert parts(found.messages) == [(Role.ASSISTANT, Scope.HISTORY, "a"), (Role.ASSISTANT, Scope.HISTORY, "no")]
    assert [(m.scope, p.text) for m in found.extras for p in m.parts] == [(Scope.HISTORY, "t"), (Scope.HISTORY, "u v")]


def test_what_a_tool_gave_back_is_indirect():
    found = read(
        {"type": "function_call_output", "call_id": "c", "output": "a"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "b"}]},
        {
            "type": "shell_call_output",
            "call_id": "c",
            "output": [{"stdout": "o", "stderr": "e", "outcome": {"type": "timeout"}}],
        },
        {"type": "local_shell_call_output", "id": "c", "output": "l"},
        {"type": "apply_patch_call_output", "call_id": "c", "status": "completed", "output": "p"},
        {"type": "program_output", "id": "x", "call_id": "c", "result": "r", "status": "completed"},
    )
    assert {(role, scope) for role, scope, _ in parts(found.messages)} == {(Role.TOOL, Scope.TOOL_RESULT)}
    assert [text for *_, text in parts(found.messages)] == list("aboelpr")
    assert found.extras == []


def test_arguments_are_taken_apart():
    assert extras(CALL) == [(Scope.HISTORY, text) for text in ("f", "a", "b", "c", "d")]
    assert (Scope.HISTORY, "not json") in extras({**CALL, "arguments": "not json"})


def test_thoughts_are_history_that_joins_nothing():
    item = {
        "type": "reasoning",
        "id": "r",
        "summary": [{"type": "summary_text", "text": "s"}],
        "encrypted_content": None,
    }
    assert extras(item) == [(Scope.HISTORY, "s")]
    assert read(item).messages == []


def test_tools_among_the_items_are_definitions():
    tools = [{"type": "function", "name": "late", "description": "d"}]
    found = read({"type": "additional_tools", "role": "developer", "tools": tools})
    assert found.tools == [("input", 0, "tools")]
    assert [(m.scope, p.text) for m in found.extras for p in m.parts] == [
        (Scope.TOOL_DEFINITION, "late"),
        (Scope.TOOL_DEFINITION, "d"),
    ]


@pytest.mark.parametrize(
    ("part", "kinds", "texts"),
    [
        ({"type": "input_image", "image_url": "https://h/a?q=x y"}, ["image"], ["https://h/a?q=x y"]),
        ({"type": "input_image", "image_url": "data:image/png;base64,AAAA"}, ["image"], []),
        ({"type": "input_image", "image_url": "data:text/plain,hello%20you"}, [], ["hello you"]),
        ({"type": "input_file", "file_data": "data:text/plain;base64,aGk=", "filename": "a b"}, [], ["hi", "a b"]),
        ({"type": "input_file", "file_data": "AAAA", "filename": "a b"}, ["file"], ["a b"]),
        ({"type": "input_file", "file_url": "https://h/a b"}, ["file"], ["https://h/a b"]),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, ["audio"], []),
        ({"type": "input_image"}, ["image"], []),
        ({"type": "input_text", "text": "t", "image_url": "data:image/png;base64,AAAA"}, ["image"], ["t"]),
    ],
)
def test_media_go_on_the_list_of_the_unread(part, kinds, texts):
    found = read({"role": "user", "content": [part]})
    assert [entry.kind for entry in found.unscannable] == kinds
    assert [p.text for m in (*found.messages, *found.extras) for p in m.parts] == texts


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,AA"}}, "image"),
        ({"type": "image_generation_call", "id": "i", "status": "completed", "result": "AAAA"}, "image"),
        ({"type": "code_interpreter_call", "id": "i", "container_id": "c", "code": "x", "outputs": [{"type": "image", "url": "u"}]}, "image"),
    ],
)  # fmt: skip
def test_pictures_of_tools_are_unread_too(item, kind):
    assert [entry.kind for entry in read(item).unscannable] == [kind]


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ({"type": "item_reference", "id": "x"}, "unsupported_parameter", "input[0]"),
        ({"id": "x"}, "unsupported_parameter", "input[0]"),
        ({"type": "compaction", "encrypted_content": "x"}, "unsupported_parameter", "input[0]"),
        ({"type": "compaction_trigger"}, "unsupported_parameter", "input[0]"),
        ({"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"}, "unsupported_parameter", "input[0].encrypted_content"),
        ({"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}, "unsupported_parameter", "input[0].content[0].file_id"),
        ({"type": "smoke_signal"}, "unsupported_content_part", "input[0]"),
        ({"type": ["message"]}, "unsupported_content_part", "input[0]"),
        ({}, "unsupported_content_part", "input[0]"),
        ({"role": "user", "content": [{"type": "smoke"}]}, "unsupported_content_part", "input[0].content[0]"),
        ({"role": "user", "content": [7]}, "invalid_type", "input[0].content[0]"),
        ({"role": "user", "content": 7}, "invalid_type", "input[0].content"),
        ({"role": "user"}, "invalid_type", "input[0].content"),
        ({"role": "critic", "content": "x"}, "invalid_type", "input[0].role"),
        ({"role": "user", "content": [{"type": "input_text", "text": 7}]}, "invalid_type", "input[0].content[0].text"),
        ({**CALL, "name": "two words"}, "invalid_type", "input[0].name"),
        ("x", "invalid_type", "input[0]"),
    ],
)  # fmt: skip
def test_what_is_turned_away(item, code, param):
    with pytest.raises(BadRequest) as caught:
        read(item)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    ("value", "code"), [([], "invalid_type"), (None, "invalid_type"), ([1, 2], "unscannable_prompt")]
)
def test_the_list_itself(value, code):
    with pytest.raises(BadRequest) as caught:
        read_input(value, Limits())
    assert caught.value.code == code


def test_a_list_has_its_limit():
    with pytest.raises(BadRequest, match="more than 2"):
        read_input([{"role": "user", "content": "x"}] * 3, Limits(max_messages=2))


# ── every published item


def made(kind, count):
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return made(args[0], count)
    if origin is typing.Literal:
        return args[0]
    if origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
        return made(args[0], count)
    if origin is dict:
        return {"key": made(args[1], count)}
    if args:
        inner = typing.get_args(args[0]) if typing.get_origin(args[0]) is typing.Union else args
        return [made(one, count) for one in inner]
    if hasattr(kind, "__required_keys__"):
        hints = typing.get_type_hints(kind, include_extras=True)
        return {name: made(hint, count) for name, hint in hints.items() if name not in UNSEEN}
    if kind is str:
        count.append(f"words number {len(count)}")
        return count[-1]
    return {int: 1, float: 1.0, bool: True, object: {"key": 1}}.get(kind)


UNSEEN = {"file_id", "file_ids", "encrypted_content", "skill_id"}
NOT_SERVED = {"item_reference", "compaction", "compaction_trigger"}


@pytest.mark.parametrize("kind", typing.get_args(ResponseInputItemParam), ids=lambda kind: kind.__name__)
def test_every_string_of_every_published_item_is_read(kind):
    words = []
    item = made(kind, words)
    if item.get("type") in NOT_SERVED:
        return
    item |= {"name": "f"} if item.get("type") in {"function_call", "custom_tool_call"} else {}
    found = read(item)
    said = {p.text for m in (*found.messages, *found.extras) for p in m.parts}
    missing = {word for word in words if word in json.dumps(item)} - said
    unread = {
        item.get("result"),
        *(part.get("file_data") for part in item.get("content") or () if isinstance(part, dict)),
    }
    assert missing <= unread
    assert not missing or found.unscannable
