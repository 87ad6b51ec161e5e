"""Which route a model has, what the settings may say, and what a request sees of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from guardproxy.errors import BadRequest, PolicyError, SettingsError
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.routes import DEFAULT, MOST_SHOWN, Routes, RouteSettings
from guardproxy.proxy.settings import load
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream_httpx import HttpxUpstream

CHAT, TEXT, CHECK = "/v1/chat/completions", "/v1/completions", "/v1/guard/check"
SCENE = """\
chat: {models: [big, small]}
tasks: {models: [titles], upstream_model: small, background: true}
coders: {models: [Coder-7B], refusal_style: error, refusal_code: content_policy_violation}
"""


def routes(text, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("routes:\n" + "".join(f"  {line}\n" for line in text.splitlines()), encoding="utf-8")
    return load(file, {}, {}).routes


def test_without_routes_one_takes_every_model():
    plain = Routes()
    assert plain.names == (DEFAULT,)
    assert plain.of_model("anything").name == plain.of_named(None).name == plain.default.name == DEFAULT
    assert (plain.listed, plain.aliases) == (None, {})


@pytest.mark.parametrize(
    ("model", "route"), [("big", "chat"), ("  small\t", "chat"), ("titles", "tasks"), ("Coder-7B", "coders")]
)
def test_a_model_has_one_route(tmp_path, model, route):
    assert Routes(routes(SCENE, tmp_path)).of_model(model).name == route


@pytest.mark.parametrize("rest", ["", "others: {}\n"])
@pytest.mark.parametrize("model", ["bigger", "bi", "org/big", "big:latest", "coder-7b", "TITLES"])
def test_no_near_name_chooses_a_listed_route(tmp_path, model, rest):
    """Where a route takes the rest, a name that differs in case only is still nobody's: servers may not see it."""
    known = Routes(routes(SCENE + rest, tmp_path))
    if rest and model.lower() not in ("coder-7b", "titles"):
        assert known.of_model(model).name == "others"
        return
    with pytest.raises(BadRequest) as caught:
        known.of_model(model)
    assert (caught.value.status, caught.value.code, caught.value.param) == (404, "model_not_found", "model")
    if not rest:
        assert "served here: big, small, titles, Coder-7B" in str(caught.value)
    if model == "coder-7b":
        assert "did you mean Coder-7B?" in str(caught.value)


@pytest.mark.parametrize(("model", "hint"), [("bg", True), ("titels", True), ("gpt-4o", False), ("x" * 100_000, False)])
def test_a_slip_of_the_pen_gets_a_hint(tmp_path, model, hint):
    with pytest.raises(BadRequest) as caught:
        Routes(routes(SCENE, tmp_path)).of_model(model)
    assert ("did you mean" in str(caught.value)) is hint
    assert model not in str(caught.value)


def test_an_error_does_not_list_without_end():
    many = Routes({"a": RouteSettings(models=[f"m{at}" for at in range(MOST_SHOWN + 5)])})
    with pytest.raises(BadRequest, match="and 5 more"):
        many.of_model("x")


