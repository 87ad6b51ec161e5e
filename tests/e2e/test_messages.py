"""Anthropic's `/v1/messages` over real sockets: the same checks in another shape, plain and streamed."""

import json
from dataclasses import replace

import httpx
import pytest

from guardproxy.testing.messages_play import Event, block, call, end, start, text, thoughts
from guardproxy.testing.scripts import Script, answer
from guardproxy.wire.messages_conversion import Collector
from guardproxy.wire.messages_own import typed_event
from guardproxy.wire.sse import SseDecoder

TOOL = {"name": "f", "description": "A tool.", "input_schema": {"type": "object"}}


def ask(words="hello", **more):
    return {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": words}], **more}


def send(proxy, body, **more):
    return proxy.post("/v1/messages", body, **more)


def plain(*blocks, **more):
    top = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": list(blocks)}
    usage = {"input_tokens": 3, "output_tokens": 5}
    return answer({**top, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage, **more})


def said(words):
    return {"type": "text", "text": words}


def streamed(*events, **how):
    frames = tuple(typed_event(event) for event in events)
    return replace(Script(frames, content_type="text/event-stream"), **how)


def events(answered) -> list[Event]:
    assert answered.headers["content-type"].startswith("text/event-stream")
    found = SseDecoder().feed(answered.content)
    trees = [json.loads(event.data) for event in found]
    assert [event.name for event in found] == [tree["type"] for tree in trees]
    return trees


def message(answered):
    """What a client library makes of a stream, or the plain body."""
    if "event-stream" not in answered.headers["content-type"]:
        return answered.json()
    collector = Collector()
    for tree in events(answered):
        collector.add(tree)
    return collector.tree()


def words_of(answered):
    return "".join(block.get("text", "") for block in message(answered)["content"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_harmless_answer_passes_with_our_member_added(proxy, stream):
    calm = [start(), *text(0, "A calm ", "answer."), *end()]
    proxy.upstream.answer_with(streamed(*calm) if stream else plain(said("A calm answer.")))
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "x-2025-01-01", "x-api-key": "secret-key"}
    body = ask(stream=stream, x_vendor={"a": [1, "b"]}, system=[said("Be kind.")], metadata={"user_id": "u1"})
    answered = send(proxy, body, headers=headers)
    assert answered.status_code == 200
    assert words_of(answered) == "A calm answer."
    told = events(answered)[-2] if stream else answered.json()
    assert told["guardproxy"]["action"] == "allow"
    assert answered.headers["x-guardproxy-checked"] == ("input" if stream else "input,output")
    sent = proxy.upstream.requests[-1]
    assert json.loads(sent.body) == body
    assert sent.path.endswith("/messages")
    assert (sent.headers["anthropic-version"], sent.headers["anthropic-beta"]) == ("2023-06-01", "x-2025-01-01")
    assert "secret-key" not in str(sent.headers)
    assert proxy.record(answered)["surface"] == "messages"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        ask("tell me about b l u e f i n c h"),
        ask([said("tell me about blue"), said("finch")]),
        ask([{"type": "tool_result", "tool_use_id": "t", "content": [said("bluefinch")]}]),
        ask([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "bluefinch"}}]),
        ask(system="bluefinch"),
        ask(tools=[{**TOOL, "description": "bluefinch"}]),
        ask(stop_sequences=["bluefinch"]),
        ask(x_vendor={"bluefinch": 1}),
    ],
)
def test_a_refused_input_never_reaches_the_upstream(proxy, body, stream):
    hits = proxy.upstream.hits
    answered = send(proxy, {**body, "stream": stream})
    got = message(answered)
    assert answered.status_code == 200
    assert (got["type"], got["role"], got["stop_reason"]) == ("message", "assistant", "refusal")
    assert len(got["content"]) == 1
    assert "not from the model" in words_of(answered)
    assert got["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert answered.headers["x-guardproxy-rule"] == "finch"
    assert proxy.upstream.hits == hits


@pytest.mark.parametrize("stream", [False, True])
def test_spans_are_replaced_both_ways(proxy, stream):
    events_out = [start(), *text(0, "I met captain tur", "nip about HX-20", "31-ABCD. Nice."), *end()]
    proxy.upstream.answer_with(
        streamed(*events_out) if stream else plain(said("I met captain turnip about HX-2031-ABCD. Nice."))
    )
    given = {"type": "tool_use", "id": "t", "name": "f", "input": {"who": ["captain turnip"]}}
    turns = [
        {"role": "user", "content": "captain turnip"},
        {"role": "assistant", "content": [given]},
        {"role": "user", "content": "go on"},
    ]
    answered = send(proxy, ask(stream=stream, messages=turns, tools=[TOOL]))
    assert words_of(answered) == "I met [name] about [ticket]. Nice."
    sent = json.loads(proxy.upstream.requests[-1].body)["messages"]
    assert (sent[0]["content"], sent[1]["content"][0]["input"]) == ("[name]", {"who": ["[name]"]})


@pytest.mark.parametrize("stream", [False, True])
def test_a_notice_is_a_block_of_its_own(proxy, stream):
    proxy.upstream.answer_with(
        streamed(start(), *text(0, "Two ", "metres."), *end()) if stream else plain(said("Two metres."))
    )
    got = message(send(proxy, ask("how tall is a garden ladder?", stream=stream)))
    assert got["content"][0] == said("Two metres.")
    assert got["content"][1]["text"].startswith("\n\n")
    assert len(got["content"]) == 2
    assert got["stop_reason"] == "end_turn"


def test_a_leaking_stream_is_stopped_before_the_first_character(proxy):
    proxy.upstream.answer_with(streamed(start(), *text(0, *"The plan is called bluefinch and it starts soon."), *end()))
    answered = send(proxy, ask("plan?", stream=True))
    words = words_of(answered)
    assert words.startswith("The plan is called ")
    assert "b" not in words.removeprefix("The plan is called ").partition("\n\n")[0]
    assert message(answered)["stop_reason"] == "refusal"
    assert events(answered)[-2]["guardproxy"]["stage"] == "output"
    assert [tree["type"] for tree in events(answered)].count("content_block_start") == 1


LEAKS = {
    "text": text(1, *"bluefinch"),
    "thoughts": thoughts(1, *"bluefinch"),
    "call": call(1, *'{"a": "blue\\u0066inch"}'),
    "server's call": call(1, *'{"a": "blue\\u0066inch"}', kind="server_tool_use", name="web_search"),
    "block": block(1, {"type": "x", "deep": [{"y": "bluefinch"}]}),
    "citation": block(
        1, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": {"cited_text": "bluefinch"}}
    ),
}
LEAKS = {place: list(trees) for place, trees in LEAKS.items()}


@pytest.mark.parametrize("place", LEAKS)
@pytest.mark.parametrize("stream", [False, True])
def test_nothing_leaks_from_anywhere(proxy, place, stream):
    trees = [start(), *text(0, "Well. "), *LEAKS[place], *end()]
    collector = Collector()
    for tree in json.loads(json.dumps(trees)):
        collector.add(tree)
    proxy.upstream.answer_with(streamed(*trees) if stream else answer(collector.tree()))
    answered = send(proxy, ask("plan?", stream=stream, tools=[TOOL]))
    assert message(answered)["stop_reason"] == "refusal"
    assert "bluefinch" not in answered.text
    assert "0066inch" not in answered.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_that_nobody_offered_is_refused(proxy, stream):
    trees = [start(), *call(0, "{}", name="g"), *end("tool_use")]
    blocks = {"type": "tool_use", "id": "t", "name": "g", "input": {}}
    proxy.upstream.answer_with(streamed(*trees) if stream else plain(blocks, stop_reason="tool_use"))
    answered = send(proxy, ask(stream=stream, tools=[TOOL]))
    assert message(answered)["stop_reason"] == "refusal"
    assert "tool_use" not in answered.text


@pytest.mark.parametrize(
    ("body", "status", "kind", "code", "param"),
    [
        (ask(messages=[]), 400, "invalid_request_error", "invalid_type", "messages"),
        (ask([{"type": "x"}]), 400, "invalid_request_error", "unsupported_content_part", "messages[0].content[0]"),
        (ask([{"type": "redacted_thinking", "data": "AAAA"}]), 400, "invalid_request_error", "unsupported_content_part", "messages[0].content[0]"),
        (ask([{"type": "document", "source": {"type": "file", "file_id": "f"}}]), 400, "invalid_request_error", "unsupported_parameter", "messages[0].content[0].source.file_id"),
        (ask(container="c1"), 400, "invalid_request_error", "unsupported_parameter", "container"),
        (ask("x" * 1_100_000), 413, "request_too_large", "request_too_large", None),
    ],
)  # fmt: skip
def test_bad_bodies_are_answered_in_anthropics_shape(proxy, body, status, kind, code, param):
    hits = proxy.upstream.hits
    answered = send(proxy, body)
    tree = answered.json()
    assert (answered.status_code, tree["type"]) == (status, "error")
    assert (tree["error"]["type"], tree["error"]["code"], tree["error"].get("param")) == (kind, code, param)
    assert proxy.upstream.hits == hits


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/messages/batches", "/v1/messages/", "/messages"])
def test_other_paths_say_why(proxy, path):
    got = proxy.post(path, ask())
    tree = got.json()
    assert (got.status_code, tree["type"], tree["error"]["type"]) == (404, "error", "not_found_error")
    assert "POST /v1/messages" in tree["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_pictures_are_refused_in_words(proxy, stream):
    hits = proxy.upstream.hits
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    answered = send(proxy, ask([said("look"), picture], stream=stream))
    assert message(answered)["stop_reason"] == "refusal"
    assert answered.headers["x-guardproxy-rule"] == "unscannable"
    assert proxy.upstream.hits == hits


def test_other_methods_and_types(proxy):
    got = httpx.get(f"{proxy.base}/v1/messages", trust_env=False)
    assert (got.status_code, got.json()["type"]) == (405, "error")
    got = httpx.post(
        f"{proxy.base}/v1/messages", content=b"{}", headers={"content-type": "text/plain"}, trust_env=False
    )
    assert (got.status_code, got.json()["error"]["type"]) == (415, "invalid_request_error")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "status", "kind", "words"),
    [
        (answer({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, status=529), 502, "api_error", "busy"),
        (answer({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, status=429, retry_after="7"), 429, "rate_limit_error", "slow"),
        (answer({"type": "error", "error": {"type": "authentication_error", "message": "key"}}, status=401), 502, "api_error", "key"),
        (answer({"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}, status=404), 404, "not_found_error", "llama.cpp, vLLM"),
        (answer({"error": {"message": "say bluefinch", "code": 400}}, status=400), 400, "invalid_request_error", "does not accept"),
        (answer({"type": "error", "error": {"type": "api_error", "message": "x"}}), 502, "api_error", "reports an error"),
        (answer({"choices": []}), 502, "api_error", "content blocks"),
        (Script((b"<html>",), content_type="text/html"), 502, "api_error", ""),
        (streamed({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}), 502, "api_error", ""),
    ],
)  # fmt: skip
def test_faults_before_the_first_byte(proxy, script, status, kind, words, stream):
    proxy.upstream.answer_with(script)
    answered = send(proxy, ask(stream=stream))
    tree = answered.json()
    assert (answered.status_code, tree["type"], tree["error"]["type"]) == (status, "error", kind)
    assert words in tree["error"]["message"]
    assert "bluefinch" not in answered.text


CUT = [start(), *text(0, "Hello there. ", "How are you? ", "I am")]


@pytest.mark.parametrize(
    "script",
    [
        streamed(*CUT[:-1]),
        streamed(*CUT, {"type": "message_stop"}),
        streamed(*CUT, reset_at=600),
        streamed(*CUT, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}),
        Script((*streamed(*CUT).segments, b"data: {\n\n"), content_type="text/event-stream"),
    ],
    ids=["cut", "no reason", "reset", "error", "half"],
)
def test_a_broken_stream_ends_with_an_error(proxy, script):
    proxy.upstream.answer_with(script)
    trees = events(send(proxy, ask(stream=True)))
    assert trees[0]["type"] == "message_start"
    assert trees[-1]["type"] == "error"
    assert trees[-1]["error"]["code"].startswith("upstream_")
    assert trees[-1]["guardproxy"]["action"] == "error"
    assert not any(tree["type"] == "message_delta" for tree in trees)


@pytest.mark.parametrize("stream", [False, True])
def test_the_other_way_than_asked(proxy, stream):
    trees = [start(), *text(0, "Hel", "lo."), *end()]
    proxy.upstream.answer_with(plain(said("Hello.")) if stream else streamed(*trees))
    answered = send(proxy, ask(stream=stream))
    assert ("event-stream" in answered.headers["content-type"]) is stream
    assert words_of(answered) == "Hello."


def test_a_refused_turn_does_not_lock_the_chat(proxy):
    refused = message(send(proxy, ask("bluefinch")))["content"]
    proxy.upstream.answer_with(plain(said("Hello.")))
    turns = [
        {"role": "user", "content": "bluefinch"},
        {"role": "assistant", "content": refused},
        {"role": "user", "content": "and now something else"},
    ]
    assert words_of(send(proxy, ask(messages=turns))) == "Hello."
    assert json.loads(proxy.upstream.requests[-1].body)["messages"] == turns[2:]


def test_an_upstream_that_does_not_hang_up(proxy):
    proxy.upstream.answer_with(streamed(start(), *text(0, "Hello."), *end(), hang=True))
    assert words_of(send(proxy, ask(stream=True))) == "Hello."
