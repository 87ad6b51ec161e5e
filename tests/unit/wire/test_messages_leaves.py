import pytest

from guardproxy.core.commands import CONTENT, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.messages_leaves import (
    block_leaves,
    call_of,
    called_name,
    input_leaves,
    leaves_below,
    message_leaves,
    reasoning_of,
)


def found(leaves):
    return [(leaf.channel.key or str(leaf.channel.kind), leaf.text, leaf.key) for leaf in leaves]


def test_the_model_s_own_words_have_their_channels():
    (said,) = block_leaves({"type": "text", "text": "a", "citations": None}, 0, CONTENT)
    (thought,) = block_leaves({"type": "thinking", "thinking": "b", "signature": ""}, 1, CONTENT)
    (given,) = block_leaves({"type": "tool_use", "id": "t", "name": "f", "input": '{"a": 1}'}, 2, CONTENT)
    assert [leaf.channel for leaf in (said, thought, given)] == [CONTENT, reasoning_of(1), call_of(2)]
    assert given.channel.whole
    assert given.path == ("input",)


def test_all_else_is_named_after_its_place():
    page = {"type": "web_search_result", "title": "a title", "url": "u", "encrypted_content": "a b", "x": "y"}
    block = {"type": "web_search_tool_result", "tool_use_id": "t", "content": [page]}
    assert found(block_leaves(block, 3, CONTENT)) == [
        ("content.3.content.0.title", "a title", False),
        ("content.3.content.0.url", "u", False),
        ("content.3.content.0.encrypted_content", "a b", False),
        ("content.3.content.0.x{}", "x", True),
        ("content.3.content.0.x", "y", False),
    ]


def test_what_the_server_s_own_tools_are_given():
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": ["q"]}}
    assert [text for _, text, _ in found(block_leaves(block, 0, CONTENT))] == ["web_search", "query", "q"]
    assert found(input_leaves({"id": "a"}, (), "b")) == [("b.id{}", "id", True), ("b.id", "a", False)]


def test_words_that_no_list_knows_are_text():
    assert found(block_leaves({"type": "odd"}, 0, CONTENT)) == [("content.0.type", "odd", False)]
    assert found(block_leaves({"type": "text", "text": "", "id": "a b"}, 0, CONTENT)) == [
        ("content.0.id", "a b", False)
    ]


def test_a_message_beside_its_blocks():
    usage = {"input_tokens": 1, "service_tier": "standard", "speed": "a b"}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": ["never"], "usage": usage}
    assert found(message_leaves({**message, "stop_reason": "end_turn"}, "message")) == [
        ("message.usage.speed", "a b", False)
    ]
    odd = {"role": "user", "stop_reason": "because", "stop_sequence": "s"}
    assert [text for _, text, _ in found(message_leaves(odd, "end"))] == ["user", "because", "s"]


@pytest.mark.parametrize(
    ("block", "name"),
    [({"name": "f"}, "f"), ({"name": "click", "toolset_name": "browser"}, "browser"), ({}, ""), ({"name": 1}, "")],
)
def test_what_is_called(block, name):
    assert called_name(block) == name


def test_a_member_of_a_toolset_has_a_name_to_look_at():
    block = {"type": "tool_use", "name": "left_click", "toolset_name": "browser", "input": "{}"}
    leaves = block_leaves(block, 0, CONTENT)
    assert [leaf.text for leaf in leaves if leaf.channel.kind is ChannelKind.OTHER] == ["left_click", "browser"]


def test_depth_is_bounded():
    deep = "a"
    for _ in range(70):
        deep = [deep]
    with pytest.raises(UpstreamBadAnswer):
        list(leaves_below(deep, (), "x"))
