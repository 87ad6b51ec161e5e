import pytest

from guardproxy.wire.headers import Marks, clean, client_headers, guard_headers, is_request_id, upstream_headers


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("plain", "plain"),
        ("a\r\nx: y", "ax: y"),
        ("a\x00b\x7fc", "abc"),
        ("é\u2028\u0130", ""),
        ("  a b  ", "a b"),
        ("x" * 300, "x" * 256),
    ],
)
def test_clean(value, cleaned):
    assert clean(value) == cleaned


def test_only_listed_headers_go_upstream():
    sent = upstream_headers(
        [
            ("Authorization", "Bearer x"),
            ("Cookie", "a=b"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("X-Guardproxy-Locale", "de"),
            ("Connection", "accept"),
            ("Accept", "text/event-stream"),
            ("User-Agent", "curl/8\r\nx: y"),
            ("X-Request-Id", "abc-1"),
            ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        ]
    )
    assert dict(sent) == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "user-agent": "guardproxy curl/8x: y",
        "x-request-id": "abc-1",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    }


@pytest.mark.parametrize("value", ["", "a b", "a\r\n", "x" * 65, "%0d%0a", "é"])
def test_odd_request_ids_stay(value):
    assert not is_request_id(value)
    assert "x-request-id" not in dict(upstream_headers([("x-request-id", value)]))


def test_the_version_of_anthropics_surface_passes():
    sent = [("Anthropic-Version", "2023-06-01"), ("anthropic-beta", "a-2025-01-01,b-2025-02-02"), ("x-api-key", "k")]
    passed = dict(upstream_headers(sent))
    assert passed["anthropic-version"] == "2023-06-01"
    assert passed["anthropic-beta"] == "a-2025-01-01,b-2025-02-02"
    assert "x-api-key" not in passed
    odd = dict(upstream_headers([("anthropic-version", "a\r\nx: y"), ("anthropic-beta", "a" * 1025)]))
    assert not odd.keys() & {"anthropic-version", "anthropic-beta"}


def test_only_listed_headers_come_back():
    kept = client_headers(
        [
            ("Content-Type", "text/html"),
            ("Set-Cookie", "a=b"),
            ("Server", "x"),
            ("Retry-After", "3"),
            ("X-RateLimit-Remaining", "9\r\nx: y"),
            ("openai-processing-ms", "12"),
            ("Request-Id", "req_1"),
            ("anthropic-ratelimit-tokens-remaining", "7"),
        ]
    )
    assert kept == (
        ("retry-after", "3"),
        ("x-ratelimit-remaining", "9x: y"),
        ("openai-processing-ms", "12"),
        ("request-id", "req_1"),
        ("anthropic-ratelimit-tokens-remaining", "7"),
    )


def test_our_headers():
    marks = Marks("refuse", "ABC", policy="p@3", policy_hash="12ab", rule="r\r\nx: y", checked=("input", "output"))
    assert guard_headers(marks) == (
        ("x-guardproxy-decision", "refuse"),
        ("x-guardproxy-decision-id", "ABC"),
        ("x-guardproxy-policy", "p@3"),
        ("x-guardproxy-policy-hash", "12ab"),
        ("x-guardproxy-rule", "rx: y"),
        ("x-guardproxy-checked", "input,output"),
    )
    assert [name for name, _ in guard_headers(Marks("allow", "A"))] == [
        "x-guardproxy-decision",
        "x-guardproxy-decision-id",
    ]
