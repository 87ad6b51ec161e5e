"""The data listener without a socket: what is served, what is not, and the request edge."""

from __future__ import annotations

import json
import weakref
from dataclasses import replace

import httpx
import pytest
from structlog.testing import capture_logs

from guardproxy.core.rules import Unscanned
from guardproxy.errors import BadRequest, UpstreamTimeout
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.logs import get_logger
from guardproxy.observe.metrics import Labels
from guardproxy.observe.record import Recorder
from guardproxy.proxy.app import DOORS, MODERATIONS, DataApp
from guardproxy.proxy.cors import Cors
from guardproxy.proxy.flow import Flow
from guardproxy.proxy.hall import Standing
from guardproxy.proxy.settings import LimitSettings
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream_httpx import HttpxUpstream
from guardproxy.wire.surface import SURFACES

CHAT = "/v1/chat/completions"
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
}


@pytest.fixture
def sent():
    return []


@pytest.fixture
def app_of(hall, sent):
    def made(answer=None, **limits):
        def handler(request):
            sent.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer or httpx.Response(200, json=ANSWER)

        upstream = HttpxUpstream(Target("main", "http://model/v1"), httpx.MockTransport(handler))
        settings = hall.settings.model_copy(update={"limits": LimitSettings(**limits)})
        return DataApp(replace(hall, upstream=upstream, settings=settings))

    return made


async def ask(app, method="POST", path=CHAT, **more):
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.request(method, path, **more)


def said(text="hi", **more):
    return {"json": {"model": "m", "messages": [{"role": "user", "content": text}], **more}}


def code(answer):
    return answer.json()["error"]["code"]


async def test_an_answer_comes_back_marked(app_of, sent):
    answer = await ask(app_of(), **said())
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."
    assert answer.headers["x-guardproxy-decision"] == "allow"
    assert answer.headers["x-guardproxy-checked"] == "input,output"
    assert answer.headers["x-guardproxy-decision-id"] == answer.json()["guardproxy"]["decision_id"]
    assert len(sent) == 1


async def test_a_refused_request_never_reaches_the_upstream(app_of, sent):
    answer = await ask(app_of(), **said("about the bluefinch"))
    assert (answer.status_code, answer.json()["choices"][0]["finish_reason"]) == (200, "content_filter")
    assert answer.headers["x-guardproxy-rule"] == "finch"
    assert sent == []


