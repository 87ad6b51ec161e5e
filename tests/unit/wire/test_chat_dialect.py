"""Chat and text completions behind one abstract dialect."""

import json

import pytest

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import Edit, joined
from guardproxy.wire.chat_dialect import ChatDialect
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.shape import CHAT, TEXT
from guardproxy.wire.sse import Event, SseDecoder

ENVELOPE = Envelope("x-1", 7, "m")
CHUNKS = [
    {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
]


def test_a_stream_that_nobody_asked_for_becomes_an_answer():
    events = [*(Event(json.dumps(chunk)) for chunk in CHUNKS), Event("[DONE]", done=True), Event("never read")]
    answer = ChatDialect(CHAT).collect(events, structured=False)
    assert [text.text for text in answer.texts] == ["Hello"]
    body = json.loads(ChatDialect(CHAT).render(answer, [Edit(0, joined([]))], {"guardproxy": {}}, Ask()))
    assert body["choices"][0]["message"]["content"] == ""
    assert body["guardproxy"] == {}


def test_half_a_stream_is_no_answer():
    with pytest.raises(UpstreamBadAnswer):
        ChatDialect(CHAT).collect([Event(json.dumps(CHUNKS[0]))], structured=False)


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [(CHAT, "chat.completion.chunk", {"delta": {"content": "No."}}), (TEXT, "text_completion", {"text": "No."})],
)
def test_an_envelope_takes_the_surface_s_shape(shape, kind, said):
    events = SseDecoder().feed(b"".join(ChatDialect(shape).refusal_stream(ENVELOPE, "No.", {}, Ask())))
    chunks = [json.loads(event.data) for event in events if not event.done]
    assert {chunk["object"] for chunk in chunks} == {kind}
    assert any(said.items() <= chunk["choices"][0].items() for chunk in chunks)


def test_a_plain_answer_becomes_chunks_in_chat_s_shape():
    raw = json.dumps({"choices": [{"index": 0, "text": "Hello", "finish_reason": "stop"}]}).encode()
    first = ChatDialect(TEXT).event_trees(raw)[0]
    assert first["choices"][0]["delta"]["content"] == "Hello"
