import json

import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.messages_play import block, end, start
from guardproxy.wire.messages_conversion import Collector, as_events, message_of, typed_tree
from guardproxy.wire.sse import Event

CITED = {"type": "char_location", "cited_text": "c"}
BLOCKS = [
    {"type": "thinking", "thinking": "a", "signature": "s"},
    {"type": "text", "text": "b", "citations": [CITED]},
    {"type": "redacted_thinking", "data": "d"},
    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result", "title": "t"}]},
    {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1]}},
]
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": BLOCKS,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 5},
}


def collected(events):
    collector = Collector()
    for event in json.loads(json.dumps(events)):
        collector.add(event)
    return collector.tree()


def test_there_and_back_again():
    assert collected(as_events(json.loads(json.dumps(ANSWER)))) == ANSWER


def test_pieces_are_joined():
    deltas = [{"type": "text_delta", "text": piece} for piece in "abc"]
    odd = [{"type": "x_delta", "x": "1"}, {"type": "x_delta", "x": "2", "n": 3}]
    events = [start(), {"type": "ping"}, *block(0, {"type": "text", "text": ""}, *deltas, *odd), *end()]
    assert collected(events)["content"] == [{"type": "text", "text": "abc", "x": "12", "n": 3}]
    assert collected(events)["usage"] == {"input_tokens": 3, "output_tokens": 5}


def test_half_a_stream_is_no_answer():
    with pytest.raises(UpstreamBadAnswer):
        collected([start(), *block(0, {"type": "text", "text": "a"})])


def test_errors_and_odd_inputs():
    with pytest.raises(UpstreamBadAnswer):
        collected([{"type": "error", "error": {}}])
    call = block(0, {"type": "tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": "{"})
    with pytest.raises(UpstreamBadAnswer):
        collected([start(), *call, *end()])


def test_a_type_may_stand_in_the_event_s_name_alone():
    assert typed_tree(Event('{"index": 0}', "content_block_stop")) == {"index": 0, "type": "content_block_stop"}
    assert typed_tree(Event('{"type": "ping"}', "odd")) == {"type": "ping"}
    with pytest.raises(UpstreamBadAnswer):
        typed_tree(Event("[]"))


@pytest.mark.parametrize(
    "tree", [{}, {"content": "a"}, {"content": ["a"]}, {"error": {}, "content": []}, {"type": "error", "content": []}]
)
def test_answers_that_are_none(tree):
    with pytest.raises(UpstreamBadAnswer):
        message_of(json.dumps(tree).encode())
