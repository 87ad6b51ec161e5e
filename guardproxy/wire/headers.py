"""Which headers pass, and ours (wire.md 6.1, 6.4).

    upstream_headers(headers) -> Headers      of the client's request, what goes upstream
    client_headers(headers) -> Headers        of the upstream's answer, what goes back
    guard_headers(marks: Marks) -> Headers    x-guardproxy-*
    clean(value) -> str                       the one function that lets a value into a header
    STREAM_HEADERS                            for every stream

Names are lower case. The upstream's key is set by the upstream client; the client's never passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]

MAX_VALUE = 256
MOST_FEATURES = 1024
STREAM_HEADERS: Headers = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
)
_TO_CLIENT = frozenset({"retry-after", "openai-processing-ms", "x-request-id", "request-id"})
LIMITS = ("x-ratelimit-", "anthropic-ratelimit-")
_REQUEST_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_TRACEPARENT = frozenset("0123456789abcdef-")
_ANTHROPIC = ("anthropic-version", "anthropic-beta")
_FEATURES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_., ")


@dataclass(frozen=True, slots=True)
class Marks:
    """What our headers say; empty fields send no header. `policy` is `name@revision`."""

    decision: str
    decision_id: str
    policy: str = ""
    policy_hash: str = ""
    rule: str = ""
    checked: tuple[str, ...] = ()


def clean(value: str) -> str:
    """Printable ASCII, at most 256 characters: no control character reaches a header."""
    if len(value) <= MAX_VALUE and value.isascii() and value.isprintable():  # as nearly all are
        return value.strip()
    return "".join(c for c in value[: 4 * MAX_VALUE] if " " <= c <= "~").strip()[:MAX_VALUE]


def upstream_headers(headers: Iterable[tuple[str, str]], agent: str = "guardproxy") -> Headers:
    """An allow list; nothing named in `Connection` and no credential can be on it."""
    given: dict[str, str] = {}
    for name, value in headers:
        given.setdefault(name.lower(), value)
    out = [("content-type", "application/json"), ("accept", clean(given.get("accept", "")) or "application/json")]
    out.append(("user-agent", clean(f"{agent} {given.get('user-agent', '')}")))
    trace, request_id = given.get("traceparent", ""), given.get("x-request-id", "")
    if len(trace) == 55 and _TRACEPARENT.issuperset(trace):
        out.append(("traceparent", trace))
    if is_request_id(request_id):
        out.append(("x-request-id", request_id))
    for name in _ANTHROPIC:  # which version of the surface is spoken, and with which additions
        value = given.get(name, "")
        if 0 < len(value) <= MOST_FEATURES and _FEATURES.issuperset(value):
            out.append((name, value))
    return tuple(out)


def is_request_id(value: str) -> bool:
    """`[A-Za-z0-9._-]{1,64}`."""
    return 0 < len(value) <= 64 and _REQUEST_ID.issuperset(value)


def client_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """What the upstream says to the client: limits and ids. The content type is set by who writes the body."""
    kept = []
    for name, value in headers:
        lower = name.lower()
        if lower in _TO_CLIENT or lower.startswith(LIMITS):
            kept.append((lower, clean(value)))
    return tuple(kept)


def guard_headers(marks: Marks) -> Headers:
    """The headers that every answer carries, errors and streams too."""
    values = (
        ("x-guardproxy-decision", marks.decision),
        ("x-guardproxy-decision-id", marks.decision_id),
        ("x-guardproxy-policy", marks.policy),
        ("x-guardproxy-policy-hash", marks.policy_hash),
        ("x-guardproxy-rule", marks.rule),
        ("x-guardproxy-checked", ",".join(marks.checked)),
    )
    return tuple([(name, cleaned) for name, value in values if (cleaned := clean(value))])
