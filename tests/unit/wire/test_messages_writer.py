import json

from guardproxy.testing.messages_play import start, text
from guardproxy.wire.envelope import Envelope
from guardproxy.wire.messages_writer import MessageWriter
from guardproxy.wire.sse import SseDecoder


def writer():
    return MessageWriter(Envelope("msg_own", 1, "m"))


def trees(frames):
    return [json.loads(event.data) for event in SseDecoder().feed(b"".join(frames))]


def passed(own, *events):
    return trees([frame for event in events for frame in own.pass_on(event)])


def test_blocks_are_numbered_as_they_leave():
    own = writer()
    first = list(text(7, "a"))
    assert passed(own, start(), *first) == [start(), *text(0, "a")]
    trees(own.say("b"))
    assert passed(own, *text(0, "c")) == list(text(2, "c"))


def test_a_stream_without_a_start_gets_one():
    sent = passed(writer(), *text(0, "a"))
    assert (sent[0]["type"], sent[0]["message"]["id"]) == ("message_start", "msg_own")
    assert passed(writer(), {"type": "ping"}) == [{"type": "ping"}]


def test_a_piece_of_a_block_that_never_began_does_not_leave():
    own = writer()
    assert passed(own, start(), *list(text(0, "a"))[1:]) == [start()]


def test_one_start_is_enough():
    own = writer()
    trees(own.say("Help is near."))
    assert passed(own, start()) == []


def test_our_own_start_takes_after_the_upstream_s():
    own = writer()
    own.note_start({"id": "msg_1", "model": "a model with spaces"})
    (begin, *_) = trees(own.refuse("No."))
    assert (begin["message"]["id"], begin["message"]["model"]) == ("msg_1", "m")


def test_a_refusal_goes_on_in_the_open_text():
    own = writer()
    passed(own, start(), *list(text(0, "a"))[:-1])
    sent = trees(own.refuse("No."))
    assert [event["type"] for event in sent] == ["content_block_delta", "content_block_delta", "content_block_stop"]
    assert "".join(event["delta"]["text"] for event in sent[:2]) == "\n\nNo."


def test_other_open_blocks_are_closed_first():
    own = writer()
    begin = {"type": "content_block_start", "content_block": {"type": "text", "text": "a"}}
    passed(own, start(), {**begin, "index": 0}, {**begin, "index": 1, "content_block": {"type": "thinking"}})
    sent = trees(own.refuse("No."))
    assert [(event["type"], event["index"]) for event in sent] == [
        ("content_block_stop", 0),
        ("content_block_stop", 1),
        ("content_block_start", 2),
        ("content_block_delta", 2),
        ("content_block_delta", 2),
        ("content_block_stop", 2),
    ]


def test_counts_of_a_refused_message_are_the_last_that_came():
    own = writer()
    own.note_usage({"input_tokens": 3, "output_tokens": 1})
    own.note_usage({"output_tokens": 5, "a secret": 1})
    end, stop = trees(own.refused({"guardproxy": {}}))
    assert end["usage"] == {"input_tokens": 3, "output_tokens": 5}
    assert (end["guardproxy"], stop["type"]) == ({}, "message_stop")


def test_the_upstream_s_end_is_kept():
    own, end = writer(), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
    passed(own, start())
    assert trees(own.ended(end, {"guardproxy": {}})) == [{**end, "guardproxy": {}}, {"type": "message_stop"}]
    other = writer()
    other.note_usage({"input_tokens": 3})
    trees(other.say("Help is near."))
    assert trees(other.ended(end, None))[0]["usage"] == {"input_tokens": 3, "output_tokens": 5}