@pytest.mark.parametrize(
    ("text", "default", "names"),
    [
        ("chat: {models: [a]}", "default", {"default", "chat"}),
        ("chat: {models: [a]}\nrest: {}", "rest", {"rest", "chat"}),
        ("default: {models: [a]}\nchat: {models: [b]}", "default", {"default", "chat"}),
    ],
)
def test_what_names_no_model_has_the_default_route(tmp_path, text, default, names):
    known = Routes(routes(text, tmp_path))
    assert (known.default.name, set(known.names)) == (default, names)
    assert known.of_named(None).name == known.of_named("nobody's").name == default
    assert known.of_named(" a ").name == ("default" if text.startswith("default") else "chat")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chat: {modles: [a]}", 'unknown key "routes.chat.modles"; did you mean "models"?'),
        ("chat: {models: a}", "settings: routes.chat.models: "),
        ('chat: {models: [" a"]}', "settings: routes.chat.models.0: "),
        ('chat: {models: [""]}', "settings: routes.chat.models.0: "),
        ("chat: {refusal_style: loud}", "settings: routes.chat.refusal_style: "),
        ("chat: {background: 1}", "settings: routes.chat.background: "),
        ("Chat room: {}", "settings: routes.Chat room"),
        ("a: {models: [x]}\nb: {models: [y, x]}", '"x" stands in routes.a as well'),
        ("a: {models: [x]}\nb: {models: [X]}", "stands in routes.a as well"),
        ("a: {models: [x, x]}", "a name stands there twice"),
        ("a: {}\nb: {}", "routes.b: only one route may go without models, and routes.a does"),
    ],
)
def test_wrong_settings(tmp_path, text, says):
    with pytest.raises(SettingsError) as caught:
        routes(text, tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_environment_sets_no_routes():
    with pytest.raises(SettingsError, match="GUARDPROXY_ROUTES_CHAT is not a setting"):
        load(None, {"GUARDPROXY_ROUTES_CHAT": "x"}, {})


def test_every_route_needs_a_policy(hall, policy_file, tmp_path):
    policy_file.write_text(policy_file.read_text().replace('routes: ["*"]', "routes: [default, chat]"))
    settings = hall.settings.model_copy(
        update={"routes": routes("chat: {models: [a]}\ntasks: {models: [b]}", tmp_path)}
    )
    with pytest.raises(PolicyError, match=r'GP308.*route "tasks"'):
        open_hall(settings, hall.clock)


@pytest.fixture
def sent():
    return []


@pytest.fixture
def app_of(hall, tmp_path, sent, outcomes):
    """The data listener with these routes; `said`: what the upstream answers, a text or an answer."""
    del outcomes

    def made(text, said="Hello."):
        def handler(request):
            sent.append(request)
            if request.method == "GET":
                names = ("big", "small", "titles", "other")
                return httpx.Response(200, json={"object": "list", "data": [{"id": name} for name in names]})
            return said if isinstance(said, httpx.Response) else httpx.Response(200, json=answer(said))

        upstream = HttpxUpstream(Target("main", "http://model/v1"), httpx.MockTransport(handler))
        return DataApp(replace(hall, upstream=upstream, routes=Routes(routes(text, tmp_path))))

    return made


def answer(*texts):
    choices = [
        {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for at, text in enumerate(texts)
    ]
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}


def streamed(*texts):
    frames = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        for text in texts
    ]  # fmt: skip
    frames.append({**frames[0], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    body = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + "data: [DONE]\n\n"
    return httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})


def chat(text="hi", model="big", **more):
    return {"json": {"model": model, "messages": [{"role": "user", "content": text}], **more}}


def said_by(answered):
    return answered.json()["choices"][0]["message"]["content"]


async def test_the_route_stands_in_the_record_and_the_upstream_gets_its_name(app_of, send, sent, outcomes):
    app = app_of(SCENE)
    for model in ("big", "titles", " small "):
        assert said_by(await send(app, CHAT, **chat(model=model))) == "Hello."
    assert [o.route for o in outcomes] == ["chat", "tasks", "chat"]
    assert [json.loads(request.content)["model"] for request in sent] == ["big", "small", " small "]


