import json

import pytest

from guardproxy.core.commands import CONTENT, REASONING, REFUSAL, Channel, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import (
    CallKeys,
    called_names,
    calls_tools,
    choice_leaves,
    choices_of,
    load_answer,
    normalise,
    top_leaves,
)


def tool(key):
    return Channel(ChannelKind.TOOL, key, whole=True)


def other(key):
    return Channel(ChannelKind.OTHER, key)


def leaves(held, holder="delta", **choice):
    found = choice_leaves({"index": 0, holder: held, "finish_reason": None, **choice}, holder, CONTENT, CallKeys())
    return [(leaf.channel, leaf.text) for leaf in found]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({"role": "assistant", "content": "a"}, [(CONTENT, "a")]),
        ({"content": ""}, []),
        ({"content": None}, []),
        (None, []),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, [(CONTENT, "a"), (CONTENT, "b")]),
        ({"content": ["a"]}, [(other("message.content.0"), "a")]),
        ({"refusal": "no"}, [(REFUSAL, "no")]),
        ({"reasoning_content": "a"}, [(REASONING, "a")]),
        ({"reasoning": "a"}, [(Channel(ChannelKind.REASONING, "reasoning"), "a")]),
        (
            {"reasoning_details": [{"type": "reasoning.text", "index": 1, "id": "r-1", "text": "a"}]},
            [(Channel(ChannelKind.REASONING, "details.1"), "a")],
        ),
        (
            {"reasoning_details": [{"type": "reasoning.summary", "summary": "a", "x": "b"}, "c"]},
            [
                (Channel(ChannelKind.REASONING, "details.0"), "a"),
                (other("message.reasoning_details.0.x{}"), "x"),
                (other("message.reasoning_details.0.x"), "b"),
                (other("message.reasoning_details.1"), "c"),
            ],
        ),
        ({"tool_calls": [{"index": 2, "id": "t", "function": {"name": "f", "arguments": "{}"}}]}, [(tool("2"), "{}")]),
        ({"tool_calls": [{"index": 0, "custom": {"name": "f", "input": "go"}}]}, [(tool("0"), "go")]),
        ({"function_call": {"name": "f", "arguments": "{}"}}, [(tool("function_call"), "{}")]),
        ({"x": "a"}, [(other("message.x{}"), "x"), (other("message.x"), "a")]),
        ({"annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}]}, None),
        ("text", [(other("message"), "text")]),
        ({"role": "walrus"}, [(other("message.role"), "walrus")]),
        ({"tool_calls": [{"index": 0, "type": "walrus"}]}, [(other("message.tool_calls.0.type"), "walrus")]),
        ({"content": [{"type": "walrus"}]}, [(other("message.content.0.type"), "walrus")]),
    ],
)
def test_channels(held, expected):
    if expected is None:
        assert [text for _, text in leaves(held)] == ["url_citation", "u", "t"]
    else:
        assert leaves(held) == expected
    assert leaves(held, "message") == leaves(held, "delta")


def test_what_stands_in_the_choice_itself():
    assert leaves({}, finish_reason="stop", stop_reason="END", logprobs={"content": [{"token": "x"}]}) == [
        (other("stop_reason"), "END")
    ]
    assert leaves({}, finish_reason="because") == [(other("finish_reason"), "because")]


def test_how_severe_azure_finds_it_is_one_of_four_words():
    found = {"hate": {"filtered": False, "severity": "safe"}, "sexual": {"severity": "walrus"}}
    assert leaves({}, content_filter_results=found) == [(other("content_filter_results.sexual.severity"), "walrus")]


def test_what_kind_of_reasoning_openrouter_sends_is_a_word():
    details = [{"type": "reasoning.text", "format": "anthropic-claude-v1", "text": "a"}, {"type": "walrus"}]
    assert leaves({"reasoning_details": details}) == [
        (Channel(ChannelKind.REASONING, "details.0"), "a"),
        (other("message.reasoning_details.1.type"), "walrus"),
    ]


def test_top_leaves():
    tree = {
        "id": "c1",
        "model": "a/b",
        "object": "chat.completion",
        "provider": "P",
        "x": {"y": "z"},
        "choices": ["no"],
    }
    found = [(leaf.channel.key, leaf.text, leaf.path) for leaf in top_leaves(tree)]
    assert found == [
        ("top.provider", "P", ("provider",)),
        ("top.x{}", "x", ("x",)),
        ("top.x.y{}", "y", ("x", "y")),
        ("top.x.y", "z", ("x", "y")),
    ]
    assert [leaf.text for leaf in top_leaves({"id": "two words"})] == ["two words"]


@pytest.mark.parametrize(
    ("deltas", "keys"),
    [
        ([[{"index": 0, "id": "a"}], [{"index": 1, "id": "b"}], [{"index": 0}]], ["0", "1", "0"]),
        ([[{"id": "a"}], [{}], [{"id": "b"}], [{}]], ["id:a", "id:a", "id:b", "id:b"]),
        ([[{}, {}]], ["0", "1"]),
        ([[{"index": None, "id": "a"}, {"index": True, "id": "b"}]], ["id:a", "id:b"]),
        ([["x"]], ["0"]),
    ],
)
def test_call_keys(deltas, keys):
    given = CallKeys()
    assert [given.key(call, at) for delta in deltas for at, call in enumerate(delta)] == keys


