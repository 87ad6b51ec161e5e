"""Text completions become chat's shape on the way in and text again on the way out."""

import json

import pytest

from guardproxy.testing.scripts import chunk, continuation, text_chunk
from guardproxy.wire.shape import CHAT, TEXT

PLAIN = json.loads(continuation("a", "b").segments[0])
ODD = {**text_chunk("a", "stop", 3), "usage": {"total_tokens": 1}, "x": [1], "prompt_logprobs": None}


@pytest.mark.parametrize(("tree", "holder"), [(PLAIN, "message"), (text_chunk("a"), "delta"), (ODD, "delta")])
def test_there_and_back_again(tree, holder):
    inside = TEXT.inward(tree, holder)
    assert [choice[holder]["content"] for choice in inside["choices"]] == [c["text"] for c in tree["choices"]]
    assert all("text" not in choice for choice in inside["choices"])
    assert json.dumps(TEXT.outward(inside)) == json.dumps(tree)


def test_chat_stays_as_it_is():
    tree = chunk({"content": "a"})
    assert CHAT.outward(CHAT.inward(tree, "delta")) is tree


@pytest.mark.parametrize("text", [None, {}])
def test_a_choice_without_text_leaves_with_an_empty_one(text):
    choice = {"index": 0, **({} if text is None else {"text": None})}
    inside = TEXT.inward({"choices": [choice]}, "delta")
    assert inside["choices"] == [{"index": 0, "delta": {}}]
    assert TEXT.outward(inside)["choices"] == [{"index": 0, "text": ""}]


def test_a_message_beside_the_text_is_dropped():
    tree = {"choices": [{"index": 0, "text": "a", "message": {"content": "b"}, "delta": {"content": "c"}}]}
    assert TEXT.inward(tree, "message")["choices"] == [{"index": 0, "message": {"content": "a"}}]


@pytest.mark.parametrize("tree", [{}, {"choices": None}, {"choices": []}, {"choices": ["a"]}])
def test_what_holds_no_choices_is_left_to_the_reader(tree):
    assert TEXT.inward(tree, "delta") == tree


def test_our_own_chunks_are_named_after_the_surface():
    assert TEXT.outward(chunk({"role": "assistant"}))["object"] == "text_completion"
    assert TEXT.outward({"object": "vendor.chunk", "choices": []})["object"] == "vendor.chunk"
