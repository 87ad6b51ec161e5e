"""Byte for byte what a client gets. A change here is a change of the contract: look twice.

To write the files anew: delete them and run the test once; it fails and leaves new ones.
"""

import json
from pathlib import Path

import pytest

from guardproxy.core.commands import CONTENT, Release
from guardproxy.testing.scripts import chunk, text_chunk
from guardproxy.wire.chat_stream import ChatStream
from guardproxy.wire.envelope import Ask, Envelope, refusal_body, refusal_stream
from guardproxy.wire.errors import error_body, refusal_error
from guardproxy.wire.shape import TEXT as TEXT_SHAPE

GOLDEN = Path(__file__).parent / "golden"
ENVELOPE = Envelope("chatcmpl-gp1", 1764000000, "m")
CONTINUING = Envelope("cmpl-gp1", 1764000000, "m", TEXT_SHAPE)
TEXT = "I cannot help with this request. Please ask me something else."
NOTE = {"guardproxy": {"decision_id": "D", "action": "refuse", "stage": "input", "policy": "p@1", "hazards": ["x"]}}


def started(**ask):
    stream = ChatStream(ENVELOPE, Ask(**ask))
    stream.chunk(chunk({"role": "assistant", "content": ""}))
    stream.chunk(chunk({"content": "Once upon a time. "}))
    return stream, stream.release(Release(0, CONTENT, 0, 18, "Once upon a time. "))


def refused_after_text():
    stream, frames = started(include_usage=True)
    return b"".join([*frames, *stream.halt(0, TEXT), *stream.finish(NOTE)])


def fault_after_text():
    stream, frames = started(include_usage=True)
    return b"".join([*frames, *stream.fault("guard_unavailable", "The answer could not be checked.", NOTE)])


def allowed():
    stream, frames = started(include_usage=True)
    stream.chunk(chunk({}, "stop"))
    stream.chunk({**chunk({}), "choices": [], "usage": {"total_tokens": 8}})
    return b"".join([*frames, *stream.finish({"guardproxy": {"action": "allow"}})])


def continued():
    stream = ChatStream(CONTINUING, Ask(include_usage=True))
    stream.chunk(TEXT_SHAPE.inward(text_chunk("Once upon a time. "), "delta"))
    return stream, stream.release(Release(0, CONTENT, 0, 18, "Once upon a time. "))


def text_refused_after_text():
    stream, frames = continued()
    return b"".join([*frames, *stream.halt(0, TEXT), *stream.finish(NOTE)])


def text_fault_after_text():
    stream, frames = continued()
    return b"".join([*frames, *stream.fault("guard_unavailable", "The answer could not be checked.", NOTE)])


DIALOGUES = {
    "text_refused.json": lambda: refusal_body(CONTINUING, TEXT, NOTE, Ask(n=2)),
    "text_refused.sse": lambda: b"".join(refusal_stream(CONTINUING, TEXT, NOTE, Ask(include_usage=True))),
    "text_refused_after_text.sse": text_refused_after_text,
    "text_fault_after_text.sse": text_fault_after_text,
    "embeddings_refused.json": lambda: refusal_error(TEXT).body,
    "refused.json": lambda: refusal_body(ENVELOPE, TEXT, NOTE),
    "refused_structured.json": lambda: refusal_body(ENVELOPE, TEXT, NOTE, Ask(structured=True)),
    "refused.sse": lambda: b"".join(refusal_stream(ENVELOPE, TEXT, NOTE, Ask(include_usage=True))),
    "refused_structured.sse": lambda: b"".join(refusal_stream(ENVELOPE, TEXT, NOTE, Ask(structured=True))),
    "refused_after_text.sse": refused_after_text,
    "fault_after_text.sse": fault_after_text,
    "allowed.sse": allowed,
    "error.json": lambda: error_body(
        "messages must be a non-empty list", kind="invalid_request_error", code="c", param="m"
    ),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_golden(name):
    path, made = GOLDEN / name, DIALOGUES[name]()
    if not path.exists():
        path.write_bytes(made)
        pytest.fail(f"{name} was missing and has been written")
    assert made == path.read_bytes()


@pytest.mark.parametrize("name", [name for name in DIALOGUES if name.endswith(".sse")])
def test_every_stream_is_well_formed(name):
    """Only chunks and, for faults, one error frame; one finish chunk; [DONE] last and once."""
    frames = DIALOGUES[name]().split(b"\n\n")
    assert frames[-1] == b""
    assert frames[-2] == b"data: [DONE]"
    trees = [json.loads(frame.removeprefix(b"data: ")) for frame in frames[:-2]]
    assert [t for t in trees if "error" in t] == [t for t in trees if "object" not in t]
    assert len([c for t in trees for c in t.get("choices", []) if c["finish_reason"]]) == 1
