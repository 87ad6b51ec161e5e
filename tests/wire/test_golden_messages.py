"""Byte for byte what a client of Anthropic's surface gets. A change here is a change of the contract: look twice.

To write the files anew: delete them and run the test once; it fails and leaves new ones.
"""

import json
from pathlib import Path

import pytest

from guardproxy.core.commands import CONTENT, Release
from guardproxy.testing.messages_play import end, start, text
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.errors import ErrorAnswer, error_body
from guardproxy.wire.messages_dialect import MessagesDialect
from guardproxy.wire.messages_own import errors
from guardproxy.wire.sse import SseDecoder

GOLDEN = Path(__file__).parent / "golden"
DIALECT = MessagesDialect()
ENVELOPE = Envelope("msg_gp1", 1764000000, "m")
TEXT = "I cannot help with this request. Please ask me something else."
NOTE = {"guardproxy": {"decision_id": "D", "action": "refuse", "stage": "input", "policy": "p@1", "hazards": ["x"]}}


def started():
    stream, frames = DIALECT.stream(ENVELOPE, Ask()), []
    for event in [start(), *list(text(0, "Once upon a time. "))[:-1]]:
        stream.chunk(event)
        frames += stream.ready()
    return stream, [*frames, *stream.release(Release(0, CONTENT, 0, 18, "Once upon a time. "))]


def refused_after_text():
    stream, frames = started()
    return b"".join([*frames, *stream.halt(0, TEXT), *stream.finish(NOTE)])


def fault_after_text():
    stream, frames = started()
    return b"".join([*frames, *stream.fault("guard_unavailable", "The answer could not be checked.", NOTE)])


def warned():
    stream, frames = started()
    for event in [{"type": "content_block_stop", "index": 0}, *end()]:
        stream.chunk(event)
    stream.notice(0, "Please check this.", before=False)
    return b"".join([*frames, *stream.finish({"guardproxy": {"action": "warn"}})])


DIALOGUES = {
    "messages_refused.json": lambda: DIALECT.refusal_body(ENVELOPE, TEXT, NOTE, Ask()),
    "messages_refused.sse": lambda: b"".join(DIALECT.refusal_stream(ENVELOPE, TEXT, NOTE, Ask())),
    "messages_refused_after_text.sse": refused_after_text,
    "messages_fault_after_text.sse": fault_after_text,
    "messages_warned.sse": warned,
    "messages_error.json": lambda: (
        errors(
            ErrorAnswer(400, (), error_body("m must be a list", kind="invalid_request_error", code="c", param="m"))
        ).body
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
    """Events named by their type; a start first; one end, or one error; no [DONE]."""
    found = SseDecoder().feed(DIALOGUES[name]())
    trees = [json.loads(event.data) for event in found]
    assert [event.name for event in found] == [tree["type"] for tree in trees]
    assert trees[0]["type"] == "message_start"
    last = [tree["type"] for tree in trees if tree["type"] in {"message_stop", "error"}]
    assert last == [trees[-1]["type"]]
