import json

import pytest

from guardproxy.core.commands import CONTENT, Channel, ChannelKind, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.testing.scripts_typed import (
    function_call,
    output_text,
    reasoning,
    response,
    response_stream,
    says,
)
from guardproxy.wire.answer import WHOLE_CONTENT, Called, Edit, joined
from guardproxy.wire.responses_answer import answer_of, as_events, collected, read_answer, render
from guardproxy.wire.seam import SEAM
from tests.wire.responses_wire import accepted, events_of, texts_of

NOTE = {"guardproxy": {"action": "allow"}}


def raw(*items, **top):
    return response(*items, **top).segments[0]


def all_of(answer):
    """Everything released as it came."""
    seen, out = {}, []
    for text in answer.texts:
        start = seen.get(text.channel, 0)
        seen[text.channel] = start + len(text.text)
        out.append(Release(0, text.channel, start, seen[text.channel], text.text))
    return out


def rendered(answer, releases=None, *, in_field=False, **edit):
    texts = joined(all_of(answer) if releases is None else releases)
    return json.loads(render(answer, Edit(0, texts, **edit), NOTE, in_field=in_field))


def test_an_answer_that_may_leave_leaves_as_it_came():
    body = raw(reasoning("t", "s"), "Two metres.", function_call("f", '{"a": "b"}'), zz="x", metadata={})
    assert rendered(read_answer(body)) == {**json.loads(body), **NOTE}


def test_its_texts_and_calls():
    answer = read_answer(raw(reasoning("t"), "a", says(output_text("b")), function_call("f", "{}")))
    assert [text.text for text in answer.texts] == ["t", "a", SEAM, "b", "{}"]
    assert {text.channel for text in answer.texts if text.channel.kind is ChannelKind.CONTENT} == {CONTENT}
    assert answer.called == (Called(0, "f"),)
    assert answer_of(json.loads(raw("a")), structured=True).texts[0].channel == WHOLE_CONTENT


def test_a_change_stays_in_the_part_where_it_begins():
    answer = read_answer(raw(says(output_text("I met capt"), output_text("ain turnip. Nice."))))
    releases = [
        Release(0, CONTENT, 0, 6, "I met "),
        Release(0, CONTENT, 6, 21, "[name]"),
        Release(0, CONTENT, 21, 28, ". Nice."),
    ]
    assert texts_of(rendered(answer, releases)) == ["I met [name]", ". Nice."]


def test_what_nobody_released_does_not_leave():
    answer = read_answer(raw("a", x_name="zz"))
    body = rendered(answer, [])
    assert texts_of(body) == [""]
    assert "x_name" not in body


def test_a_refusal_takes_the_place_of_the_output():
    answer = read_answer(raw(reasoning("secret"), "secret", x="secret"))
    body = rendered(answer, [], refusal="Sorry, no.")
    assert texts_of(body) == ["Sorry, no."]
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert "secret" not in json.dumps(body)
    assert (body["id"], body["usage"]["total_tokens"]) == ("resp_1", 8)
    in_field = rendered(answer, [], refusal="Sorry, no.", in_field=True)
    assert in_field["status"] == "completed"
    assert in_field["output"][0]["content"] == [{"type": "refusal", "refusal": "Sorry, no."}]


@pytest.mark.parametrize(
    ("items", "texts"),
    [
        (["a"], ["in front\n\n", "a", "\n\nbehind"]),
        (["a", "b"], ["in front\n\n", "a", "b", "\n\nbehind"]),
        ([reasoning("t")], ["in front\n\nbehind"]),
    ],
)
def test_notices_are_parts_of_their_own(items, texts):
    assert texts_of(rendered(read_answer(raw(*items)), before="in front", after="behind")) == texts


def test_token_lists_are_checked():
    part = {**output_text("ab"), "logprobs": [{"token": "ab", "logprob": -1, "top_logprobs": [{"token": "zz"}]}]}
    (item,) = rendered(read_answer(raw(says(part))))["output"]
    assert item["content"][0]["logprobs"] == [{"token": "ab", "logprob": -1, "top_logprobs": []}]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"object": "error"}',
        b'{"error": {"message": "x"}, "output": []}',
        raw("a", status="failed"),
        raw("a", status="in_progress"),
        b'{"output": [7]}',
    ],
)
def test_what_is_no_answer(body):
    with pytest.raises(UpstreamBadAnswer):
        read_answer(body)


def test_a_stream_is_collected_from_its_last_event():
    events = events_of(response_stream("Two metres."))
    assert collected(events) == events[-1]["response"]
    events[-1]["response"]["output"] = []
    assert texts_of(collected(events)) == ["Two metres."]
    for cut in (events[:-1], [*events[:3], {"type": "error", "message": "x"}]):
        with pytest.raises(UpstreamBadAnswer):
            collected(cut)


def test_an_answer_is_told_as_a_stream():
    tree = json.loads(raw(reasoning("t", "s"), says(output_text("a")), function_call("f", "{}")))
    events = as_events(tree)
    accepted([{**event, "sequence_number": at} for at, event in enumerate(events)])
    assert events[-1]["response"] == tree
    assert [e["delta"] for e in events if e["type"] == "response.output_text.delta"] == ["a"]


def test_texts_show_no_words():
    assert "secret" not in repr(read_answer(raw("secret")))
    assert Channel(ChannelKind.TOOL, "output.0.arguments", whole=True) in {
        text.channel for text in read_answer(raw(function_call("f", "{}"))).texts
    }
