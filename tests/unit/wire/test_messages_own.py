import json

import pytest

from guardproxy.errors import (
    AuditUnavailable,
    BadRequest,
    GuardproxyError,
    GuardUnavailable,
    Overloaded,
    UpstreamRefused,
    UpstreamTimeout,
)
from guardproxy.wire.envelope import Envelope
from guardproxy.wire.errors import error_answer, refusal_error
from guardproxy.wire.messages_own import PING, counts_of, error_event, errors, refusal_body, refusal_stream
from guardproxy.wire.sse import SseDecoder

ENVELOPE = Envelope("msg_1", 7, "m")
NOTE = {"guardproxy": {"action": "refuse"}}


def test_a_refusal_is_a_message():
    assert json.loads(refusal_body(ENVELOPE, "No.", NOTE)) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "No."}],
        "stop_reason": "refusal",
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
        **NOTE,
    }


def test_a_refusal_as_a_stream():
    events = SseDecoder().feed(b"".join(refusal_stream(ENVELOPE, "No, this is long enough for two.", NOTE)))
    trees = [json.loads(event.data) for event in events]
    kinds = [tree["type"] for tree in trees]
    assert [event.name for event in events] == kinds
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert (
        "".join(t["delta"]["text"] for t in trees if t["type"] == "content_block_delta")
        == "No, this is long enough for two."
    )
    assert trees[0]["message"]["stop_reason"] is None
    assert trees[-2]["delta"] == {"stop_reason": "refusal", "stop_sequence": None}
    assert trees[-2]["guardproxy"] == NOTE["guardproxy"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (BadRequest("a", code="invalid_type", param="b"), 400, "invalid_request_error", "invalid_type"),
        (BadRequest("a", code="invalid_api_key", status=401), 401, "authentication_error", "invalid_api_key"),
        (BadRequest("a", code="model_not_found", status=404), 404, "not_found_error", "model_not_found"),
        (BadRequest("a", code="method_not_allowed", status=405), 405, "invalid_request_error", "method_not_allowed"),
        (BadRequest("a", code="request_too_large", status=413), 413, "request_too_large", "request_too_large"),
        (Overloaded("a", status=429), 429, "rate_limit_error", "rate_limit_exceeded"),
        (Overloaded("a", status=503), 503, "overloaded_error", "overloaded"),
        (GuardUnavailable("a"), 503, "api_error", "guard_unavailable"),
        (AuditUnavailable("a"), 503, "api_error", "audit_unavailable"),
        (UpstreamTimeout("a"), 504, "timeout_error", "upstream_timeout"),
        (
            UpstreamRefused("a", status=503, code="upstream_loading", kind="k"),
            503,
            "overloaded_error",
            "upstream_loading",
        ),
        (GuardproxyError("a"), 500, "api_error", "internal_error"),
    ],
)
def test_errors_in_anthropics_shape(error, status, kind, code):
    ours = error_answer(error)
    answer = errors(ours)
    tree = json.loads(answer.body)
    assert (answer.status, answer.headers) == (status, ours.headers)
    assert tree["type"] == "error"
    assert (tree["error"]["type"], tree["error"]["code"]) == (kind, code)
    assert tree["error"]["message"]
    assert tree["error"].get("param") == getattr(error, "param", None)


def test_a_refusal_as_an_error():
    tree = json.loads(errors(refusal_error("No.")).body)
    assert tree["error"] == {"type": "invalid_request_error", "message": "No.", "code": "content_filter"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [("guard_unavailable", "api_error"), ("upstream_timeout", "timeout_error"), ("shutting_down", "overloaded_error")],
)
def test_an_error_in_mid_stream(code, kind):
    (event,) = SseDecoder().feed(error_event(code, "Stopped.", NOTE))
    assert event.name == "error"
    assert json.loads(event.data) == {
        "type": "error",
        "error": {"type": kind, "message": "Stopped.", "code": code},
        **NOTE,
    }


def test_a_ping_is_an_event():
    (event,) = SseDecoder().feed(PING)
    assert (event.name, json.loads(event.data)) == ("ping", {"type": "ping"})


def test_counts_that_everybody_knows():
    assert counts_of({"input_tokens": 1, "output_tokens": None, "a secret": 2}) == {"input_tokens": 1}
    assert counts_of("x") == {}