@pytest.mark.parametrize(
    ("deltas", "keys"),
    [
        (["f", "g", "", "g"], ["0", "next:1", "next:1", "next:1"]),
        (["f", "f", ""], ["0", "0", "0"]),
    ],
)
def test_another_name_begins_another_call_where_nothing_else_tells(deltas, keys):
    given = CallKeys()
    assert [given.key({"id": "", "function": {"name": name}}, 0) for name in deltas] == keys


def test_the_same_calls_have_the_same_keys_however_often_they_are_looked_at():
    held = {
        "tool_calls": [{"function": {"name": "f", "arguments": "1"}}, {"function": {"name": "g", "arguments": "2"}}]
    }
    keys = CallKeys()
    for _ in range(2):
        found = choice_leaves({"delta": held}, "delta", CONTENT, keys)
        assert [leaf.channel.key for leaf in found] == ["0", "1"]
        assert [(c.key, c.name) for c in called_names({"delta": held}, "delta", keys)] == [("0", "f"), ("1", "g")]


def test_thinking_in_a_part_of_the_content_is_reasoning():
    thinking = Channel(ChannelKind.REASONING, "thinking")
    part = {"type": "thinking", "thinking": [{"type": "text", "text": "a"}, {"thinking": "b"}]}
    assert leaves({"content": [part, {"type": "thinking", "thinking": "c"}]}) == [
        (thinking, "a"),
        (other("message.content.0.thinking.1.thinking"), "b"),
        (thinking, "c"),
    ]


def test_called_names():
    held = {
        "tool_calls": [{"index": 0, "function": {"name": "f"}}, {"index": 1, "custom": {"name": "g"}}, {"index": 2}],
        "function_call": {"name": "h"},
    }
    found = called_names({"delta": held}, "delta", CallKeys())
    assert [(c.key, c.name) for c in found] == [("0", "f"), ("1", "g"), ("function_call", "h")]
    assert calls_tools({"delta": held}, "delta")
    assert not calls_tools({"delta": {"tool_calls": []}}, "delta")
    assert not calls_tools({"delta": None}, "delta")


def test_a_byte_order_mark_is_no_part_of_an_answer():
    assert load_answer(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"null", b"NaN", b"<html>", b'{"a":"\xff"}', b"[" * 5000])
def test_no_answer(raw):
    with pytest.raises(UpstreamBadAnswer):
        load_answer(raw)


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"choices": None},
        {"choices": {}},
        {"choices": ["x"]},
        {"error": {"message": "x"}, "choices": []},
        {"object": "error", "choices": []},
        {"choices": [{"finish_reason": "error"}]},
    ],
)
def test_no_choices(tree):
    with pytest.raises(UpstreamBadAnswer):
        choices_of(tree)


def test_a_call_without_its_list_is_a_call():
    tree = {"choices": [{"delta": {"tool_calls": {"index": 0, "function": {"name": "f", "arguments": {"q": 1}}}}}]}
    (choice,) = normalise(tree, "delta")
    assert choice["delta"]["tool_calls"] == [{"index": 0, "function": {"name": "f", "arguments": '{"q":1}'}}]


@pytest.mark.parametrize(("holder", "finish"), [("delta", None), ("message", "")])
def test_an_empty_finish_reason_ends_no_stream(holder, finish):
    (choice,) = normalise({"choices": [{holder: {}, "finish_reason": ""}]}, holder)
    assert choice["finish_reason"] == finish


@pytest.mark.parametrize(("holder", "beside"), [("delta", "message"), ("message", "delta")])
def test_a_second_holder_is_dropped(holder, beside):
    (choice,) = normalise({"choices": [{holder: {"content": "a"}, beside: {"content": "b"}, "x": 1}]}, holder)
    assert choice == {holder: {"content": "a"}, "x": 1}


def test_endless_nesting_is_a_protocol_error():
    value = "x"
    for _ in range(70):
        value = {"a": value}
    with pytest.raises(UpstreamBadAnswer, match="nested"):
        top_leaves({"x": value})


def test_normalise():
    tree = {
        "obfuscation": "abc",
        "choices": [
            {
                "token_ids": [1, 2],
                "message": {
                    "audio": {"data": "AAAA", "transcript": "hi"},
                    "tool_calls": [{"function": {"name": "f", "arguments": {"q": "é"}}}, "x"],
                    "function_call": {"name": "f", "arguments": {}},
                },
            },
            {"message": None},
        ],
    }
    normalise(tree, "message")
    message = tree["choices"][0]["message"]
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"q": "é"}
    assert message["function_call"]["arguments"] == "{}"
    assert message["audio"] == {"transcript": "hi"}
    assert "obfuscation" not in tree
    assert "token_ids" not in tree["choices"][0]