async def test_a_model_of_no_route(app_of, send, sent, outcomes):
    answered = await send(app_of(SCENE), CHAT, **chat(model="other"))
    error = answered.json()["error"]
    assert (answered.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert sent == []
    assert [(o.route, o.outcome) for o in outcomes] == [("default", "bad_request")]


async def test_models_are_those_of_the_routes(app_of, send):
    async def ids(text):
        return [entry["id"] for entry in (await send(app_of(text), "/v1/models", "GET")).json()["data"]]

    assert await ids(SCENE) == ["big", "small", "titles"]
    assert await ids(SCENE + "rest: {}") == ["big", "small", "other", "titles"]
    app = app_of(SCENE)
    assert (await send(app, "/v1/models/titles", "GET")).json() == {"id": "titles"}
    missing = await send(app, "/v1/models/other", "GET")
    assert missing.status_code == 404
    assert "served here: big" in missing.json()["error"]["message"]


async def test_a_background_route_has_few_words_and_no_notices(app_of, send, sent, outcomes):
    app = app_of(SCENE)
    assert said_by(await send(app, CHAT, **chat("title for: bluefinch", "titles"))) == "Not available"
    assert sent == []
    assert said_by(await send(app, CHAT, **chat("a garden ladder", "titles"))) == "Hello."
    assert said_by(await send(app, CHAT, **chat("a garden ladder"))).startswith("Hello.\n\n")
    assert [(o.route, o.outcome) for o in outcomes] == [("tasks", "refuse"), ("tasks", "warn"), ("chat", "warn")]


async def test_a_background_answer_is_withheld_in_few_words(app_of, send):
    assert said_by(await send(app_of(SCENE, "the bluefinch"), CHAT, **chat(model="titles"))) == "Not available"


ERRORS = "all: {refusal_style: error, refusal_code: content_policy_violation}"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asked", ["the bluefinch", "hi"])
async def test_a_refusal_as_an_error(app_of, send, outcomes, asked, stream):
    upstream = streamed("bluefinch") if stream else "the bluefinch"
    answered = await send(app_of(ERRORS, upstream), CHAT, **chat(asked, stream=stream))
    error = answered.json()["error"]
    assert (answered.status_code, error["code"]) == (400, "content_policy_violation")
    assert error["message"]
    assert answered.headers["x-should-retry"] == "false"
    assert answered.headers["x-guardproxy-decision"] == "refuse"
    assert answered.headers["x-guardproxy-rule"] == "finch"
    (outcome,) = outcomes
    assert (outcome.outcome, outcome.status, outcome.finish_reason) == ("refuse", 400, "")
    assert outcome.deciding.stage == ("output" if asked == "hi" else "input")


async def test_after_the_first_byte_a_refusal_is_a_message(app_of, send, outcomes):
    text = "A sentence that is long enough to leave at once. And here it goes on for a while. "
    answered = await send(app_of(ERRORS, streamed(text, "the bluefinch")), CHAT, **chat(stream=True))
    assert answered.status_code == 200
    assert answered.text.endswith("data: [DONE]\n\n")
    assert '"content_filter"' in answered.text
    assert [(o.outcome, o.status, o.finish_reason) for o in outcomes] == [("refuse", 200, "content_filter")]


async def test_one_refused_choice_of_several_is_an_error_too(app_of, send):
    upstream = httpx.Response(200, json=answer("fine", "the bluefinch"))
    assert (await send(app_of(ERRORS, upstream), CHAT, **chat(n=2))).status_code == 400


@pytest.mark.parametrize("asked", ["the bluefinch", "hi"])
async def test_a_refusal_in_its_field(app_of, send, outcomes, asked):
    app = app_of("all: {refusal_style: refusal_field}", "the bluefinch")
    choice = (await send(app, CHAT, **chat(asked))).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "stop")
    assert choice["message"]["refusal"]
    assert [(o.outcome, o.finish_reason) for o in outcomes] == [("refuse", "stop")]


@pytest.mark.parametrize(
    ("pieces", "asked", "reason"),
    [
        (["bluefinch"], "hi", "stop"),
        (
            ["A sentence that is long enough to leave at once. And it goes on. ", "the bluefinch"],
            "hi",
            "content_filter",
        ),
        (["anything"], "the bluefinch", "stop"),
    ],
)
async def test_a_refusal_in_its_field_of_a_stream(app_of, send, outcomes, pieces, asked, reason):
    app = app_of("all: {refusal_style: refusal_field}", streamed(*pieces))
    answered = await send(app, CHAT, **chat(asked, stream=True))
    frames = [json.loads(frame[6:]) for frame in answered.text.split("\n\n") if frame.startswith("data: {")]
    deltas = [choice["delta"] for frame in frames for choice in frame["choices"]]
    assert any(delta.get("refusal") for delta in deltas) is (reason == "stop")
    assert frames[-1]["choices"][0]["finish_reason"] == reason
    assert [(o.outcome, o.finish_reason) for o in outcomes] == [("refuse", reason)]


async def test_a_surface_without_that_field_says_it_as_text(app_of, send, outcomes):
    app = app_of("all: {refusal_style: refusal_field}")
    choice = (await send(app, TEXT, json={"model": "m", "prompt": "bluefinch"})).json()["choices"][0]
    assert choice["text"]
    assert choice["finish_reason"] == "content_filter"
    assert [o.finish_reason for o in outcomes] == ["content_filter"]


