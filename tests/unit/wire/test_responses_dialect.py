import json

from guardproxy.core.commands import Release
from guardproxy.testing.scripts_typed import response, response_stream
from guardproxy.wire.answer import Edit, joined
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.responses_dialect import ResponsesDialect
from guardproxy.wire.responses_stream import ResponsesStream
from guardproxy.wire.sse import Event, SseDecoder

DIALECT = ResponsesDialect()
ENVELOPE = Envelope("resp_x", 1, "m")


def test_a_plain_answer_either_way():
    read = DIALECT.read(response("Two metres.").segments[0], structured=False)
    decoder = SseDecoder()
    events = [*decoder.feed(b"".join(response_stream("Two metres.").segments)), *decoder.flush()]
    assert [text.text for text in DIALECT.collect(events, structured=False).texts] == ["Two metres."]
    (text,) = read.texts
    edit = Edit(0, joined([Release(0, text.channel, 0, 11, text.text)]))
    body = json.loads(DIALECT.render(read, [edit], {"guardproxy": {}}, Ask()))
    assert body["output"][0]["content"][0]["text"] == "Two metres."


def test_our_own_answers():
    plain = json.loads(DIALECT.refusal_body(ENVELOPE, "No.", {}, Ask()))
    last = DIALECT.refusal_stream(ENVELOPE, "No.", {}, Ask())[-1]
    assert json.loads(last.split(b"data: ")[1])["response"] == plain
    assert plain["id"].startswith(DIALECT.id_prefix)


def test_streams():
    assert isinstance(DIALECT.stream(ENVELOPE, Ask()), ResponsesStream)
    assert DIALECT.event_tree(Event('{"type": "a"}', "b")) == {"type": "a"}
    assert DIALECT.event_tree(Event('{"x": 1}', "b")) == {"type": "b", "x": 1}
    trees = DIALECT.event_trees(response("a").segments[0])
    assert (trees[0]["type"], trees[-1]["type"]) == ("response.created", "response.completed")
    assert DIALECT.stream(ENVELOPE, Ask()).heartbeat().startswith(b":")
