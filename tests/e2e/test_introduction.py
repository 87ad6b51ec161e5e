"""`disclosure.first_turn` over real sockets: who is answered for the first time reads that an AI speaks, once."""

import json
from pathlib import Path

import openai
import pytest

from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import completion, continuation, continuation_stream, stream_of, vectors
from guardproxy.testing.scripts_typed import message, message_stream, output_text, response, response_stream, says
from guardproxy.wire.messages_conversion import Collector
from guardproxy.wire.sse import SseDecoder
from tests.e2e.conftest import start

POLICY = Path(__file__).parent / "policies" / "introduction.yaml"
SAID = "You are talking to an AI system."
ANSWER = "Herons return in March."
CHAT, RESPONSES, MESSAGES, TEXT = "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions"
SURFACES = (CHAT, RESPONSES, MESSAGES)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("introduction")
    with FakeUpstream() as upstream:
        running = start(
            folder, POLICY, upstream, GUARDPROXY_AUDIT_MODE="required", GUARDPROXY_DETECTORS_EMBEDDED="false"
        )
        yield running
        running.process.terminate()
        assert running.process.wait(15) == 0


def scripted(path, text, *, stream):
    halves = [text[:6], text[6:]]
    if path == CHAT:
        return stream_of(halves) if stream else completion(text)
    if path == MESSAGES:
        return message_stream(text) if stream else message(text)
    item = says(output_text(text))
    return response_stream(item) if stream else response(item)


def turns(*texts):
    """The user and the assistant in turn."""
    return [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]


def ask(proxy, path, *texts, answer=ANSWER, stream=False, **more):
    proxy.upstream.answer_with(scripted(path, answer, stream=stream))
    told = {RESPONSES: {"input": turns(*texts)}}.get(path, {"messages": turns(*texts)})
    limit = {"max_tokens": 64} if path == MESSAGES else {}
    return proxy.post(path, {"model": "m", **told, **limit, **({"stream": True} if stream else {}), **more})


def words(path, answered):
    """What the user reads."""
    if "event-stream" not in answered.headers["content-type"]:
        tree = answered.json()
    elif path == CHAT:
        trees = [json.loads(event.data) for event in SseDecoder().feed(answered.content) if not event.done]
        return "".join(choice["delta"].get("content") or "" for tree in trees for choice in tree["choices"])
    else:
        trees = [json.loads(event.data) for event in SseDecoder().feed(answered.content)]
        if path == RESPONSES:
            tree = trees[-1]["response"]
        else:
            collector = Collector()
            for one in trees:
                collector.add(one)
            tree = collector.tree()
    if path == CHAT:
        return tree["choices"][0]["message"]["content"]
    blocks = tree["content"] if path == MESSAGES else [part for item in tree["output"] for part in item["content"]]
    return "".join(block["text"] for block in blocks)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", SURFACES)
def test_the_first_answer_says_so_and_the_second_does_not(proxy, path, stream):
    first = ask(proxy, path, "hello", stream=stream)
    assert words(path, first) == f"{SAID}\n\n{ANSWER}"
    line = proxy.record(first)
    assert (line["ai_notice"], line["outcome"], line["statement"]["restriction"]) == (True, "allow", "none")
    second = ask(proxy, path, "hello", words(path, first), "and then?", stream=stream)
    assert words(path, second) == ANSWER
    assert proxy.record(second)["ai_notice"] is False


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", SURFACES)
def test_a_refusal_is_a_first_answer_too(proxy, path, stream):
    refused = ask(proxy, path, "the bluefinch", stream=stream)
    assert words(path, refused).startswith(f"{SAID}\n\nI can't help")
    assert proxy.record(refused)["ai_notice"] is True
    then = ask(proxy, path, "the bluefinch", words(path, refused), "hello", stream=stream)
    assert words(path, then) == ANSWER
    held_back = ask(proxy, path, "hello", answer="It is the bluefinch.", stream=stream)
    assert words(path, held_back).startswith(SAID)
    assert words(path, held_back).count(SAID) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", SURFACES)
def test_it_comes_before_other_notices_and_spoils_no_second_draft(proxy, path, stream):
    noticed = ask(proxy, path, "a garden ladder", stream=stream)
    assert words(path, noticed).startswith(f"{SAID}\n\n{ANSWER}\n\n")
    assert proxy.record(noticed)["outcome"] == "warn"
    left = ["Blazing turnip, you.", ANSWER]
    proxy.upstream.answer_with(lambda _: scripted(path, left.pop(0), stream=stream))
    told = {"input": turns("hello")} if path == RESPONSES else {"messages": turns("hello")}
    more = {"max_tokens": 64} if path == MESSAGES else {}
    again = proxy.post(path, {"model": "m", "stream": stream, **told, **more})
    assert words(path, again) == f"{SAID}\n\n{ANSWER}"
    assert proxy.record(again)["outcome"] == "regenerate"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "more",
    [
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
    ],
    ids=["json", "tools"],
)
def test_where_words_would_spoil_the_answer_there_are_none(proxy, more, stream):
    answered = ask(proxy, CHAT, "hello", answer='{"a": 1}', stream=stream, **more)
    assert words(CHAT, answered) == '{"a": 1}'
    assert proxy.record(answered)["ai_notice"] is False


def test_each_choice_is_an_answer(proxy):
    choices = [{"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
               for at, text in enumerate((ANSWER, "It is the bluefinch."))]  # fmt: skip
    body = json.loads(completion(ANSWER).segments[0]) | {"choices": choices}
    proxy.upstream.answer_with(completion(ANSWER).__class__((json.dumps(body).encode(),)))
    answered = proxy.chat({"model": "m", "n": 2, "messages": turns("hello")})
    assert all(c["message"]["content"].startswith(SAID) for c in answered.json()["choices"])


def test_what_nobody_chats_with_says_nothing(proxy):
    for path, script, body in (
        (TEXT, continuation(ANSWER), {"prompt": "hello"}),
        (TEXT, continuation_stream([ANSWER]), {"prompt": "hello", "stream": True}),
        ("/v1/embeddings", vectors(), {"input": "hello"}),
        ("/v1/moderations", vectors(), {"input": "hello"}),
    ):
        proxy.upstream.answer_with(script)
        assert SAID not in proxy.post(path, {"model": "m", **body}).text


def test_in_the_readers_language(proxy):
    proxy.upstream.answer_with(completion("Im März."))
    answered = proxy.chat({"model": "m", "messages": turns("hallo")}, headers={"accept-language": "de"})
    assert answered.json()["choices"][0]["message"]["content"] == "Sie sprechen mit einem KI-System.\n\nIm März."


def test_a_stock_client_reads_it_as_content(proxy):
    proxy.upstream.answer_with(stream_of([ANSWER[:5], ANSWER[5:]]))
    with openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=turns("hello"), stream=True)
        text = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    assert text == f"{SAID}\n\n{ANSWER}"
