import json

import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.messages_play import end, start, text
from guardproxy.wire.answer import Edit
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.messages_dialect import MessagesDialect
from guardproxy.wire.sse import Event, SseDecoder

DIALECT = MessagesDialect()
EVENTS = [Event(json.dumps(tree), tree["type"]) for tree in (start(), *text(0, "Hel", "lo"), *end())]
ENVELOPE = Envelope("msg_1", 7, "m")


def test_a_stream_that_nobody_asked_for_becomes_an_answer():
    answer = DIALECT.collect([*EVENTS, Event("[DONE]", done=True), Event("never read")], structured=False)
    assert [text.text for text in answer.texts] == ["Hello"]
    body = json.loads(DIALECT.render(answer, [Edit(0, refusal="No.")], {"guardproxy": {}}, Ask()))
    assert body["content"] == [{"type": "text", "text": "No."}]


def test_half_a_stream_is_no_answer():
    with pytest.raises(UpstreamBadAnswer):
        DIALECT.collect(EVENTS[:-2], structured=False)


def test_a_plain_answer_becomes_events():
    answer = DIALECT.collect(EVENTS, structured=False)
    kinds = [tree["type"] for tree in DIALECT.event_trees(json.dumps(answer.tree).encode())]
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert [text.text for text in DIALECT.read(json.dumps(answer.tree).encode(), structured=False).texts] == ["Hello"]


def test_refusals():
    body = json.loads(DIALECT.refusal_body(ENVELOPE, "No.", {}, Ask(structured=True)))
    assert (body["content"][0]["text"], body["stop_reason"]) == ("No.", "refusal")
    events = SseDecoder().feed(b"".join(DIALECT.refusal_stream(ENVELOPE, "No.", {}, Ask())))
    assert DIALECT.event_tree(events[-1]) == {"type": "message_stop"}
    assert DIALECT.id_prefix == "msg_"
