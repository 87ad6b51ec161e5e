"""Requests that the OpenAPI document allows, and ones that it does not, against a real proxy.

Every answer has a status the document names, its own error shape, headers and body as written there, and exactly one
record. `make fuzz` asks for many more cases, with another seed each time.
"""

import json
import os
from collections import Counter
from pathlib import Path

import httpx
import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from guardproxy.proxy.openapi import ERRORS, document
from guardproxy.testing.fake_upstream import FakeUpstream
from guardproxy.testing.scripts import (
    SSE,
    Script,
    answer,
    completion,
    continuation,
    continuation_stream,
    recorded,
    stream_of,
    vectors,
)
from tests.e2e.conftest import POLICY, start

DOCUMENT = document()
CONFIG = {
    # A body that breaks its schema may be turned away for its size before anybody reads it.
    "checks": {"negative_data_rejection": {"expected-statuses": ["400", "404", "413"]}},
    # A stream is read to its end: sixteen choices with a refusal each are some two hundred events.
    "max-stream-events": 100_000,
}
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(CONFIG))
POSTED = [path for path, item in DOCUMENT["paths"].items() if "post" in item]
GOTTEN = [path for path, item in DOCUMENT["paths"].items() if "get" in item]
LLAMA = Path(__file__).parents[1] / "wire" / "golden" / "llama"
MANY = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SETTINGS = settings(
    max_examples=MANY or 30,
    derandomize=not MANY,
    database=None,
    deadline=None,
    print_blob=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PHRASES = ["", "", "a paper submarine", "a garden ladder", "captain turnip", "bluefinch"]
GOOD = {
    ("/v1/chat/completions", False): completion("Fine."),
    ("/v1/chat/completions", True): stream_of(["Fi", "ne."], usage={"total_tokens": 3}),
    ("/v1/completions", False): continuation("Fine."),
    ("/v1/completions", True): continuation_stream(["Fi", "ne."]),
    ("/v1/embeddings", False): vectors(),
    ("/v1/responses", False): recorded(LLAMA, "responses"),
    ("/v1/responses", True): recorded(LLAMA, "responses_stream"),
    ("/v1/messages", False): recorded(LLAMA, "messages"),
    ("/v1/messages", True): recorded(LLAMA, "messages_stream"),
}
LAST_WORDS = {
    "/v1/responses": {"response.completed", "response.incomplete", "response.failed", "error"},
    "/v1/messages": {"message_stop", "error"},
}
FAULTS = [
    answer({"error": {"message": "no", "type": "server_error", "code": 500}}, 500),
    answer({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503),
    answer({"error": "overloaded", "error_type": "overloaded"}, 429, retry_after="2"),
    answer({"error": {"message": "too long", "type": "x", "code": "context_length_exceeded"}}, 400),
    answer({"error": {"message": "key"}}, 401),
    answer({"detail": "wrong"}, 422),
    answer({}, 302, location="http://127.0.0.1:1/"),
    answer({"choices": []}),
    Script((b"<html>",), content_type="text/html"),
    Script((b"not json",)),
    Script((b"data: {}\n\n",), content_type=SSE),
    Script((b'data: {"choices": [', b""), content_type=SSE),
    Script(completion("Fine.").segments, reset_at=12),
    stream_of(["Cut "], finish=None),
]
FAULT = st.sampled_from([*[None] * len(FAULTS), *FAULTS])


class Asked:
    """A proxy, and what has been asked of it."""

    def __init__(self, running):
        self.running = running
        self.decisions = Counter()
        self.statuses = Counter()
        self.beside = 0
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, case):
        answered = case.call(base_url=self.running.base, session=self.session, timeout=30)
        self.statuses[case.operation.path, answered.status_code] += 1
        named = answered.headers.get("x-guardproxy-decision-id", [])
        assert len(named) <= 1
        self.decisions.update(named)
        if case.operation.path == "/v1/guard/check" and answered.status_code == 200:
            self.beside += len(answered.json().get("items", [0])) - 1
        return answered


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openapi")
    with FakeUpstream() as upstream:
        running = start(folder, POLICY, upstream, GUARDPROXY_AUDIT_MODE="required")
        asked = Asked(running)
        yield asked
        asked.session.close()
        lines = [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]
        recorded = Counter(line["decision_id"] for line in lines if "decision_id" in line)
        assert set(recorded.values()) <= {1}
        assert set(asked.decisions) - set(recorded) == set()
        assert len(recorded) == asked.decisions.total() + asked.beside == running.counted()
        running.process.terminate()
        assert running.process.wait(15) == 0
        if MANY:
            for (path, status), count in sorted(asked.statuses.items()):
                print(f"{path:24} {status} {count:8}")


def planted(value, phrase):
    """The body with a phrase at the end of its last text: in what is said, not in a control."""
    if isinstance(value, dict):
        for name in ("messages", "prompt", "input", "contents", "content", "text", "items"):
            if name in value:
                return {**value, name: planted(value[name], phrase)}
        return value
    if isinstance(value, list) and value:
        return [*value[:-1], planted(value[-1], phrase)]
    return f"{value} {phrase}" if isinstance(value, str) else value


def check_stream(path, answered):
    """Each event as the document says, named by its type where the surface does so, and the last word last."""
    media = DOCUMENT["paths"][path]["post"]["responses"]["200"]["content"][SSE]
    schema = jsonschema_rs.validator_for({**media["x-event-schema"], "components": DOCUMENT["components"]})
    *blocks, rest = answered.text.split("\n\n")
    assert rest == ""
    blocks = [block for block in blocks if not block.startswith(":")]
    if path not in LAST_WORDS:
        assert blocks.pop() == "data: [DONE]"
    for block in blocks:
        name, _, data = block.rpartition("data: ")
        event = json.loads(data)
        schema.validate(event)
        assert name == (f"event: {event['type']}\n" if path in LAST_WORDS else "")
    if path in LAST_WORDS:
        assert event["type"] in LAST_WORDS[path]


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_every_answer_is_as_written(asked, path, mode):
    cases = SCHEMA[path]["POST"].as_strategy(generation_mode=mode)
    checks = CHECKS if mode is GenerationMode.POSITIVE else [*CHECKS, negative_data_rejection]

    @SETTINGS
    @given(case=cases, phrase=st.sampled_from(PHRASES), fault=FAULT, stream=st.booleans())
    def run(case, phrase, fault, stream):
        if mode is GenerationMode.POSITIVE:
            case.body = planted(case.body, phrase)
            if (path, True) in GOOD:
                case.body["stream"] = stream
            if path == "/api/v1/text/contents":
                case.headers["detector-id"] = "policy:canary" if phrase else "words"
        else:
            fault = None
        streamed = isinstance(case.body, dict) and case.body.get("stream") is True
        asked.running.upstream.answer_with(fault or GOOD.get((path, streamed)))
        answered = asked.send(case)
        case.validate_response(answered, checks=checks)
        if answered.headers["content-type"][0].startswith(SSE):
            check_stream(path, answered)

    run()


@pytest.mark.parametrize("path", GOTTEN)
def test_what_is_only_got(asked, path):
    cases = SCHEMA[path]["GET"].as_strategy()

    @SETTINGS
    @given(case=cases, fault=FAULT)
    def run(case, fault):
        asked.running.upstream.answer_with(fault)
        case.validate_response(asked.send(case), checks=CHECKS)

    run()


@pytest.mark.parametrize("path", [*DOCUMENT["paths"], "/v1/nothing", "/openapi.json", "/docs", "/v1/chat/completions/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_on_every_path_is_answered_in_our_shape(asked, path, method):
    known = DOCUMENT["paths"].get(path, {})
    if method.lower() in known or (method == "HEAD" and "get" in known):
        return
    url = asked.running.base + path.replace("{id}", "m")
    answered = httpx.request(method, url, json={}, timeout=20, trust_env=False)
    asked.decisions.update([answered.headers[name] for name in answered.headers if name == "x-guardproxy-decision-id"])
    ours = 405 if known else 404
    assert answered.status_code == (501 if method == "PROPFIND" else ours)  # the front knows the methods of HTTP alone
    assert answered.headers["content-type"] == "application/json"
    assert (answered.headers.get("allow") is not None) is (answered.status_code == 405)
    if method != "HEAD":
        # Of a first line that the front cannot read, nobody knows the path.
        shape = "Error" if method == "PROPFIND" else ERRORS.get(known.get("post", {}).get("operationId"), "Error")
        schema = {"$ref": f"#/components/schemas/{shape}", "components": DOCUMENT["components"]}
        jsonschema_rs.validator_for(schema).validate(answered.json())
