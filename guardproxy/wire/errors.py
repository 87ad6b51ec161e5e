"""What a caller sees when something is wrong (wire.md 7).

error_body(message, *, kind, code, param=None) -> bytes          {"error": {message, type, param, code}}
error_answer(error: GuardproxyError) -> ErrorAnswer              status, headers, body of our own exceptions
refusal_error(message, param=None) -> ErrorAnswer                `refusal_style: error`, embeddings
read_complaint(status, headers, raw) -> Complaint                an HTTP error of the upstream
complaint_answer(complaint, message) -> ErrorAnswer              with the message the flow has screened
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from guardproxy.errors import (
    AuditUnavailable,
    BadRequest,
    GuardproxyError,
    GuardUnavailable,
    Overloaded,
    ShuttingDown,
    UpstreamBadAnswer,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from guardproxy.wire.body import serialise

Headers = tuple[tuple[str, str], ...]

MAX_MESSAGE = 1024
_NO_RETRY = ("x-should-retry", "false")
_CHALLENGE = (("www-authenticate", 'Bearer realm="guardproxy"'),)
_CALLER, _SERVER, _RATE = "invalid_request_error", "server_error", "rate_limit_error"
_CODE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A whole HTTP answer but for the headers that every answer of ours has."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Complaint:
    """An HTTP error of the upstream. `message` is model-server text: screen it before it is shown."""

    error: UpstreamError
    message: str = ""

    def __repr__(self) -> str:
        return f"Complaint({self.error.code}, {len(self.message)} chars)"


def error_body(message: str, *, kind: str, code: str | None, param: str | None = None) -> bytes:
    """OpenAI's error shape; `kind` is its `type`."""
    return serialise({"error": {"message": message, "type": kind, "param": param, "code": code}})


def error_answer(error: GuardproxyError) -> ErrorAnswer:
    """Status, headers and body for our exceptions. Their messages are ours: they hold no user text."""
    if isinstance(error, UpstreamError):
        return complaint_answer(Complaint(error), str(error))
    message, status = str(error), 500
    kind, code, param, extra = _SERVER, "internal_error", None, _retry(None)
    if isinstance(error, BadRequest):
        status, kind, code, param = error.status, _CALLER, error.code, error.param
        extra = _CHALLENGE if status == 401 else extra
    elif isinstance(error, Overloaded):
        busy = error.status == 429
        status, kind, code = error.status, _RATE if busy else _SERVER, "rate_limit_exceeded" if busy else "overloaded"
        code = "shutting_down" if isinstance(error, ShuttingDown) else code
        extra = _retry(str(error.retry_after))
    elif isinstance(error, GuardUnavailable):
        status, code, extra = 503, "guard_unavailable", _retry(str(error.retry_after))
    elif isinstance(error, AuditUnavailable):
        status, code, extra = 503, "audit_unavailable", _retry("5")
    else:
        message = "internal error"
    return ErrorAnswer(status, (*_JSON, *extra), error_body(message, kind=kind, code=code, param=param))


def refusal_error(message: str, param: str | None = None, code: str = "content_filter") -> ErrorAnswer:
    """A refusal on a surface or route that has no place for words: 400, never to be repeated."""
    body = error_body(message, kind=_CALLER, code=code, param=param)
    return ErrorAnswer(400, (*_JSON, _NO_RETRY), body)


def read_complaint(status: int, headers: Mapping[str, str], raw: bytes) -> Complaint:
    """What an HTTP error of the upstream means for our caller. `headers` have lower-case names."""
    message, code, kind = _upstream_words(raw)
    after = headers.get("retry-after")
    after = after if after is not None and after.isascii() and after.isdigit() and len(after) < 7 else None
    return Complaint(_meaning(status, code, kind, after), message[:MAX_MESSAGE])


def complaint_answer(complaint: Complaint, message: str) -> ErrorAnswer:
    """The answer for an upstream fault; `message` as screened, "" for a sentence of ours."""
    error = complaint.error
    extra: list[tuple[str, str]] = []
    if isinstance(error, UpstreamRefused) and error.retry_after is not None:
        extra.append(("retry-after", error.retry_after))
    if isinstance(error, UpstreamBadAnswer | UpstreamTimeout) or error.code == "upstream_auth":
        extra.append(_NO_RETRY)
    kind = _RATE if error.status == 429 else _CALLER if error.status < 500 else _SERVER
    return ErrorAnswer(error.status, (*_JSON, *extra), error_body(message or str(error), kind=kind, code=error.code))


_JSON: Headers = (("content-type", "application/json"),)


def _retry(after: str | None) -> Headers:
    return () if after is None else (("retry-after", after),)


def _meaning(status: int, code: str | None, kind: str, after: str | None) -> UpstreamError:
    if status in {401, 403}:
        return _refused("the model server does not accept the proxy's key", 502, "upstream_auth", None)
    if status < 300:
        return UpstreamBadAnswer(f"the model server answered with status {status}, which is no answer")
    if status < 400:
        return UpstreamBadAnswer("the model server redirects; redirects are not followed")
    if status == 429:
        return _refused("the model server is busy", 429, code or "rate_limit_exceeded", after or "1")
    if status == 503 and kind == "unavailable_error":
        return _refused("the model is loading", 503, "upstream_loading", after or "5")
    if status == 504:
        return UpstreamTimeout("the model server timed out")
    if status >= 500:
        return _refused("the model server failed", 502, "upstream_error", after)
    # 422 is never sent: clients show nothing of it (wire.md 7).
    told = 400 if status == 422 else status
    return _refused("the model server does not accept the request", told, code or "upstream_error", after)


def _refused(message: str, status: int, code: str, after: str | None) -> UpstreamRefused:
    kind = "auth" if code == "upstream_auth" else f"status_{status // 100}xx"
    return UpstreamRefused(message, status=status, code=code, kind=kind, retry_after=after)


def _upstream_words(raw: bytes) -> tuple[str, str | None, str]:
    """Message, code (if it is a short word) and type, out of the shapes servers use.

    OpenAI: {"error": {…}}; llama.cpp: the same with an integer code; TGI: {"error": "…", "error_type": "…"};
    old vLLM: {"object": "error", "message", "type", "code"}; FastAPI: {"detail": "…"}.
    """
    try:
        tree: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "", None, ""
    tree = tree if isinstance(tree, dict) else {}
    inner = tree.get("error")
    if isinstance(inner, str):
        inner = {"message": inner, "type": tree.get("error_type")}
    elif not isinstance(inner, dict):
        inner = {"message": tree.get("message", tree.get("detail")), "type": tree.get("type"), "code": tree.get("code")}
    message, code, kind = inner.get("message"), inner.get("code"), inner.get("type")
    short = isinstance(code, str) and 0 < len(code) <= 64 and _CODE.issuperset(code) and not code.isdigit()
    return message if isinstance(message, str) else "", code if short else None, kind if isinstance(kind, str) else ""
