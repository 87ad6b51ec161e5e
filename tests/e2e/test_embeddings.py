"""`/v1/embeddings` over real sockets: texts are screened, vectors pass untouched."""

import json

import openai
import pytest

from guardproxy.testing.scripts import Script, answer, vectors
from tests.e2e.conftest import assert_turned_away


def embed(proxy, value, **more):
    return proxy.post("/v1/embeddings", {"model": "m", "input": value, **more})


@pytest.mark.parametrize("value", ["a heron", ["a heron", "a ladder"]])
def test_a_harmless_text_and_its_vectors_pass_untouched(proxy, value):
    proxy.upstream.answer_with(vectors(2))
    answered = embed(proxy, value, x_vendor={"a": [1, "b"]})
    assert answered.status_code == 200
    assert answered.content == vectors(2).segments[0]
    sent = proxy.upstream.requests[-1]
    assert sent.path == "/v1/embeddings"
    assert sent.json == {"model": "m", "input": value, "x_vendor": {"a": [1, "b"]}}
    assert answered.headers["x-guardproxy-checked"] == "input"
    assert answered.headers["x-guardproxy-decision"] == "allow"


@pytest.mark.parametrize("value", ["the b l u e f i n c h", ["fine", "the bluefinch"]])
def test_a_refused_text_is_an_error_that_nobody_repeats(proxy, value):
    hits = proxy.upstream.hits
    refused = embed(proxy, value)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["type"]) == (400, "content_filter", "invalid_request_error")
    assert error["message"].startswith("I can't help")
    assert refused.headers["x-should-retry"] == "false"
    assert refused.headers["x-guardproxy-rule"] == "finch"
    assert proxy.upstream.hits == hits
    line = proxy.record(refused)
    assert (line["surface"], line["outcome"], line["status"], line["error"]) == ("embeddings", "refuse", 400, None)


def test_a_redacted_text_goes_on_without_the_span(proxy):
    proxy.upstream.answer_with(vectors(2))
    answered = embed(proxy, ["captain turnip", "HX-2031-ABCD is open"])
    assert proxy.upstream.requests[-1].json["input"] == ["[name]", "[ticket] is open"]
    assert answered.headers["x-guardproxy-decision"] == "redact"
    assert answered.content == vectors(2).segments[0]


def test_a_warning_stands_in_the_header_only(proxy):
    proxy.upstream.answer_with(vectors())
    answered = embed(proxy, "a garden ladder")
    assert answered.headers["x-guardproxy-decision"] == "warn"
    assert answered.content == vectors().segments[0]


def test_texts_of_one_list_are_not_read_as_one(proxy):
    proxy.upstream.answer_with(vectors(2))
    assert embed(proxy, ["blue", "finch"]).status_code == 200


@pytest.mark.parametrize(
    ("raw", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b'{"input":"a","input":"b","model":"m"}', 400, "duplicate_key", "input"),
        (b'{"model":"m","input":[1,2,3]}', 400, "unscannable_prompt", "input"),
        (b'{"model":"m","input":[[1],[2]]}', 400, "unscannable_prompt", "input"),
        (b'{"model":"m","input":[]}', 400, "invalid_type", "input"),
        (b'{"model":"m","input":["a",null]}', 400, "invalid_type", "input[1]"),
        (b'{"model":"m","input":{"text":"a"}}', 400, "invalid_type", "input"),
        (b'{"model":"m"}', 400, "invalid_type", "input"),
        (b'{"input":"a"}', 400, "invalid_type", "model"),
        (b'{"model":"m","input":"a","stream":true}', 400, "unsupported_parameter", "stream"),
        (b'{"model":"m","input":"a","messages":[]}', 400, "unsupported_parameter", "messages"),
        (b" " * (1024 * 1024 + 1), 413, "request_too_large", None),
    ],
)
def test_bad_bodies(proxy, raw, status, code, param):
    assert_turned_away(proxy, "embeddings", raw, (status, code, param))


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (answer({"error": {"message": "boom"}}), 502, "upstream_protocol_error"),
        (answer({"object": "list"}), 502, "upstream_protocol_error"),
        (Script((b"data: {}\n\n",), content_type="text/event-stream"), 502, "upstream_protocol_error"),
        (
            answer({"error": {"message": "no such model", "code": "model_not_found"}}, status=404),
            404,
            "model_not_found",
        ),
    ],
)
def test_an_upstream_that_does_not_embed(proxy, script, status, code):
    proxy.upstream.answer_with(script)
    answered = embed(proxy, "a heron")
    assert (answered.status_code, answered.json()["error"]["code"]) == (status, code)
    assert answered.headers["x-guardproxy-decision"] == "error"


def with_text(**more):
    body = json.loads(vectors().segments[0])
    return answer({**body, "data": [{**body["data"][0], **more}]})


@pytest.mark.parametrize(
    "more", [{"text": "bluefinch"}, {"bluefinch": 1}, {"embedding": "bluefinch"}, {"object": "a bluefinch"}]
)
def test_a_text_beside_the_vectors_is_screened(proxy, more):
    proxy.upstream.answer_with(with_text(**more))
    refused = embed(proxy, "a heron")
    assert b"bluefinch" not in refused.content
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "content_filter")
    assert refused.headers["x-should-retry"] == "false"
    assert refused.headers["x-guardproxy-checked"] == "input,output"
    line = proxy.record(refused)
    assert (line["surface"], line["outcome"], line["status"]) == ("embeddings", "refuse", 400)


def test_a_harmless_text_beside_the_vectors_passes(proxy):
    script = with_text(text="a heron", note=["fine", None])
    proxy.upstream.answer_with(script)
    assert embed(proxy, "a heron").content == script.segments[0]


@pytest.mark.parametrize(
    "raw",
    [
        with_text(text="captain turnip").segments[0],
        b'{"object":"a bluefinch","object":"list","data":[]}',
        b'{"object":"list","data":[],"choices":"bluefinch"}',
        b'{"object":"list","data":["bluefinch"]}',
    ],
)
def test_an_answer_that_cannot_be_cleared_as_it_stands_is_no_answer(proxy, raw):
    proxy.upstream.answer_with(Script((raw,)))
    failed = embed(proxy, "a heron")
    assert (failed.status_code, failed.json()["error"]["code"]) == (502, "upstream_protocol_error")
    assert proxy.record(failed)["outcome"] == "error"


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_the_stock_client(proxy, encoding):
    proxy.upstream.answer_with(vectors())
    with openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none") as client:
        made = client.embeddings.create(model="m", input=["a heron"], encoding_format=encoding)
        assert made.data[0].embedding == json.loads(vectors().segments[0])["data"][0]["embedding"]
        before = proxy.counted(surface="embeddings", outcome="refuse")
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model="m", input="bluefinch", encoding_format=encoding)
    assert caught.value.code == "content_filter"
    assert proxy.counted(surface="embeddings", outcome="refuse") == before + 1