@pytest.mark.parametrize("stream", [False, True])
async def test_answers_without_our_member(app_of, send, stream):
    upstream = streamed("Hello.") if stream else "Hello."
    answered = await send(app_of("all: {annotate: false}", upstream), CHAT, **chat(stream=stream))
    assert "guardproxy" not in answered.text
    assert answered.headers["x-guardproxy-decision"] == "allow"


@pytest.mark.parametrize(("how", "told"), [("header", False), ("text", True)])
@pytest.mark.parametrize("suffix", [None, "}"])
async def test_notices_of_continued_texts(app_of, send, how, told, suffix):
    continued = {"id": "t", "object": "text_completion", "created": 1, "model": "m"}
    choices = [{"index": 0, "text": "Hello.", "logprobs": None, "finish_reason": "stop"}]
    app = app_of(f"all: {{completions_notice: {how}}}", httpx.Response(200, json={**continued, "choices": choices}))
    body = {"model": "m", "prompt": "a garden ladder", "suffix": suffix}
    text = (await send(app, TEXT, json=body)).json()["choices"][0]["text"]
    assert (text != "Hello.") is (told and suffix is None)


@pytest.mark.parametrize(("kept", "left"), [("strip", None), ("chosen", 0), ("all", 1)])
@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs(app_of, send, kept, left, stream):
    token = {"token": "Hello.", "logprob": -1, "bytes": None}
    logprobs = {"content": [{**token, "top_logprobs": [{**token, "token": "Hi."}]}]}
    whole = answer("Hello.")
    whole["choices"][0]["logprobs"] = logprobs
    if stream:
        frame = json.loads(streamed("Hello.").text.split("\n\n")[0][6:])
        frame["choices"][0]["logprobs"] = logprobs
        end = {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        body = "".join(f"data: {json.dumps(one)}\n\n" for one in (frame, end)) + "data: [DONE]\n\n"
        upstream = httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
    else:
        upstream = httpx.Response(200, json=whole)
    answered = await send(app_of(f"all: {{logprobs: {kept}}}", upstream), CHAT, **chat(stream=stream))
    frames = (
        [json.loads(f[6:]) for f in answered.text.split("\n\n") if f[6:].startswith("{")]
        if stream
        else [answered.json()]
    )
    found = [c["logprobs"] for f in frames for c in f["choices"] if c.get("logprobs")]
    assert [len(one["content"][0]["top_logprobs"]) for one in found] == ([] if left is None else [left])


async def test_a_check_and_a_moderation_go_by_the_model_they_name(app_of, send, outcomes):
    app, said = app_of(SCENE), [{"role": "user", "content": "hi"}]
    await send(app, CHECK, json={"model": "big", "messages": said})
    await send(app, CHECK, json={"text": "hi"})
    await send(app, "/v1/moderations", json={"model": "titles", "input": "hi"})
    await send(app, "/v1/moderations", json={"model": "omni-moderation-latest", "input": "hi"})
    assert [o.route for o in outcomes] == ["chat", "default", "tasks", "default"]
    mixed = {"items": [{"model": "big", "messages": said}, {"text": "hi"}]}
    assert (await send(app, CHECK, json=mixed)).json()["error"]["param"] == "items"


DOCS = Path(__file__).parents[3] / "docs"


def test_the_example_of_the_documentation():
    known = Routes(load(DOCS / "routes.yaml", {}, {}).routes)
    assert known.of_model("tasks").settings.background
    assert known.of_model("agents").settings.refusal_style == "error"
    assert set(known.aliases.values()) == {"llama-3.1-8b-instruct"}
    example = (DOCS / "routes.yaml").read_text().partition("\n")[2]
    assert f"```yaml\n{example}```" in (DOCS / "routes.md").read_text()


def test_the_documentation_names_every_key_and_its_default():
    page = (DOCS / "routes.md").read_text()
    for name, field in RouteSettings.model_fields.items():
        plain = field.get_default(call_default_factory=True)
        shown = {"": '""'}.get(plain, plain) if isinstance(plain, str) else json.dumps(plain)
        assert f"| `{name}` | `{shown}` |" in page
