import json

import pytest

from guardproxy.core.commands import CONTENT, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts_typed import function_call, response_stream
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.responses_stream import ResponsesStream
from tests.wire.responses_wire import NOTE, accepted, events_of


def made(**ask):
    return ResponsesStream(Envelope("resp_own", 1, "m"), Ask(**ask))


def feed(stream, *items, upto=None):
    return [stream.chunk(tree) for tree in events_of(response_stream(*items, size=20))[:upto]]


def trees(frames):
    return [json.loads(frame.decode().split("data: ", 1)[1]) for frame in frames]


def test_nothing_leaves_before_the_first_text_is_released():
    stream = made()
    feed(stream, "Two metres.", upto=6)
    assert stream.ready() == []
    out = trees(stream.release(Release(0, CONTENT, 0, 3, "Two")))
    assert out[0]["type"] == "response.created"
    assert out[-1]["delta"] == "Two"
    assert not stream.complete
    assert not stream.all_halted


def test_the_last_event_waits_for_the_annotation():
    stream = made()
    readings = feed(stream, "Two metres.")
    assert readings[-1].finished == (0,)
    assert stream.complete
    out = trees([*stream.release(Release(0, CONTENT, 0, 11, "Two metres.")), *stream.finish(NOTE)])
    accepted(out)
    assert out[-1]["response"]["guardproxy"] == NOTE["guardproxy"]
    assert sum(tree["type"] == "response.completed" for tree in out) == 1


def test_what_comes_behind_the_last_event_does_not_count():
    stream = made()
    feed(stream, "a")
    late = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "late"}
    assert stream.chunk(late).deltas == ()


def test_calls_and_closed_channels_are_told():
    readings = feed(made(), function_call("f", "{}"))
    assert [called.name for reading in readings for called in reading.called] == ["f"]
    assert [closed.channel.key for reading in readings for closed in reading.closed] == ["output.0.arguments"]


def test_pictures_do_not_leave():
    stream = made()
    feed(stream, "a", upto=4)
    picture = {"type": "response.image_generation_call.partial_image", "partial_image_b64": "AAAA", "output_index": 0}
    assert stream.chunk(picture).deltas == ()
    stream.release(Release(0, CONTENT, 0, 1, "a"))
    assert not any(b"AAAA" in frame for frame in stream.finish())


def test_a_refusal_before_any_text():
    stream = made()
    feed(stream, "Two metres.", upto=5)
    out = trees([*stream.halt(0, "Sorry, no."), *stream.finish(NOTE)])
    accepted(out)
    assert stream.all_halted
    assert out[-1]["response"]["id"] == "resp_own"
    assert [tree["delta"] for tree in out if tree["type"] == "response.output_text.delta"] == ["Sorry, ", "no."]
    assert stream.release(Release(0, CONTENT, 0, 3, "Two")) == []


@pytest.mark.parametrize(("wrote", "kind"), [(False, "refusal"), (True, "output_text")])
def test_where_json_was_asked_for_a_refusal_has_its_own_part_unless_text_has_left(wrote, kind):
    stream = made(refusal_field=True)
    feed(stream, "Two metres.", upto=5)
    out = stream.release(Release(0, CONTENT, 0, 4, "Two ")) if wrote else []
    out = trees([*out, *stream.halt(0, "Sorry, no."), *stream.finish(NOTE)])
    accepted(out)
    assert out[-1]["response"]["output"][-1]["content"][-1]["type"] == kind
    assert out[-1]["type"] == ("response.incomplete" if wrote else "response.completed")


def test_a_fault_is_a_failed_response_with_what_has_left():
    stream = made()
    feed(stream, "Two metres.", upto=5)
    out = trees(
        [*stream.release(Release(0, CONTENT, 0, 4, "Two ")), *stream.fault("upstream_error", "It failed.", NOTE)]
    )
    accepted(out)
    failed = out[-1]["response"]
    assert (out[-1]["type"], failed["status"]) == ("response.failed", "failed")
    assert failed["error"] == {"code": "server_error", "message": "It failed."}
    assert failed["output"][0]["content"][0]["text"] == "Two "
    assert failed["guardproxy"] == NOTE["guardproxy"]
    alone = trees(made().fault("guard_unavailable", "It failed.", NOTE))
    assert [tree["type"] for tree in alone] == ["response.created", "response.in_progress", "response.failed"]
    accepted(alone)


@pytest.mark.parametrize("kind", ["response.failed", "error", "response.cancelled"])
def test_an_error_of_the_upstream_is_one(kind):
    with pytest.raises(UpstreamBadAnswer):
        made().chunk({"type": kind, "response": {}})


@pytest.mark.parametrize("end", ["finish", "halt"])
def test_nothing_ends_twice(end):
    stream = made()
    feed(stream, "a")
    run = stream.finish if end == "finish" else lambda: stream.halt(0, "No.")
    run()
    with pytest.raises(AssertionError):
        run()


def test_notices_stand_around_the_text():
    stream = made()
    assert stream.notice(0, "in front", before=True) == []
    feed(stream, "a")
    assert stream.notice(0, "behind", before=False) == []
    out = trees([*stream.release(Release(0, CONTENT, 0, 1, "a")), *stream.finish(NOTE)])
    accepted(out)
    texts = [part["text"] for part in out[-1]["response"]["output"][0]["content"]]
    assert texts == ["in front\n\n", "a", "\n\nbehind"]


def test_a_refusal_behind_a_notice_stands_in_the_same_message():
    stream = made()
    stream.notice(0, "in front", before=True)
    feed(stream, "Two metres.", upto=5)
    out = stream.release(Release(0, CONTENT, 0, 4, "Two "))
    out = trees([*out, *stream.halt(0, "Sorry, no."), *stream.finish(NOTE)])
    accepted(out)
    (item,) = out[-1]["response"]["output"]
    assert [part["text"] for part in item["content"]] == ["in front\n\n", "Two \n\n", "Sorry, no."]


def test_a_notice_whose_place_has_not_come_leaves_with_the_refusal():
    stream = made(refusal_field=True)
    stream.notice(0, "You are not alone.", before=True)
    out = trees([*stream.halt(0, "Sorry, no."), *stream.finish(NOTE)])
    accepted(out)
    (item,) = out[-1]["response"]["output"]
    assert [part["text"] for part in item["content"]] == ["You are not alone.\n\nSorry, no."]
