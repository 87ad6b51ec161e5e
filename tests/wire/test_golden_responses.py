"""Byte for byte what a client of the Responses surface gets. A change here is a change of the contract: look twice.

To write the files anew: delete them and run the test once; it fails and leaves new ones.
"""

import json
from pathlib import Path

import pytest

from guardproxy.core.commands import CONTENT, Release
from guardproxy.testing.scripts_typed import response_stream
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.responses_own import refusal_body, refusal_stream
from guardproxy.wire.responses_stream import ResponsesStream
from tests.wire.responses_wire import accepted, events_of

GOLDEN = Path(__file__).parent / "golden"
ENVELOPE = Envelope("resp_gp1", 1764000000, "m")
TEXT = "I cannot help with this request. Please ask me something else."
NOTE = {"guardproxy": {"decision_id": "D", "action": "refuse", "stage": "input", "policy": "p@1", "hazards": ["x"]}}
SAID = "Once upon a time. "


def started():
    stream = ResponsesStream(ENVELOPE)
    for tree in events_of(response_stream(SAID, size=100))[:5]:
        stream.chunk(tree)
    return stream, stream.release(Release(0, CONTENT, 0, len(SAID), SAID))


def refused_after_text():
    stream, frames = started()
    return b"".join([*frames, *stream.halt(0, TEXT), *stream.finish(NOTE)])


def fault_after_text():
    stream, frames = started()
    return b"".join([*frames, *stream.fault("guard_unavailable", "The answer could not be checked.", NOTE)])


def with_notices():
    stream = ResponsesStream(ENVELOPE)
    stream.notice(0, "Please read this.", before=True)
    for tree in events_of(response_stream(SAID, size=100)):
        stream.chunk(tree)
    frames = stream.release(Release(0, CONTENT, 0, len(SAID), SAID))
    stream.notice(0, "And this.", before=False)
    return b"".join([*frames, *stream.finish({"guardproxy": {"action": "warn"}})])


DIALOGUES = {
    "responses_refused.json": lambda: refusal_body(ENVELOPE, TEXT, NOTE, Ask()),
    "responses_refused_structured.json": lambda: refusal_body(ENVELOPE, TEXT, NOTE, Ask(structured=True)),
    "responses_refused.sse": lambda: b"".join(refusal_stream(ENVELOPE, TEXT, NOTE, Ask())),
    "responses_refused_structured.sse": lambda: b"".join(refusal_stream(ENVELOPE, TEXT, NOTE, Ask(structured=True))),
    "responses_refused_after_text.sse": refused_after_text,
    "responses_fault_after_text.sse": fault_after_text,
    "responses_with_notices.sse": with_notices,
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
    """Named events, numbered without a gap, the last one ends the response; the SDK accepts the order."""
    frames = DIALOGUES[name]().decode().split("\n\n")
    assert frames.pop() == ""
    named = [frame.split("\n") for frame in frames]
    trees = [json.loads(data.removeprefix("data: ")) for _, data in named]
    assert [name.removeprefix("event: ") for name, _ in named] == [tree["type"] for tree in trees]
    assert [tree["sequence_number"] for tree in trees] == list(range(len(trees)))
    assert [
        t["type"] for t in trees if t["type"] in {"response.completed", "response.incomplete", "response.failed"}
    ] == [trees[-1]["type"]]
    accepted(trees)
