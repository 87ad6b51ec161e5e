import typing

import pytest
from openai.types.responses import ResponseStreamEvent

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.responses_events import FAILS, is_known, number, read_kind, shown, spoken


def test_the_published_list_is_known():
    kinds = [typing.get_args(kind.model_fields["type"].annotation)[0] for kind in published()]
    assert len(kinds) > 50
    assert [kind for kind in kinds if not is_known(kind)] == []
    assert not is_known("response.words")


def published():
    union = ResponseStreamEvent
    while typing.get_origin(union) is typing.Annotated:
        union = typing.get_args(union)[0]
    return typing.get_args(union)


@pytest.mark.parametrize(
    ("tree", "path", "member", "whole", "closes"),
    [
        ({"type": "response.output_text.delta", "output_index": 1, "content_index": 2}, ("content", 2, "text"), ("delta",), False, False),
        ({"type": "response.output_text.done", "output_index": 1}, ("content", 0, "text"), ("text",), True, True),
        ({"type": "response.refusal.delta", "output_index": 1}, ("content", 0, "refusal"), ("delta",), False, False),
        ({"type": "response.reasoning_summary_text.delta", "output_index": 1, "summary_index": 3}, ("summary", 3, "text"), ("delta",), False, False),
        ({"type": "response.function_call_arguments.done", "output_index": 1}, ("arguments",), ("arguments",), True, True),
        ({"type": "response.custom_tool_call_input.delta", "output_index": 1}, ("input",), ("delta",), False, False),
        ({"type": "response.shell_call_command.added", "output_index": 1, "command_index": 2}, ("action", "commands", 2), ("command",), True, False),
    ],
)  # fmt: skip
def test_where_a_text_stands(tree, path, member, whole, closes):
    (piece,) = spoken(tree)
    assert (piece.at, piece.path, piece.member, piece.whole, piece.closes) == (1, path, member, whole, closes)


def test_an_output_of_a_shell_has_two_texts():
    tree = {
        "type": "response.shell_call_output_content.delta",
        "delta": {"stdout": "a", "stderr": "b"},
        "command_index": 1,
    }
    assert [(piece.path, piece.member) for piece in spoken(tree)] == [
        (("output", 1, "stdout"), ("delta", "stdout")),
        (("output", 1, "stderr"), ("delta", "stderr")),
    ]


@pytest.mark.parametrize("kind", ["response.created", "response.output_text.annotation.added", "response.words.delta"])
def test_other_events_have_none(kind):
    assert spoken({"type": kind}) == []


@pytest.mark.parametrize(
    ("kind", "path", "member", "starts", "closes"),
    [
        ("response.output_item.added", (), "item", True, False),
        ("response.output_item.done", (), "item", False, True),
        ("response.content_part.added", ("content", 0), "part", True, False),
        ("response.reasoning_summary_part.done", ("summary", 0), "part", False, True),
        ("response.output_text.annotation.added", ("content", 0, "annotations", 0), "annotation", False, False),
        ("response.shell_call_output_content.done", ("output",), "output", False, True),
    ],
)
def test_what_is_shown_whole(kind, path, member, starts, closes):
    whole = shown({"type": kind})
    assert (whole.at, whole.path, whole.member, whole.starts, whole.closes) == (0, path, member, starts, closes)
    assert shown({"type": "response.created"}) is None


@pytest.mark.parametrize("value", [-1, "0", True, 10**6, None])
def test_an_index_is_a_number(value):
    with pytest.raises(UpstreamBadAnswer):
        number({"output_index": value}, "output_index")


def test_an_event_has_a_type():
    assert read_kind({"type": "error"}) in FAILS
    for tree in ({}, {"type": ""}, {"type": 7}):
        with pytest.raises(UpstreamBadAnswer):
            read_kind(tree)
