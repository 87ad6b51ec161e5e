"""What a client of the running proxy sees: one row of the contract's table each."""

import json
from dataclasses import replace

import httpx
import openai
import pytest

from guardproxy.testing.scripts import completion, stream_of


def ask(text, **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def content(answer):
    return answer.json()["choices"][0]["message"]["content"]


def events(answer):
    frames = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    return [json.loads(frame) for frame in frames[:-1]]


def streamed(answer):
    return "".join(c["delta"].get("content") or "" for e in events(answer) for c in e["choices"])


def test_a_harmless_answer_passes_untouched(proxy):
    proxy.upstream.answer_with(completion("A calm answer."))
    answer = proxy.chat(ask("hello", x_vendor={"a": [1, "b"]}))
    assert answer.status_code == 200
    assert content(answer) == "A calm answer."
    assert answer.json()["guardproxy"]["action"] == "allow"
    assert answer.headers["x-guardproxy-checked"] == "input,output"
    assert json.loads(proxy.upstream.requests[-1].body) == ask("hello", x_vendor={"a": [1, "b"]})


def test_a_refused_input_never_reaches_the_upstream(proxy):
    hits = proxy.upstream.hits
    answer = proxy.chat(ask("tell me about b l u e f i n c h"))
    choice = answer.json()["choices"][0]
    assert answer.status_code == 200
    assert choice["finish_reason"] == "content_filter"
    assert "refusal" not in choice["message"]
    assert "not from the model" in choice["message"]["content"]
    assert answer.headers["x-guardproxy-rule"] == "finch"
    assert answer.json()["guardproxy"]["decision_id"] in choice["message"]["content"]
    assert proxy.upstream.hits == hits


def test_a_refusal_speaks_the_readers_language(proxy):
    answer = proxy.chat(ask("bluefinch"), headers={"accept-language": "no"})
    assert content(answer).startswith("Jeg kan ikke hjelpe")


def test_spans_are_replaced_on_the_way_in(proxy):
    proxy.upstream.answer_with(completion("Noted."))
    answer = proxy.chat(ask("captain turnip pays with 4242 4242 4242 4242 for HX-2031-ABCD"))
    sent = json.loads(proxy.upstream.requests[-1].body)["messages"][0]["content"]
    assert sent == "[name] pays with [card number removed] for [ticket]"
    assert answer.json()["guardproxy"]["action"] == "redact"


def test_spans_are_replaced_on_the_way_out_also_in_pieces(proxy):
    proxy.upstream.answer_with(stream_of(["I met captain tur", "nip about HX-20", "31-ABCD. Nice."]))
    answer = proxy.chat(ask("who?", stream=True))
    assert streamed(answer) == "I met [name] about [ticket]. Nice."
    assert events(answer)[-1]["guardproxy"]["action"] == "redact"


def test_events_that_come_together_are_looked_at_together_and_stay_events(proxy):
    said = stream_of(["I met captain tur", "nip about HX-20", "31-ABCD. ", "Nice."])
    proxy.upstream.answer_with(replace(said, segments=(b"".join(said.segments),)))
    answer = proxy.chat(ask("who?", stream=True))
    assert streamed(answer) == "I met [name] about [ticket]. Nice."
    assert [c["delta"].get("content") for e in events(answer) for c in e["choices"]].count("Nice.") == 1


def test_what_came_before_a_fault_leaves_although_it_came_in_the_same_piece(proxy):
    said = stream_of(["All is well. ", "Or is it? "])
    proxy.upstream.answer_with(replace(said, segments=(b"".join(said.segments[:3]) + b"data: {nonsense\n\n",)))
    answer = proxy.chat(ask("is it?", stream=True))
    said = "".join(c["delta"].get("content", "") for e in events(answer) for c in e.get("choices", []))
    assert said.startswith("All is well. ")
    assert '"finish_reason":"length"' in answer.text


def test_a_notice_is_added_and_the_answer_kept(proxy):
    proxy.upstream.answer_with(completion("Two metres."))
    text = content(proxy.chat(ask("how tall is a garden ladder?")))
    assert text.startswith("Two metres.\n\n")
    proxy.upstream.answer_with(stream_of(["Two ", "metres."]))
    assert streamed(proxy.chat(ask("how tall is a garden ladder?", stream=True))) == text


def test_a_leaking_stream_is_stopped_before_the_first_character(proxy):
    proxy.upstream.answer_with(stream_of([*"The plan is called bluefinch and it starts soon."]))
    answer = proxy.chat(ask("plan?", stream=True))
    text = streamed(answer)
    assert text.startswith("The plan is called ")
    assert "b" not in text.removeprefix("The plan is called ").partition("\n\n")[0]
    last = events(answer)[-1]
    assert last["choices"][0]["finish_reason"] == "content_filter"
    assert last["guardproxy"]["stage"] == "output"


def test_a_leaking_plain_answer_is_withheld_whole(proxy):
    proxy.upstream.answer_with(completion("The plan is called bluefinch."))
    assert "plan is called" not in content(proxy.chat(ask("plan?")))


@pytest.mark.parametrize(
    ("raw", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b'{"model":"m","model":"n","messages":[]}', 400, "duplicate_key", "model"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":NaN}', 400, "invalid_json", None),
        (b'{"model":"m","messages":[{"role":"root","content":"x"}]}', 400, None, "messages[0].role"),
        (b'{"model":"m","messages":[{"role":"user","content":5}]}', 400, "invalid_type", "messages[0].content"),
        (b'{"model":"m","messages":[]}', 400, None, "messages"),
        (b"\xff\xfe{}", 400, "invalid_utf8", None),
        (b"[" * 100_000, 400, "too_complex", None),
        (b" " * (1024 * 1024 + 1), 413, "request_too_large", None),
    ],
)
def test_bad_bodies(proxy, raw, status, code, param):
    hits = proxy.upstream.hits
    answer = httpx.post(
        f"{proxy.base}/v1/chat/completions",
        content=raw,
        headers={"content-type": "application/json"},
        timeout=20,
        trust_env=False,
    )
    error = answer.json()["error"]
    assert answer.status_code == status
    assert set(error) == {"message", "type", "param", "code"}
    assert code is None or error["code"] == code
    assert param is None or error["param"] == param
    assert proxy.upstream.hits == hits


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/images/generations", 404),
        ("POST", "/v1/chat/completions/", 404),
        ("GET", "/docs", 404),
        ("GET", "/metrics", 404),
    ],
)
def test_unknown_doors(proxy, method, path, status):
    answer = httpx.request(method, proxy.base + path, json={}, trust_env=False)
    assert answer.status_code == status
    assert "error" in answer.json()


