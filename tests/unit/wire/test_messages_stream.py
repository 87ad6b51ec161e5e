"""What one event brings, and what is against the protocol; `tests/wire/test_moderated_messages.py` has whole streams."""

import json

import pytest

from guardproxy.core.commands import CONTENT, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.messages_play import block, call, end, start, text, thoughts
from guardproxy.wire.answer import WHOLE_CONTENT
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.messages_leaves import call_of, reasoning_of
from guardproxy.wire.messages_stream import MessagesStream

BEGIN = next(text(0, "a"))


def stream(**ask):
    return MessagesStream(Envelope("msg_own", 1, "m"), Ask(**ask))


def readings(own, *events):
    return [own.chunk(json.loads(json.dumps(event))) for event in events]


def test_what_events_bring():
    own = stream()
    found = readings(own, start(), *thoughts(0, "a"), *text(1, "b"), *call(2, "{}", name="g"), *end("tool_use"))
    deltas = [(d.channel, d.text) for reading in found for d in reading.deltas]
    seal = deltas.pop(1)
    assert seal[1] == "c2lnbmVk"
    assert deltas == [(reasoning_of(0), "a"), (CONTENT, "b"), (call_of(2), "{}")]
    assert [c.name for reading in found for c in reading.called] == ["g"]
    assert reasoning_of(0) in [c.channel for reading in found[:6] for c in reading.closed]
    assert CONTENT not in [c.channel for reading in found for c in reading.closed]
    assert [n for n, reading in enumerate(found) if reading.finished] == [len(found) - 2]


def test_prose_of_a_structured_answer_is_one_text():
    (_, _, delta, _) = readings(stream(structured=True), start(), *text(0, "b"))
    assert delta.deltas[0].channel == WHOLE_CONTENT


def test_the_end():
    own = stream()
    readings(own, start(), *text(0, "a"))
    assert (own.complete, own.all_halted) == (False, False)
    last, stop = end()
    readings(own, last)
    assert (own.complete, own.all_halted) == (True, False)
    assert readings(own, {"type": "x", "y": "z"}, stop)[0].deltas == ()
    assert own.all_halted


def test_a_stop_without_a_reason_is_no_end():
    own = stream()
    readings(own, start(), {"type": "message_stop"})
    assert (own.complete, own.all_halted) == (False, True)


def test_a_block_that_was_never_closed_is():
    own = stream()
    readings(own, start(), *list(text(0, "a"))[:-1], *end())
    sent = b"".join([*own.release(Release(0, CONTENT, 0, 1, "a")), *own.finish()])
    assert b"content_block_stop" in sent


def test_nothing_leaves_before_the_first_text():
    own = stream()
    for event in (start(), {"type": "ping"}, *list(text(0, "a"))[:2]):
        readings(own, event)
        assert own.ready() == []
    assert len(own.release(Release(0, CONTENT, 0, 1, "a"))) == 4


def test_a_refused_answer_stays_refused():
    own = stream()
    readings(own, start(), *list(text(0, "a"))[:-1])
    assert b"No." in b"".join(own.halt(0, "No."))
    assert own.all_halted
    assert own.release(Release(0, CONTENT, 0, 1, "a")) == []
    assert readings(own, *end())[0].finished == ()
    assert b'"refusal"' in b"".join(own.finish({"guardproxy": {}}))
    with pytest.raises(AssertionError):
        own.halt(0, "No.")


def test_the_heartbeat_is_a_ping():
    assert stream().heartbeat().startswith(b"event: ping\n")


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "error", "error": {"type": "overloaded_error", "message": "x"}}],
        [{"error": {"message": "x"}}],
        [{}],
        [{"type": "a\nb"}],
        [{"type": "message_start", "message": None}],
        [start(), start()],
        [{"type": "content_block_start", "index": "0", "content_block": {"type": "text"}}],
        [{"type": "content_block_start", "index": 0, "content_block": None}],
        [BEGIN, BEGIN],
        [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}],
        [BEGIN, {"type": "content_block_delta", "index": 0, "delta": {"text": "a"}}],
        [{"type": "content_block_stop", "index": 0}],
    ],
)
def test_what_is_against_the_protocol(events):
    own = stream()
    with pytest.raises(UpstreamBadAnswer):
        readings(own, *events)


def test_a_delta_of_nothing_is_passed_over():
    own = stream()
    begin, _, stop = text(0, "a")
    found = readings(own, begin, {"type": "content_block_delta", "index": 0, "delta": None}, stop)
    assert all(reading.deltas == () for reading in found)


def test_a_number_used_again_is_a_block_of_its_own():
    own = stream()
    found = readings(own, start(), *thoughts(0, "a"), *thoughts(0, "b"))
    assert [d.channel for reading in found for d in reading.deltas if d.text in "ab"] == [
        reasoning_of(0),
        reasoning_of(1),
    ]


def test_kinds_of_blocks_that_come_whole():
    own = stream()
    found = readings(own, *block(0, {"type": "redacted_thinking", "data": "a b"}))
    assert [d.text for d in found[0].deltas] == ["a b"]
    assert [c.channel for c in found[0].closed] == [d.channel for d in found[0].deltas]
