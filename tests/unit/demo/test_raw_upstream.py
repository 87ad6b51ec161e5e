"""The raw model on the wire: OpenAI's shapes, plain and streamed."""

import json

import httpx
import pytest

from guardproxy.demo.behaviours import NAMES
from guardproxy.demo.raw_upstream import RawUpstream

APP = RawUpstream()


def client():
    return httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://raw", trust_env=False)


async def post(tree, **headers):
    async with client() as http:
        return await http.post(
            "/v1/chat/completions", json=tree, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


def ask(text="Why is the sky blue?", **more):
    return {"model": "raw-base", "messages": [{"role": "user", "content": text}], **more}


def frames(answer):
    *events, last, empty = answer.text.split("\n\n")
    assert (last, empty) == ("data: [DONE]", "")
    assert all(event.startswith("data: ") for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


async def test_a_plain_answer():
    answer = await post(ask())
    tree = answer.json()
    assert answer.status_code == 200
    assert (tree["object"], tree["model"]) == ("chat.completion", "raw-base")
    assert tree["choices"][0]["message"]["content"].startswith("The sky is blue")
    assert tree["choices"][0]["finish_reason"] == "stop"
    usage = tree["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert (await post(ask())).content == answer.content


async def test_a_stream_says_the_same():
    answer = await post(ask(stream=True, n=2, stream_options={"include_usage": True}))
    assert answer.headers["content-type"] == "text/event-stream"
    plain = (await post(ask(n=2))).json()
    events = frames(answer)
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    for at in (0, 1):
        mine = [c for e in events for c in e["choices"] if c["index"] == at]
        assert "".join(c["delta"].get("content", "") for c in mine) == plain["choices"][at]["message"]["content"]
        assert [c["finish_reason"] for c in mine if c["finish_reason"]] == [plain["choices"][at]["finish_reason"]]
    assert (events[-1]["choices"], events[-1]["usage"]) == ([], plain["usage"])


async def test_usage_comes_only_when_asked_for():
    assert not any("usage" in event for event in frames(await post(ask(stream=True))))


async def test_the_models():
    async with client() as http:
        listed = (await http.get("/v1/models")).json()
    assert [m["id"] for m in listed["data"]] == list(NAMES)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/chat/completions", 404, "unknown_path"),
        ("POST", "/v1/models", 404, "unknown_path"),
        ("GET", "/", 404, "unknown_path"),
    ],
)
async def test_nothing_else_is_served(method, path, status, code):
    async with client() as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_errors_have_openais_shape():
    answer = await post(ask(temperature=9))
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert (await post({**ask(), "model": "nobody"})).status_code == 404


async def test_a_register_can_be_forced():
    answer = await post(ask("Good morning."), x_demo_register="illicit")
    assert "step" in answer.json()["choices"][0]["message"]["content"].lower()


async def sent_by(tree, headers=()):
    """The ASGI messages themselves: httpx's transport would wait for an end that never comes."""
    messages = []

    async def receive():
        return {"type": "http.request", "body": json.dumps(tree).encode(), "more_body": False}

    async def send(message):
        messages.append(message)

    scope = {"type": "http", "path": "/v1/chat/completions", "method": "POST", "headers": list(headers)}
    await APP(scope, receive, send)
    return messages


@pytest.mark.parametrize("tree", [{**ask(), "model": "raw-cut"}, {**ask(stream=True), "model": "raw-cut"}])
async def test_the_cut_model_never_ends_its_answer(tree):
    messages = await sent_by(tree)
    assert messages[0]["status"] == 200
    assert messages[-1]["more_body"] is True
    assert b"[DONE]" not in b"".join(m.get("body", b"") for m in messages)


async def test_the_cut_header_counts_words():
    messages = await sent_by(ask(stream=True), [(b"x-demo-cut", b"3")])
    assert b"".join(m.get("body", b"") for m in messages).count(b'"content":" ') == 2