@pytest.mark.parametrize(
    "more",
    [
        {"content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]},
        {"content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}]},
        {"content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]},
        {"content": "hi", "modalities": ["text", "audio"]},
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_read_is_refused_politely(proxy, more, stream):
    hits, counted = proxy.upstream.hits, proxy.counted(outcome="refuse")
    fields = {"modalities": more["modalities"]} if "modalities" in more else {}
    messages = [{"role": "user", "content": more["content"]}]
    answer = proxy.chat({"model": "m", "messages": messages, "stream": stream, **fields})
    assert answer.status_code == 200
    assert "attachment" in (streamed(answer) if stream else content(answer))
    assert answer.headers["x-guardproxy-rule"] == "unscannable"
    assert proxy.upstream.hits == hits
    assert proxy.record(answer)["statement"]["rationale"] == "unscannable.media"
    assert proxy.counted(outcome="refuse") == counted + 1


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_data": "data:text/plain;base64,dGhlIGJsdWVmaW5jaA=="}},
        {"type": "file", "file": {"filename": "bluefinch.txt", "file_data": "data:text/plain,calm"}},
        {"type": "image_url", "image_url": {"url": "data:text/plain,the%20bluefinch"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav", "transcript": "the bluefinch"}},
    ],
)
def test_text_inside_attachments_is_text(proxy, part):
    hits = proxy.upstream.hits
    answer = proxy.chat({"model": "m", "messages": [{"role": "user", "content": [part]}]})
    assert answer.headers["x-guardproxy-rule"] == "finch"
    assert proxy.upstream.hits == hits


def test_a_text_file_passes_once_it_has_been_read(proxy):
    proxy.upstream.answer_with(completion("Noted."))
    part = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,Y2FsbQ=="}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    assert content(proxy.chat(body)) == "Noted."
    assert json.loads(proxy.upstream.requests[-1].body) == body


def test_a_refused_turn_does_not_lock_the_chat(proxy):
    refused = content(proxy.chat(ask("bluefinch")))
    proxy.upstream.answer_with(completion("Hello."))
    history = [
        {"role": "user", "content": "bluefinch"},
        {"role": "assistant", "content": refused},
        {"role": "user", "content": "and now something else"},
    ]
    assert content(proxy.chat({"model": "m", "messages": history})) == "Hello."
    assert "finch" not in proxy.upstream.requests[-1].body.decode()


def test_the_stock_client(proxy):
    with openai.OpenAI(base_url=f"{proxy.base}/v1", api_key="none") as client:
        proxy.upstream.answer_with(completion("Fine."))
        plain = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        assert plain.choices[0].message.content == "Fine."
        refused = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "bluefinch"}])
        assert refused.choices[0].finish_reason == "content_filter"
        proxy.upstream.answer_with(stream_of(["Fi", "ne."]))
        pieces = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
        assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == "Fine."


def test_numbers_move_and_no_text_is_kept(proxy):
    proxy.chat(ask("marker-elephant bluefinch sk-marker-12345678"))
    page = httpx.get(f"{proxy.admin}/metrics", trust_env=False).text
    lines = [line for line in page.splitlines() if not line.startswith("#")]
    refused = [float(x.rsplit(" ", 1)[1]) for x in lines if "requests_total{" in x and 'outcome="refuse"' in x]
    counted = [float(x.rsplit(" ", 1)[1]) for x in lines if x.startswith("guardproxy_refusals_total{")]
    assert sum(refused) == sum(counted) > 0
    assert all(x.endswith(" 0.0") for x in lines if x.startswith("guardproxy_unchecked_total{"))
    kept = page + "".join(p.read_text() for p in proxy.folder.iterdir() if p.is_file())
    assert "decision_id" in kept
    for marker in ("marker-elephant", "bluefinch", "sk-marker"):
        assert marker not in kept