async def test_a_redacted_request_goes_on_without_the_name(app_of, sent):
    await ask(app_of(), **said("ask Captain Turnip"))
    assert json.loads(sent[0].content)["messages"][0]["content"] == "ask [name]"


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "named"),
    [
        ("POST", "/v1/embeddings/", {}, 404, "unknown_path"),
        ("POST", "/v1/chat/completions/", {}, 404, "unknown_path"),
        ("POST", "//v1/chat/completions", {}, 404, "unknown_path"),
        ("GET", "/metrics", {}, 404, "unknown_path"),
        ("GET", "/docs", {}, 404, "unknown_path"),
        ("GET", CHAT, {}, 405, "method_not_allowed"),
        ("POST", "/v1/models", {}, 405, "method_not_allowed"),
        ("POST", "/v1/ch%61t/completions", said(), 404, "unknown_path"),
        ("POST", "/v1/chat%2fcompletions", said(), 404, "unknown_path"),
        ("POST", "/v1/chat/x/%2e%2e/completions", said(), 404, "unknown_path"),
        ("GET", "/v1/%6dodels", {}, 404, "unknown_path"),
        ("GET", "/health%7a", {}, 404, "unknown_path"),
        ("POST", CHAT, {"content": b"{}"}, 415, "unsupported_media_type"),
        ("POST", CHAT, {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, "unsupported_media_type"),
        ("POST", CHAT, {**said(), "headers": {"content-encoding": "gzip"}}, 415, "unsupported_media_type"),
        ("POST", CHAT, {**said(), "headers": {"content-type": "application/json; charset=utf-16"}}, 415, "unsupported_media_type"),
    ],
)  # fmt: skip
async def test_what_is_not_served(app_of, sent, method, path, more, status, named):
    answer = await ask(app_of(), method, path, **more)
    assert (answer.status_code, code(answer)) == (status, named)
    assert sent == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("PUT", "/v1/models/m", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("OPTIONS", "/readyz", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_says_the_right_one(app_of, method, path, allowed):
    answer = await ask(app_of(), method, path)
    assert (answer.status_code, code(answer)) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
async def test_a_probe_may_ask_for_the_head_alone(app_of, path):
    assert (await ask(app_of(), "HEAD", path)).status_code == 200


async def test_a_near_path_gets_a_hint(app_of):
    answer = await ask(app_of(), path="/chat/completions")
    assert f"did you mean {CHAT}?" in answer.json()["error"]["message"]


async def test_a_body_beyond_the_limit(app_of, sent):
    answer = await ask(app_of(body_bytes=1024), **said("x" * 2000))
    assert (answer.status_code, code(answer)) == (413, "request_too_large")
    assert sent == []


async def test_too_many_at_once(app_of, sent):
    app = app_of(inflight=1)
    app._doorman.crowd.enter("default")
    answer = await ask(app, **said())
    assert (answer.status_code, code(answer)) == (429, "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "1"
    assert sent == []


async def test_nothing_new_while_draining(app_of):
    app = app_of()
    app.draining = True
    answer = await ask(app, **said())
    assert (answer.status_code, answer.headers["x-guardproxy-decision"]) == (503, "error")


async def test_the_edge_answers_without_the_users_text(app_of, monkeypatch):
    def broken(*_a, **_k):
        raise ValueError("a walrus")

    monkeypatch.setattr("guardproxy.proxy.flow.forget_refused", broken)
    with capture_logs() as logs:
        answer = await ask(app_of(), **said("a walrus"))
    assert (answer.status_code, code(answer)) == (500, "internal_error")
    assert "walrus" not in answer.text
    assert "walrus" not in repr(logs)
    (line,) = [one for one in logs if one["event"] == "request_failed"]
    assert line["kind"] == "ValueError"


@pytest.mark.parametrize(
    ("fault", "status", "named"),
    [
        (httpx.ConnectError("x"), 502, "upstream_unreachable"),
        (httpx.ReadTimeout("x"), 504, "upstream_timeout"),
        (httpx.ReadError("x"), 502, "upstream_protocol_error"),
    ],
)
async def test_the_upstreams_faults(app_of, fault, status, named):
    answer = await ask(app_of(fault), **said())
    assert (answer.status_code, code(answer)) == (status, named)
    assert answer.headers["x-guardproxy-decision"] == "error"


async def test_the_inflight_count_returns_to_zero(app_of):
    app = app_of(UpstreamTimeout("x"))
    await ask(app, **said())
    await ask(app, **said("bluefinch"))
    assert set(app._inflight.values()) == {0}


@pytest.mark.parametrize("stream", [False, True])
async def test_two_notices_are_both_said(app_of, stream):
    answer = await ask(app_of(), **said("a garden ladder by the roof gutter", stream=stream))
    if stream:
        frames = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line.startswith("data: {")]
        text = "".join(c["delta"].get("content") or "" for frame in frames for c in frame["choices"])
    else:
        text = answer.json()["choices"][0]["message"]["content"]
    own, *notices = text.split("\n\n")
    assert own == "Hello."
    assert len(set(notices)) == 2


CONTINUED = {
    "id": "t1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "text": "Hello.", "logprobs": None, "finish_reason": "stop"}],
}
TEXT = "/v1/completions"
JSON_ONLY = {"messages": [{"role": "user", "content": "hi"}], "response_format": {"type": "json_object"}}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "hi"}]}, True),
        (CHAT, JSON_ONLY, False),
        (TEXT, {"prompt": "hi"}, True),
        (TEXT, {"prompt": "hi", "suffix": "}"}, False),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_crisis_text_stands_wherever_there_is_prose(app_of, monkeypatch, path, body, told, stream):
    monkeypatch.setattr("guardproxy.proxy.wording.Wording.crisis", lambda *_: "You are not alone.")
    upstream = httpx.Response(200, json=ANSWER if path == CHAT else CONTINUED)
    answer = await ask(app_of(upstream), path=path, json={"model": "m", "stream": stream, **body})
    assert ("You are not alone." in answer.text) is told
    assert "Hello." in answer.text


async def test_each_surface_is_called_by_its_name(app_of, sent):
    app = app_of(httpx.Response(200, json=CONTINUED))
    await ask(app, path=TEXT, json={"model": "m", "prompt": "hi"})
    await ask(app, path="/v1/embeddings", json={"model": "m", "input": "hi"})
    assert [request.url.path for request in sent] == ["/v1/completions", "/v1/embeddings"]


