"""What a user of the official Python client sees of our streams and refusals (wire.md 9)."""

import openai
import pytest

from guardproxy.core.commands import CONTENT, Release
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import JSON, SSE, Script, chunk
from guardproxy.wire.chat_stream import ChatStream
from guardproxy.wire.envelope import Ask, Envelope, refusal_body, refusal_stream

ENVELOPE = Envelope("chatcmpl-gp1", 1764000000, "m")
TEXT = "I cannot help with this request."
NOTE = {"guardproxy": {"action": "refuse"}}
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def ask():
    """Sends a request to a server that answers with these bytes."""
    with FakeUpstream() as upstream:
        client = openai.OpenAI(base_url=upstream.base, api_key="x", max_retries=0)

        def send(pieces, **options):
            kind = SSE if options.get("stream") else JSON
            upstream.answer_with(Script(tuple(pieces), content_type=kind))
            return client.chat.completions.create(model="m", messages=HI, **options)

        yield send
        client.close()


def test_a_plain_refusal_is_an_answer(ask):
    answer = ask([refusal_body(ENVELOPE, TEXT, NOTE)])
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].message.refusal is None
    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.model_extra["guardproxy"] == {"action": "refuse"}


def test_a_structured_refusal(ask):
    answer = ask([refusal_body(ENVELOPE, TEXT, NOTE, Ask(structured=True))])
    assert answer.choices[0].message.content is None
    assert answer.choices[0].message.refusal == TEXT


@pytest.mark.parametrize("structured", [False, True])
def test_a_streamed_refusal(ask, structured):
    pieces = list(
        ask(refusal_stream(ENVELOPE, TEXT, NOTE, Ask(structured=structured, include_usage=True)), stream=True)
    )
    deltas = [piece.choices[0].delta for piece in pieces if piece.choices]
    assert "".join((d.refusal if structured else d.content) or "" for d in deltas) == TEXT
    assert pieces[-2].choices[0].finish_reason == ("stop" if structured else "content_filter")
    assert pieces[-1].usage.total_tokens == 0


def test_a_fault_raises_after_the_part_that_was_checked(ask):
    stream = ChatStream(ENVELOPE)
    stream.chunk(chunk({"role": "assistant", "content": "part"}))
    frames = stream.release(Release(0, CONTENT, 0, 4, "part")) + stream.fault("guard_unavailable", "Not checked.")
    received = ask(frames, stream=True)
    assert next(received).choices[0].delta.content == "part"
    with pytest.raises(openai.APIError, match="Not checked"):
        next(received)
    received.close()
