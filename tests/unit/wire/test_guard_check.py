"""What can be checked, what is asked and what is answered in it, and the shape of a result."""

from __future__ import annotations

import json

import pytest

from guardproxy.core.commands import CONTENT
from guardproxy.errors import BadRequest
from guardproxy.wire.answer import ChannelText
from guardproxy.wire.body import Limits
from guardproxy.wire.guard_check import (
    MOST_ITEMS,
    Said,
    answered,
    parse_request,
    placed,
    result,
)

USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}


def parse(tree):
    return parse_request(tree, Limits())


def only(tree):
    (item,) = parse(tree).items
    return item


def said(request):
    return [p.text for m in request.conversation.messages for p in m.parts]


@pytest.mark.parametrize(
    ("tree", "asked", "answer"),
    [
        ({"text": "q"}, ["q"], None),
        ({"text": "q", "stage": "input"}, ["q"], None),
        ({"text": "a", "stage": "output"}, None, ["a"]),
        ({"messages": [USER]}, ["q"], None),
        ({"messages": [USER, ANSWER]}, ["q"], ["a"]),
        ({"messages": [USER, ANSWER, USER]}, ["q", "a", "q"], None),
        ({"messages": [ANSWER]}, None, ["a"]),
    ],
)
def test_what_is_asked_and_what_is_answered(tree, asked, answer):
    item = only(tree)
    assert (said(item.asked) if item.asked else None) == asked
    assert ([t.text for t in item.answer.texts] if item.answer else None) == answer
    assert item.text is ("text" in tree)
    assert '"q"' not in repr(item)


def test_a_whole_chat_body_is_read_like_one():
    tools = [{"type": "function", "function": {"name": "f", "description": "a tool's words"}}]
    item = only({"model": "m", "messages": [USER, ANSWER], "tools": tools, "stream": True, "temperature": 1})
    assert "a tool's words" in [p.text for m in item.asked.conversation.extras for p in m.parts]
    assert item.whole.tool_names == {"f"}


def test_the_body_is_not_changed_by_reading_its_answer():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call], "audio": {"data": "AAAA", "transcript": "t"}}
    tree = {"messages": [USER, message]}
    before = json.dumps(tree)
    with_audio = only(tree)
    assert json.dumps(tree) == before
    assert [t.text for t in with_audio.answer.texts] == ["{}", "t"]


def test_the_message_comes_back_with_what_was_released():
    item = only({"messages": [USER, {**ANSWER, "refusal": None}]})
    assert item.answered([ChannelText(CONTENT, "b")]) == {"role": "assistant", "content": "b", "refusal": None}


def test_a_batch_keeps_its_order_and_places():
    request = parse({"items": [{"text": "a"}, {"messages": [USER]}], "policy": "strict"})
    assert (request.batch, request.policy) == (True, "strict")
    assert [item.place for item in request.items] == ["items[0]", "items[1]"]


@pytest.mark.parametrize(
    ("tree", "code", "param"),
    [
        ({}, "invalid_type", "text"),
        ({"text": 5}, "invalid_type", "text"),
        ({"text": "a", "stage": "middle"}, "invalid_type", "stage"),
        ({"text": "a", "stage": ["input"]}, "invalid_type", "stage"),
        ({"text": "a", "tools": []}, "unsupported_parameter", "tools"),
        ({"text": "a", "messages": [USER]}, "unsupported_parameter", "text"),
        ({"messages": [USER], "stage": "input"}, "unsupported_parameter", "stage"),
        ({"messages": []}, "invalid_type", "messages"),
        ({"messages": [{"role": "root", "content": "x"}]}, "invalid_type", "messages[0].role"),
        ({"messages": [USER], "base_url": "x"}, "unsupported_parameter", "base_url"),
        ({"text": "a", "policy": 5}, "invalid_type", "policy"),
        ({"items": []}, "invalid_type", "items"),
        ({"items": {}}, "invalid_type", "items"),
        ({"items": ["a"]}, "invalid_type", "items[0]"),
        ({"items": [{"text": "a"}, {"text": 5}]}, "invalid_type", "items[1].text"),
        ({"items": [{"messages": [{"role": "user"}]}]}, "invalid_type", "items[0].messages[0].content"),
        ({"items": [{"text": "a", "policy": "p"}]}, "unsupported_parameter", "items[0].policy"),
        ({"items": [{"text": "a"}], "text": "b"}, "unsupported_parameter", "text"),
        ({"items": [{"text": "a"}] * (MOST_ITEMS + 1)}, "too_complex", "items"),
    ],
)
def test_bad_requests_name_the_place(tree, code, param):
    with pytest.raises(BadRequest) as caught:
        parse(tree)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_an_error_finds_its_place_in_the_batch():
    error = placed(BadRequest("x", code="c", status=413), "items[1]")
    assert (error.param, error.code, error.status) == ("items[1]", "c", 413)
    assert placed(BadRequest("x", code="c"), "").param is None


def test_a_result_has_the_members_of_the_contract():
    tree = result(Said({"decision_id": "d", "action": "allow", "hazards": []}, ("input",), None, None, {}))
    assert tree["id"] == "check-d"
    assert tree.keys() >= {"decision_id", "action", "hazards", "checked", "message", "redacted", "moderation"}
    assert json.loads(answered([tree], batch=False)) == tree
    assert json.loads(answered([tree, tree], batch=True)) == {"items": [tree, tree]}
