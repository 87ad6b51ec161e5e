import json
from pathlib import Path

import jsonschema_rs
import pytest

from guardproxy.proxy import openapi
from guardproxy.proxy.app import CONTENTS, DOORS, Door
from guardproxy.proxy.flow import Flow
from guardproxy.wire.answer_schemas import ANSWERS, EVENTS
from guardproxy.wire.body import parse
from guardproxy.wire.errors import error_body, refusal_error
from guardproxy.wire.request_schemas import REQUESTS

GOLDEN = Path(__file__).parents[2] / "wire" / "golden"
DOCUMENT = openapi.document()
LLAMA = {"chat": "chat_completions", "text": "completions", "embeddings": "embeddings", "responses": "responses"}
LLAMA["messages"] = "messages"
SAID = [{"role": "user", "content": "hi"}]


def accepts(schema, value):
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}).is_valid(value)


def test_every_door_is_in_the_document():
    assert {path for path, item in DOCUMENT["paths"].items() if "post" in item} == set(DOORS)
    assert {item["post"]["operationId"] for item in DOCUMENT["paths"].values() if "post" in item} == {
        door.surface for door in DOORS.values()
    }


def test_a_door_without_schemas_is_a_failure(monkeypatch):
    monkeypatch.setitem(openapi.DOORS, "/v1/new", Door("new", Flow))
    with pytest.raises(ValueError, match="write the schemas of new"):
        openapi.document()


def test_every_schema_is_one():
    for schema in (*REQUESTS.values(), *ANSWERS.values(), *EVENTS.values()):
        jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})
    assert json.loads(openapi.text()) == DOCUMENT


@pytest.mark.parametrize(
    ("name", "body", "fits"),
    [
        ("chat_completions", {"model": "m", "messages": SAID, "stream": True, "unknown": [1]}, True),
        ("chat_completions", {"model": "m", "messages": []}, False),
        ("chat_completions", {"model": " ", "messages": SAID}, False),
        ("chat_completions", {"model": "m", "messages": SAID, "stream": "true"}, False),
        ("chat_completions", {"model": "m", "messages": SAID, "base_url": "http://x"}, False),
        ("chat_completions", {"model": "m", "messages": SAID, "n": 17}, False),
        ("chat_completions", {"model": "m", "messages": [{"role": "assistant"}]}, True),
        ("chat_completions", {"model": "m", "messages": [{"role": "user"}]}, False),
        ("chat_completions", {"model": "m", "messages": SAID, "moderation": {"model": "x"}}, True),
        ("completions", {"model": "m", "prompt": "a", "messages": SAID}, False),
        ("embeddings", {"model": "m", "input": [1, 2]}, False),
        ("moderations", {"input": [{"type": "text", "text": "a"}]}, True),
        ("guard_check", {"text": "a", "stage": "output", "policy": "p"}, True),
        ("guard_check", {"text": "a", "other": 1}, False),
        ("guard_check", {"items": [{"text": "a"}, {"messages": SAID}]}, True),
        ("guard_check", {"items": []}, False),
        ("text_contents", {"contents": ["a"], "detector_params": {"threshold": 2}}, False),
    ],
)
def test_requests(name, body, fits):
    assert accepts(REQUESTS[name], body) is fits


@pytest.mark.parametrize("name", json.loads((GOLDEN / "llama" / "index.json").read_text()))
def test_what_a_real_server_answers_fits(name):
    """Recorded: the schemas ask for no more of a model server than it gives."""
    row = json.loads((GOLDEN / "llama" / "index.json").read_text())[name]
    surface = LLAMA.get(name.partition("_")[0])
    if row["status"] != 200 or surface is None or "count" in name:
        return
    raw = (GOLDEN / "llama" / row["file"]).read_bytes()
    if not row["file"].endswith(".sse"):
        assert accepts(ANSWERS[surface], parse(raw))
        return
    data = [line.removeprefix(b"data: ") for line in raw.split(b"\n") if line.startswith(b"data: {")]
    assert data
    assert all(accepts(EVENTS[surface], parse(event)) for event in data)


def test_our_own_answers_fit():
    refused = json.loads((GOLDEN / "refused.json").read_text())
    assert accepts(ANSWERS["chat_completions"], refused)
    error = {"$ref": "#/components/schemas/Error"}
    for body in (error_body("no", kind="server_error", code="overloaded"), refusal_error("No.").body):
        assert accepts(error, json.loads(body))
    assert not accepts(error, {"detail": "Not Found"})
    assert not accepts(error, refused)


def test_the_detector_api_has_its_own_errors():
    responses = DOCUMENT["paths"][CONTENTS]["post"]["responses"]
    assert responses["404"] == {"$ref": "#/components/responses/DetectorError404"}
    made = DOCUMENT["components"]["responses"]["DetectorError404"]["content"]["application/json"]
    assert made == {"schema": {"$ref": "#/components/schemas/DetectorError"}}
