"""`/v1/completions` over real sockets: the legacy shape around the same checks."""

import json

import openai
import pytest

from guardproxy.testing.scripts import Script, completion, continuation, continuation_stream, stream, text_chunk
from tests.e2e.conftest import assert_turned_away


def go_on(proxy, prompt, **more):
    return proxy.post("/v1/completions", {"model": "m", "prompt": prompt, **more})


def texts(answered):
    return [choice["text"] for choice in answered.json()["choices"]]


def events(answered):
    frames = [line.removeprefix("data: ") for line in answered.text.split("\n\n") if line.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    return [json.loads(frame) for frame in frames[:-1]]


def streamed(answered, index=0):
    return "".join(c["text"] for e in events(answered) for c in e["choices"] if c["index"] == index)


def last(answered):
    return events(answered)[-1]["choices"][0]["finish_reason"]


def test_a_harmless_answer_passes_with_our_member_added(proxy):
    proxy.upstream.answer_with(continuation("Two metres.", stop_reason=None))
    answered = go_on(proxy, "How tall?", suffix="end", echo=False, x_vendor={"a": [1, "b"]})
    body = answered.json()
    assert body.pop("guardproxy")["action"] == "allow"
    assert body == json.loads(continuation("Two metres.", stop_reason=None).segments[0])
    assert answered.headers["x-guardproxy-checked"] == "input,output"
    sent = proxy.upstream.requests[-1]
    assert sent.path == "/v1/completions"
    assert sent.json == {
        "model": "m", "prompt": "How tall?", "suffix": "end", "echo": False, "x_vendor": {"a": [1, "b"]},
    }  # fmt: skip


@pytest.mark.parametrize("fields", [{"prompt": "b l u e f i n c h"}, {"prompt": "fine", "suffix": "bluefinch"}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_prompt_never_reaches_the_upstream(proxy, fields, stream):
    hits = proxy.upstream.hits
    refused = go_on(proxy, **fields, stream=stream)
    assert refused.status_code == 200
    text = streamed(refused) if stream else texts(refused)[0]
    assert text.startswith("I can't help")
    assert (last(refused) if stream else refused.json()["choices"][0]["finish_reason"]) == "content_filter"
    assert refused.headers["x-guardproxy-rule"] == "finch"
    body = events(refused)[-1] if stream else refused.json()
    assert body["object"] == "text_completion"
    assert body["id"].startswith("cmpl-")
    assert body["guardproxy"]["stage"] == "input"
    assert proxy.upstream.hits == hits


def test_every_choice_of_every_prompt_is_refused(proxy):
    refused = go_on(proxy, ["fine", "bluefinch"], n=2)
    assert [c["index"] for c in refused.json()["choices"]] == [0, 1, 2, 3]
    assert len(set(texts(refused))) == 1


def test_spans_are_replaced_both_ways(proxy):
    proxy.upstream.answer_with(continuation("captain turnip has HX-2031-ABCD.", "Nothing here."))
    answered = go_on(proxy, ["who is captain turnip", "HX-2031-ABCD"])
    assert proxy.upstream.requests[-1].json["prompt"] == ["who is [name]", "[ticket]"]
    assert texts(answered) == ["[name] has [ticket].", "Nothing here."]
    proxy.upstream.answer_with(continuation_stream(["I met captain tur", "nip about HX-20", "31-ABCD. Nice."]))
    assert streamed(go_on(proxy, "who?", stream=True)) == "I met [name] about [ticket]. Nice."


@pytest.mark.parametrize("suffix", [None, "end"])
def test_a_warning_leaves_the_text_alone(proxy, suffix):
    proxy.upstream.answer_with(continuation("Two metres."))
    plain = go_on(proxy, "a garden ladder", suffix=suffix)
    assert texts(plain) == ["Two metres."]
    assert plain.headers["x-guardproxy-decision"] == plain.json()["guardproxy"]["action"] == "warn"
    proxy.upstream.answer_with(continuation_stream(["Two ", "metres."]))
    assert streamed(go_on(proxy, "a garden ladder", suffix=suffix, stream=True)) == "Two metres."


def test_an_echoed_prompt_is_screened_as_output(proxy):
    proxy.upstream.answer_with(continuation("fine, and then bluefinch"))
    answered = go_on(proxy, "fine", echo=True)
    assert answered.json()["choices"][0]["finish_reason"] == "content_filter"
    assert answered.json()["guardproxy"]["stage"] == "output"


def test_choices_do_not_bleed(proxy):
    proxy.upstream.answer_with(continuation("A calm answer.", "It is bluefinch."))
    answered = go_on(proxy, "plan?", n=2)
    assert [c["finish_reason"] for c in answered.json()["choices"]] == ["stop", "content_filter"]
    assert texts(answered)[0] == "A calm answer."
    pieces = [text_chunk("A calm ", index=0), text_chunk("It is blue", index=1), text_chunk("finch.", index=1)]
    ends = [text_chunk("answer.", "stop", index=0), text_chunk("", "stop", index=1)]
    proxy.upstream.answer_with(stream([*pieces, *ends]))
    answered = go_on(proxy, "plan?", n=2, stream=True)
    assert streamed(answered) == "A calm answer."
    assert "finch" not in streamed(answered, 1)
    assert {c["finish_reason"] for e in events(answered) for c in e["choices"]} == {None, "stop", "content_filter"}


def test_a_leaking_stream_is_stopped_before_the_first_character(proxy):
    proxy.upstream.answer_with(continuation_stream([*"The plan is called bluefinch and it starts soon."]))
    answered = go_on(proxy, "plan?", stream=True)
    text = streamed(answered)
    assert text.startswith("The plan is called \n\n")
    assert "blue" not in text
    assert last(answered) == "content_filter"
    assert events(answered)[-1]["guardproxy"]["stage"] == "output"
    assert all(e["object"] == "text_completion" for e in events(answered))


def test_log_probabilities_go_with_their_text(proxy):
    listed = {"tokens": ["Two"], "token_logprobs": [-0.5], "text_offset": [0], "top_logprobs": [{"bluefinch": -1}]}
    proxy.upstream.answer_with(continuation("Two", logprobs=listed))
    kept = go_on(proxy, "hi", logprobs=1).json()["choices"][0]["logprobs"]
    assert kept == {**listed, "top_logprobs": None}


@pytest.mark.parametrize("as_stream", [False, True])
def test_an_upstream_that_answers_the_other_way(proxy, as_stream):
    proxy.upstream.answer_with(continuation("Two metres.") if as_stream else continuation_stream(["Two ", "metres."]))
    answered = go_on(proxy, "hi", stream=as_stream)
    assert (streamed(answered) if as_stream else texts(answered)[0]) == "Two metres."


def test_a_cut_stream_ends_as_a_fault(proxy):
    pieces = [b"data: " + json.dumps(text_chunk("Two metres. ")).encode() + b"\n\n"]
    proxy.upstream.answer_with(Script(tuple(pieces * 20), content_type="text/event-stream"))
    answered = go_on(proxy, "hi", stream=True)
    frames = events(answered)
    assert [e["error"]["code"] for e in frames if "error" in e] == ["upstream_protocol_error"]
    assert frames[-1]["choices"][0]["finish_reason"] == "length"
    assert frames[-1]["object"] == "text_completion"
    assert proxy.record(answered)["outcome"] == "error"


def test_a_chat_answer_brings_no_unread_text(proxy):
    proxy.upstream.answer_with(completion("It is bluefinch."))
    assert "bluefinch" not in go_on(proxy, "hi").text


@pytest.mark.parametrize(
    ("raw", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b'{"model":"m","prompt":"a","prompt":"b"}', 400, "duplicate_key", "prompt"),
        (b'{"model":"m","prompt":[1,2,3]}', 400, "unscannable_prompt", "prompt"),
        (b'{"model":"m","prompt":[[1],[2]]}', 400, "unscannable_prompt", "prompt"),
        (b'{"model":"m","prompt":["a",1]}', 400, "unscannable_prompt", "prompt"),
        (b'{"model":"m","prompt":"a","prompt_embeds":"AAAA"}', 400, "unsupported_parameter", "prompt_embeds"),
        (b'{"model":"m","prompt":null}', 400, "invalid_type", "prompt"),
        (b'{"model":"m","prompt":"a","echo":"yes"}', 400, "invalid_type", "echo"),
        (b'{"model":"m","prompt":"a","suffix":5}', 400, "invalid_type", "suffix"),
        (b'{"model":"m","prompt":"a","stream":"true"}', 400, "invalid_type", "stream"),
        (b'{"model":"m","prompt":"a","n":17}', 400, "unsupported_parameter", "n"),
        (b'{"model":"m","messages":[{"role":"user","content":"a"}]}', 400, "unsupported_parameter", "messages"),
        (b" " * (1024 * 1024 + 1), 413, "request_too_large", None),
    ],
)
def test_bad_bodies(proxy, raw, status, code, param):
    assert_turned_away(proxy, "completions", raw, (status, code, param))


def test_the_stock_client(proxy):
    with openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none") as client:
        proxy.upstream.answer_with(continuation("Fine."))
        plain = client.completions.create(model="m", prompt="hi")
        assert (plain.choices[0].text, plain.choices[0].finish_reason) == ("Fine.", "stop")
        refused = client.completions.create(model="m", prompt="bluefinch")
        assert refused.choices[0].finish_reason == "content_filter"
        assert refused.choices[0].text.startswith("I can't help")
        proxy.upstream.answer_with(continuation_stream(["Fi", "ne."]))
        pieces = client.completions.create(model="m", prompt="hi", stream=True)
        assert "".join(p.choices[0].text for p in pieces if p.choices) == "Fine."
        pieces = list(client.completions.create(model="m", prompt="bluefinch", stream=True))
        assert "".join(p.choices[0].text for p in pieces).startswith("I can't help")
        assert pieces[-1].choices[0].finish_reason == "content_filter"
