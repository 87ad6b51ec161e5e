import pytest

from guardproxy.core.commands import CONTENT, REFUSAL, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts_typed import (
    custom_call,
    function_call,
    output_text,
    reasoning,
    refusal_part,
    says,
)
from guardproxy.wire.responses_items import (
    called_in,
    cleaned,
    cleaned_response,
    is_call,
    item_leaves,
    response_leaves,
    slot_name,
)


def found(item, at=0):
    return [(leaf.channel.kind, leaf.channel.key, leaf.text) for leaf in item_leaves(item, at, CONTENT)]


def test_prose_is_one_channel_and_refusals_another():
    leaves = item_leaves(says(output_text("a"), refusal_part("b"), output_text("c")), 0, CONTENT)
    assert [(leaf.channel, leaf.text) for leaf in leaves] == [(CONTENT, "a"), (REFUSAL, "b"), (CONTENT, "c")]
    assert leaves[2].path == ("content", 2, "text")


def test_each_thought_has_a_channel():
    assert found(reasoning("t", "s"), 3) == [
        (ChannelKind.REASONING, "output.3.summary.0.text", "s"),
        (ChannelKind.REASONING, "output.3.content.0.text", "t"),
    ]


@pytest.mark.parametrize(
    ("item", "places"),
    [
        (function_call("f", "{}"), ["arguments"]),
        (custom_call("f", "x"), ["input"]),
        ({"type": "mcp_call", "id": "m", "arguments": "{}"}, ["arguments"]),
        ({"type": "shell_call", "action": {"commands": ["a", "b"]}}, ["action.commands.0", "action.commands.1"]),
        ({"type": "apply_patch_call", "operation": {"type": "update_file", "path": "p", "diff": "d"}}, ["operation.path", "operation.diff"]),
        ({"type": "computer_call", "actions": [{"type": "type", "text": "t"}]}, ["actions.0.text"]),
        ({"type": "tool_search_call", "arguments": {"query": "q"}}, ["arguments.query"]),
    ],
)  # fmt: skip
def test_inputs_of_calls_are_held_whole(item, places):
    leaves = item_leaves(item, 0, CONTENT)
    assert {leaf.channel.kind for leaf in leaves} == {ChannelKind.TOOL}
    assert all(leaf.channel.whole for leaf in leaves)
    assert [leaf.channel.key for leaf in leaves] == [f"output.0.{place}" for place in places]


def test_other_text_has_channels_of_its_own():
    item = {
        "type": "web_search_call",
        "id": "w",
        "status": "completed",
        "action": {"type": "search", "query": "q", "zz": "z"},
    }
    assert found(item) == [
        (ChannelKind.OTHER, "output.0.action.query", "q"),
        (ChannelKind.OTHER, "output.0.action.zz{}", "zz"),
        (ChannelKind.OTHER, "output.0.action.zz", "z"),
    ]


@pytest.mark.parametrize(
    ("item", "texts"),
    [
        ({"type": "message", "id": "two words", "content": []}, ["two words"]),
        ({"type": "message", "status": "strange", "content": []}, ["strange"]),
        ({"type": "strange", "id": "x"}, ["strange"]),
        ({"type": "message", "content": "plain"}, ["plain"]),
        ({"type": "message", "content": ["odd"]}, ["odd"]),
        (says({**output_text("t"), "annotations": [{"type": "url_citation", "title": "n", "url": "u", "file_id": "f"}]}), ["t", "n", "u"]),
        (says({**output_text("t"), "logprobs": [{"token": "t"}]}), ["t"]),
    ],
)  # fmt: skip
def test_words_of_the_api_are_no_text_and_all_else_is(item, texts):
    assert [leaf.text for leaf in item_leaves(item, 0, CONTENT)] == texts


def test_nothing_is_nested_for_ever():
    item = deep = {"type": "program_output"}
    for _ in range(70):
        deep["result"] = {}
        deep = deep["result"]
    deep["result"] = "x"
    with pytest.raises(UpstreamBadAnswer, match="nested"):
        item_leaves(item, 0, CONTENT)


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (function_call("f", ""), "f"),
        (custom_call("g", ""), "g"),
        ({"type": "shell_call"}, "<shell_call>"),
        ({"type": "mcp_approval_request"}, "<mcp_approval_request>"),
        ({"type": "mcp_call", "name": "x"}, None),
        ({"type": "function_call", "name": ""}, None),
        (says(), None),
    ],
)
def test_who_is_called(item, name):
    assert called_in(item) == name


def test_calls_of_the_client_and_of_the_server():
    assert is_call("function_call")
    assert is_call("shell_call")
    assert not is_call("mcp_call")
    assert not is_call("message")


def test_what_nobody_can_look_at_is_taken_out():
    assert cleaned({"type": "reasoning", "summary": [], "encrypted_content": "x"}) == {
        "type": "reasoning",
        "summary": [],
    }
    assert cleaned({"type": "compaction", "encrypted_content": "x"})["encrypted_content"] == ""
    assert cleaned({"type": "image_generation_call", "result": "AAAA"})["result"] is None
    assert cleaned({"type": "function_call", "arguments": {"a": 1}})["arguments"] == '{"a":1}'
    with pytest.raises(UpstreamBadAnswer):
        cleaned("x")


def test_what_says_the_request_again_is_taken_out():
    response = {
        "id": "r",
        "instructions": "i",
        "tools": [{"name": "f"}],
        "tool_choice": {"type": "function", "name": "f"},
        "metadata": {"k": "v"},
        "prompt": {"id": "p"},
        "user": "u",
        "output_text": "once more",
        "text": {"format": {"type": "json_schema", "schema": {}}, "verbosity": "low"},
    }
    assert cleaned_response(response) == {
        "id": "r",
        "instructions": None,
        "tools": [],
        "tool_choice": "auto",
        "metadata": {},
        "text": {"format": {"type": "json_schema"}, "verbosity": "low"},
    }
    assert cleaned_response({"tool_choice": "required", "tools": None}) == {"tool_choice": "required", "tools": None}
    with pytest.raises(UpstreamBadAnswer):
        cleaned_response([])


def test_what_stands_beside_the_output():
    response = {"id": "r", "model": "m", "status": "completed", "output": ["x"], "zz": "two words", "usage": {"a_b": 1}}
    assert [(leaf.channel.key, leaf.text, leaf.path) for leaf in response_leaves(response)] == [
        ("response.zz{}", "zz", ("zz",)),
        ("response.zz", "two words", ("zz",)),
        ("response.usage.a_b{}", "a_b", ("usage", "a_b")),
    ]


def test_a_slot_has_one_name():
    assert slot_name(2, ("content", 0, "text")) == "output.2.content.0.text"