def test_every_door_has_its_label():
    assert {door.surface for door in DOORS.values()} == set(Labels((), (), (), (), ()).surfaces)


@pytest.mark.parametrize("near", ["/completions", "/v1/v1/completions", "/v1/completions/"])
async def test_a_near_path_gets_the_hint_of_its_surface(app_of, near):
    message = (await ask(app_of(), path=near)).json()["error"]["message"]
    assert f"did you mean {TEXT}?" in message
    assert "POST /v1/embeddings" in message
    assert f"POST {MODERATIONS}" in message


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
async def test_what_answers_get_answers_head_and_nothing_else(app_of, path):
    assert (await ask(app_of(), "HEAD", path)).status_code == 200
    refused = await ask(app_of(), "POST", path)
    assert (refused.status_code, code(refused), refused.headers["allow"]) == (405, "method_not_allowed", "GET, HEAD")


async def test_an_unknown_path_speaks_like_the_surface_that_was_meant(app_of, monkeypatch):
    changed = replace(SURFACES[TEXT], errors=lambda answer: replace(answer, body=b"in its own words"))
    monkeypatch.setitem(SURFACES, TEXT, changed)
    assert (await ask(app_of(), path="/v1/completions/")).text == "in its own words"
    assert code(await ask(app_of(), path="/v1/chat/completions/")) == "unknown_path"
    assert (await ask(app_of(), path="/api/v1/text/contents/")).json()["code"] == 404


ORIGIN = {"origin": "https://chat.example.org", "access-control-request-method": "POST"}


async def test_pages_of_named_origins_only(hall, app_of):
    asking = {**ORIGIN, "access-control-request-headers": "authorization, Content-Type"}
    app = app_of()
    assert (await ask(app, "OPTIONS", headers=asking)).status_code == 405
    app._cors = Cors([ORIGIN["origin"]])
    allowed = await ask(app, "OPTIONS", headers=asking)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ORIGIN["origin"])
    assert allowed.headers["access-control-allow-headers"] == "authorization, content-type"
    answer = await ask(app, **said(), headers={"origin": ORIGIN["origin"]})
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert "x-guardproxy-decision" in answer.headers["access-control-expose-headers"]
    other = {**asking, "origin": "https://evil.example.org"}
    assert (await ask(app, "OPTIONS", headers=other)).status_code == 405
    assert "access-control-allow-origin" not in (await ask(app, **said(), headers={"origin": other["origin"]})).headers


async def test_a_picture_is_refused_politely_and_never_sent(app_of, sent, outcomes):
    parts = [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    answer = await ask(app_of(), json={"model": "m", "messages": [{"role": "user", "content": parts}]})
    choice = answer.json()["choices"][0]
    assert (answer.status_code, choice["finish_reason"]) == (200, "content_filter")
    assert "attachment" in choice["message"]["content"]
    assert answer.headers["x-guardproxy-rule"] == "unscannable"
    assert answer.json()["guardproxy"]["hazards"] == ["unscannable.media"]
    assert sent == []
    assert [(o.outcome, o.unchecked, o.checked) for o in outcomes] == [("refuse", (), ("input",))]


async def test_a_refused_picture_does_not_lock_the_chat(app_of, sent):
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}
    refused = (await ask(app_of(), json={"model": "m", "messages": [picture]})).json()["choices"][0]["message"]
    then = {"role": "user", "content": "in words, then"}
    answer = await ask(app_of(), json={"model": "m", "messages": [picture, refused, then]})
    assert answer.headers["x-guardproxy-decision"] == "allow"
    assert json.loads(sent[0].content)["messages"] == [then]


@pytest.mark.parametrize(
    ("how", "action", "noticed"), [(Unscanned.WARN, "warn", True), (Unscanned.ALLOW, "allow", False)]
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_picture_that_passes_is_counted(
    app_of, monkeypatch, hall, sent, outcomes, how, action, noticed, stream
):
    select = hall.shelf.select
    monkeypatch.setattr(hall.shelf, "select", lambda *named: replace(select(*named), on_unscannable=how))
    parts = [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    body = {"model": "m", "messages": [{"role": "user", "content": parts}], "stream": stream}
    answer = await ask(app_of(), json=body)
    assert answer.status_code == 200
    assert ("attachment" in answer.text) is noticed
    assert "Hello." in answer.text
    assert answer.headers["x-guardproxy-decision"] == action
    if not stream:  # a stream's headers leave before its output has been looked at
        assert answer.headers["x-guardproxy-checked"] == "output"
    assert len(sent) == 1
    assert [(o.outcome, o.unchecked) for o in outcomes] == [(action, (("input", "unscannable"),))]


MODELS = {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}]}


