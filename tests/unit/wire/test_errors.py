import json

import pytest

from guardproxy.errors import (
    AuditUnavailable,
    BadRequest,
    GuardproxyError,
    GuardUnavailable,
    Overloaded,
    UpstreamBadAnswer,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from guardproxy.wire.errors import complaint_answer, error_answer, read_complaint, refusal_error


def shown(answer):
    inner = json.loads(answer.body)["error"]
    assert set(inner) == {"message", "type", "param", "code"}
    assert inner["message"]
    assert ("content-type", "application/json") in answer.headers
    rest = {name: value for name, value in answer.headers if name != "content-type"}
    return answer.status, inner["type"], inner["code"], inner["param"], rest


CALLER, SERVER, RATE = "invalid_request_error", "server_error", "rate_limit_error"
NO_RETRY = {"x-should-retry": "false"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BadRequest("x", code="invalid_json"), (400, CALLER, "invalid_json", None, {})),
        (BadRequest("x", code="unknown_path", status=404), (404, CALLER, "unknown_path", None, {})),
        (BadRequest("x", code="c", param="messages[0]"), (400, CALLER, "c", "messages[0]", {})),
        (Overloaded("x", retry_after=2), (429, RATE, "rate_limit_exceeded", None, {"retry-after": "2"})),
        (Overloaded("x", status=503), (503, SERVER, "overloaded", None, {"retry-after": "1"})),
        (GuardUnavailable("x"), (503, SERVER, "guard_unavailable", None, {"retry-after": "5"})),
        (AuditUnavailable("x"), (503, SERVER, "audit_unavailable", None, {"retry-after": "5"})),
        (UpstreamUnreachable("x"), (502, SERVER, "upstream_unreachable", None, {})),
        (UpstreamTimeout("x"), (504, SERVER, "upstream_timeout", None, NO_RETRY)),
        (UpstreamBadAnswer("x"), (502, SERVER, "upstream_protocol_error", None, NO_RETRY)),
        (GuardproxyError("x"), (500, SERVER, "internal_error", None, {})),
    ],
)
def test_our_own_exceptions(error, expected):
    assert shown(error_answer(error)) == expected


def test_a_refusal_as_an_error_is_never_repeated():
    assert shown(refusal_error("Sorry.", "messages[0]")) == (400, CALLER, "content_filter", "messages[0]", NO_RETRY)


OPENAI = {"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}
LLAMA = {"error": {"code": 400, "message": "too long", "type": "exceed_context_size_error"}}
LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
TGI = {"error": "too long", "error_type": "validation"}
OLD_VLLM = {"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (400, OPENAI, {}, (400, CALLER, "context_length_exceeded", {})),
        (400, LLAMA, {}, (400, CALLER, "upstream_error", {})),
        (422, TGI, {}, (400, CALLER, "upstream_error", {})),
        (400, OLD_VLLM, {}, (400, CALLER, "upstream_error", {})),
        (404, {"detail": "too long"}, {}, (404, CALLER, "upstream_error", {})),
        (401, OPENAI, {}, (502, SERVER, "upstream_auth", NO_RETRY)),
        (403, OPENAI, {}, (502, SERVER, "upstream_auth", NO_RETRY)),
        (429, OPENAI, {"retry-after": "7"}, (429, RATE, "context_length_exceeded", {"retry-after": "7"})),
        (429, {}, {"retry-after": "soon\r\nx: y"}, (429, RATE, "rate_limit_exceeded", {"retry-after": "1"})),
        (503, LOADING, {}, (503, SERVER, "upstream_loading", {"retry-after": "5"})),
        (503, {}, {}, (502, SERVER, "upstream_error", {})),
        (500, TGI, {}, (502, SERVER, "upstream_error", {})),
        (504, {}, {}, (504, SERVER, "upstream_timeout", NO_RETRY)),
        (307, {}, {}, (502, SERVER, "upstream_protocol_error", NO_RETRY)),
        (202, OPENAI, {}, (502, SERVER, "upstream_protocol_error", NO_RETRY)),
    ],
)
def test_errors_of_the_upstream(status, body, headers, expected):
    complaint = read_complaint(status, headers, json.dumps(body).encode())
    got_status, kind, code, _, rest = shown(complaint_answer(complaint, complaint.message))
    assert (got_status, kind, code, rest) == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "status_4xx") for status in (400, 404, 429)),
        *((status, "status_5xx") for status in (500, 502, 503)),
        *((status, "auth") for status in (401, 403)),
        (307, "protocol"),
        (504, "timeout"),
    ],
)
def test_each_status_is_a_kind_that_the_metric_knows(status, kind):
    assert read_complaint(status, {}, json.dumps(LOADING).encode()).error.kind == kind


@pytest.mark.parametrize("body", [OPENAI, LLAMA, TGI, OLD_VLLM, {"detail": "too long"}])
def test_the_message_is_data_for_the_flow(body):
    complaint = read_complaint(400, {}, json.dumps(body).encode())
    assert complaint.message == "too long"
    assert "too long" not in repr(complaint) + str(complaint.error)
    assert json.loads(complaint_answer(complaint, "").body)["error"]["message"] == str(complaint.error)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"error":5}', b'{"error":{"message":{}}}', b"\xff"])
def test_bodies_without_words(raw):
    assert read_complaint(400, {}, raw).message == ""


def test_long_messages_and_odd_codes_are_cut():
    body = {"error": {"message": "x" * 5000, "code": "a sentence as a code"}}
    complaint = read_complaint(400, {}, json.dumps(body).encode())
    assert len(complaint.message) == 1024
    assert complaint.error.code == "upstream_error"
