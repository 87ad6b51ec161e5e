import json

from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.responses_own import (
    annotated,
    frame,
    message_id,
    part_ends,
    refusal_body,
    refusal_stream,
    text_part,
)
from tests.wire.responses_wire import accepted

ENVELOPE = Envelope("resp_x", 1, "m")
NOTE = {"guardproxy": {"action": "refuse"}}


def trees(frames):
    return [json.loads(one.decode().split("data: ", 1)[1]) for one in frames]


def test_a_refusal_is_text_and_an_incomplete_response():
    body = json.loads(refusal_body(ENVELOPE, "Sorry, no.", NOTE, Ask()))
    (item,) = body["output"]
    assert item["content"] == [{"type": "output_text", "text": "Sorry, no.", "annotations": [], "logprobs": []}]
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert (body["id"], body["model"], body["usage"]["total_tokens"]) == ("resp_x", "m", 0)
    assert body["guardproxy"] == {"action": "refuse"}


def test_where_json_was_asked_for_it_is_a_refusal_part():
    body = json.loads(refusal_body(ENVELOPE, "Sorry, no.", NOTE, Ask(structured=True)))
    assert body["output"][0]["content"] == [{"type": "refusal", "refusal": "Sorry, no."}]
    assert (body["status"], body["incomplete_details"]) == ("completed", None)


def test_a_streamed_refusal_is_the_plain_one_told():
    for ask in (Ask(), Ask(refusal_field=True)):
        events = trees(refusal_stream(ENVELOPE, "Sorry, no.", NOTE, ask))
        accepted(events)
        assert events[-1]["response"] == json.loads(refusal_body(ENVELOPE, "Sorry, no.", NOTE, ask))
        assert "".join(e["delta"] for e in events if e["type"].endswith(".delta")) == "Sorry, no."
        assert [e["sequence_number"] for e in events] == list(range(len(events)))


def test_one_event_on_the_wire():
    assert frame({"type": "a.b", "x": 1, "sequence_number": 9}, 2) == (
        b'event: a.b\ndata: {"type":"a.b","sequence_number":2,"x":1}\n\n'
    )


def test_moderation_is_one_result_a_stage():
    found = {
        "input": {"type": "moderation_results", "results": [{"type": "moderation_result"}]},
        "output": {"type": "error"},
    }
    made = annotated({"id": "r"}, {**NOTE, "moderation": found})
    assert made["moderation"] == {"input": {"type": "moderation_result"}, "output": {"type": "error"}}
    assert annotated({"id": "r"}, None) == {"id": "r"}


def test_ids_and_ends():
    assert message_id("resp_x", 2) == "msg_guardproxy_x_2"
    assert [event["type"] for event in part_ends({}, text_part("t"))] == [
        "response.output_text.done",
        "response.content_part.done",
    ]
    assert [event["type"] for event in part_ends({}, text_part("t"), text_told=True)] == ["response.content_part.done"]
    assert [event["type"] for event in part_ends({}, {"type": "strange"})] == ["response.content_part.done"]
    assert part_ends({}, {"type": "summary_text", "text": "t"})[1]["type"] == "response.reasoning_summary_part.done"