@pytest.mark.parametrize(
    ("path", "status", "shown"),
    [("/v1/models", 200, "list"), ("/v1/models/m", 200, "model"), ("/v1/models/n", 404, "model_not_found")],
)
async def test_models_are_the_upstreams(app_of, path, status, shown):
    answer = await ask(app_of(httpx.Response(200, json=MODELS)), "GET", path)
    assert answer.status_code == status
    assert shown in (answer.json().get("object"), answer.json().get("error", {}).get("code"))


async def test_models_of_an_upstream_that_complains(app_of):
    answer = await ask(app_of(httpx.Response(429, json={"error": {"message": "slow down"}})), "GET", "/v1/models")
    assert answer.status_code == 429


async def test_probes_say_which_policies_serve(app_of):
    app = app_of()
    assert (await ask(app, "GET", "/healthz")).json() == {"status": "ok"}
    ready = (await ask(app, "GET", "/readyz")).json()
    assert ("sample", 1) in [(p["policy"], p["revision"]) for p in ready["policies"]]
    assert ready["last_load"]["ok"]
    assert "guardproxy" in (await ask(app, "GET", "/")).text


async def test_readyz_tells_of_a_refused_set_and_stays_ready(hall, policy_file):
    before = (await ask(DataApp(hall), "GET", "/readyz")).json()
    policy_file.write_text("nonsense", encoding="utf-8")
    assert not hall.shelf.reload().ok
    answer = await ask(DataApp(hall), "GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json()["policies"] == before["policies"]
    last = answer.json()["last_load"]
    assert (last["ok"], last["place"].split(":")[0]) == (False, "sample.yaml")


async def test_one_of_several_workers_is_ready_when_all_have_been(hall):
    team = Standing(of=2, serve=1)
    answer = await ask(DataApp(replace(hall, standing=team)), "GET", "/readyz")
    assert (answer.status_code, answer.json()["status"], answer.headers["retry-after"]) == (503, "starting", "1")
    team.complete, team.serve = True, 2
    answer = await ask(DataApp(replace(hall, standing=team)), "GET", "/readyz")
    assert (answer.status_code, answer.json()["workers"]) == (200, {"serve": 2, "of": 2})
    team.serve = 1  # one is being replaced: the other serves
    assert (await ask(DataApp(replace(hall, standing=team)), "GET", "/readyz")).json()["status"] == "ready"


async def test_lifespan_and_other_protocols(app_of):
    app, sent = app_of(), []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    await app({"type": "websocket"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(
    "value",
    [
        *("application/json; charset=utf-8; charset=utf-7", "application/json; utf-8", "application/json, text/plain"),
        *("application/json; charset=", "application/json; charset=utf-8 utf-16", "application/jsonx", "json", "*/*"),
        *("application/json; boundary=a", "application/vnd.api+json", "application/ json", "application/json;;"),
    ],
)
async def test_only_one_content_type_is_read(app_of, sent, value):
    answer = await ask(app_of(), **said(), headers={"content-type": value})
    assert (answer.status_code, code(answer), sent) == (415, "unsupported_media_type", [])


@pytest.mark.parametrize(
    "value", ["application/json", "Application/JSON;charset=UTF-8", 'application/json; charset="utf8"']
)
async def test_ways_to_say_json(app_of, value):
    assert (await ask(app_of(), **said(), headers={"content-type": value})).status_code == 200


@pytest.mark.parametrize(
    "codings", [["", "gzip"], ["identity", "br"], ["gzip, gzip"], ["identity, gzip"], ["x-gzip"], [""]]
)
async def test_a_packed_body_is_not_read(app_of, sent, codings):
    headers = [("content-type", "application/json"), *(("content-encoding", coding) for coding in codings)]
    answer = await ask(app_of(), content=b"{}", headers=headers)
    assert (answer.status_code, code(answer), sent) == (415, "unsupported_media_type", [])


async def test_identity_packs_nothing(app_of):
    assert (await ask(app_of(), **said(), headers={"content-encoding": "Identity"})).status_code == 200


async def test_a_body_that_says_it_is_too_long_is_not_asked_for(app_of):
    async def receive():
        raise AssertionError("the body was asked for")

    told = []

    async def send(message):
        told.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"2049")]
    scope = {"type": "http", "method": "POST", "path": CHAT, "raw_path": CHAT.encode(), "headers": headers}
    await app_of(body_bytes=2048)(scope, receive, send)
    assert (told[0]["status"], json.loads(told[1]["body"])["error"]["code"]) == (413, "request_too_large")


async def test_faults_of_the_front_are_shaped_like_those_behind_it_and_counted(app_of, hall):
    rules = app_of(header_fields=9).rules
    assert rules.head.max_fields == 9
    fault = BadRequest("no", code="invalid_http")
    assert json.loads(rules.answer("/v1/messages", fault).body)["type"] == "error"
    assert json.loads(rules.answer("/api/v1/text/contents", fault).body) == {"code": 400, "message": "no"}
    assert json.loads(rules.answer("", fault).body)["error"]["code"] == "invalid_http"
    rules.count("invalid_http")
    page = hall.recorder.metrics.render(None)[0].decode()
    assert 'guardproxy_front_refusals_total{code="invalid_http"} 1.0' in page


async def test_bodies_are_weighed_together_and_given_back(app_of, hall, sent):
    app = app_of()
    hall.bodies.take(hall.settings.limits.bodies_bytes - 20)
    answer = await ask(app, **said())
    assert (answer.status_code, code(answer), sent) == (503, "overloaded", [])
    assert answer.headers["retry-after"] == "1"
    hall.bodies.give_back(hall.bodies.held)
    assert (await ask(app, **said())).status_code == 200
    assert (await ask(app, content=b"{", headers={"content-type": "application/json"})).status_code == 400
    assert hall.bodies.held == 0


class Heavy:
    """Stands for a body and its tree."""


async def test_while_a_fault_is_answered_nothing_of_its_body_is_held(app_of, hall, monkeypatch):
    heavy, seen = [], []

    async def run(_flow):
        held = Heavy()
        heavy.append(weakref.ref(held))
        raise BadRequest("no", code="too_complex")

    async def record(_outcome):
        seen.append(heavy[0]())

    app = app_of()
    monkeypatch.setattr(Flow, "_run", run)
    monkeypatch.setattr(hall.recorder, "record", record)
    assert code(await ask(app, **said())) == "too_complex"
    assert seen == [None]


async def test_readyz_tells_of_a_log_that_cannot_be_written(hall, tmp_path):
    assert (await ask(DataApp(hall), "GET", "/readyz")).json()["audit"] == "off"
    audit = AuditLog(tmp_path / "decisions.jsonl", "required", note=lambda *_args, **_fields: None)
    app = DataApp(replace(hall, recorder=Recorder(hall.recorder.metrics, audit, get_logger())))
    assert (await ask(app, "GET", "/readyz")).json()["audit"] == "ok"
    audit.fault = "disk_full"
    answer = await ask(app, "GET", "/readyz")
    assert (answer.status_code, answer.json()["status"], answer.json()["audit"]) == (503, "not_ready", "disk_full")
    refused = await ask(app, **said())
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
    assert (await ask(app, "GET", "/readyz")).status_code == 200  # the record of the refusal could be written
    audit.close()


async def test_who_is_turned_away_is_counted_and_logged_once_a_second_and_not_recorded(app_of, hall):
    app = app_of(inflight=1)
    app._doorman.crowd.enter("default")
    with capture_logs() as logs:
        answers = [await ask(app, path=path, **said()) for path in (CHAT, "/v1/messages", "/api/v1/text/contents")]
    assert [answer.status_code for answer in answers] == [429] * 3
    assert all(answer.headers["retry-after"] == "1" for answer in answers)
    assert len({answer.headers["x-guardproxy-decision-id"] for answer in answers}) == 3
    assert answers[1].json()["type"] == "error"  # each in the shape of its surface
    assert "code" in answers[2].json()
    assert [line["event"] for line in logs] == ["turned_away"]
    page = hall.recorder.metrics.render(None)[0].decode()
    assert 'guardproxy_requests_total{outcome="overload",route="default",surface="messages"} 1.0' in page


async def test_draining_shows_in_the_probe(app_of):
    app = app_of()
    ready = await ask(app, "GET", "/readyz")
    app.draining = True
    draining = await ask(app, "GET", "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert (draining.status_code, draining.json()["status"]) == (503, "draining")
    assert (await ask(app, "GET", "/healthz")).status_code == 200
