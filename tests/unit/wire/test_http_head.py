"""One reading of a request's head, or a fault that quotes nothing of it."""

from __future__ import annotations

import pytest

from guardproxy.errors import BadRequest
from guardproxy.wire.http_head import USUAL, HeadLimits, check_ends, parse_fields, parse_line, read_field

MARK = b"bluefinch"


def line(raw, **limits):
    return parse_line(raw, HeadLimits(**limits))


def head(*lines, first=b"POST /a HTTP/1.1", limits=USUAL):
    return parse_fields(parse_line(first), b"\r\n".join(lines), limits)


def refused(call, *given, **more):
    with pytest.raises(BadRequest) as caught:
        call(*given, **more)
    assert MARK.decode() not in str(caught.value)
    return caught.value.status, caught.value.code


def test_a_plain_head_comes_out_as_it_is():
    read = head(b"Host: localhost:8080", b"X-A:\t a b \t", b"Content-Length: 5")
    assert (read.length, read.chunked, read.closes, read.waits) == (5, False, False, False)
    assert read.fields == ((b"host", b"localhost:8080"), (b"x-a", b"a b"), (b"content-length", b"5"))
    assert read.canonical() == b"POST /a HTTP/1.1\r\nhost: localhost:8080\r\nx-a: a b\r\ncontent-length: 5\r\n\r\n"


def test_what_concerns_the_connection_goes_no_further():
    read = head(
        b"Host: a",
        b"Connection: Upgrade, HTTP2-Settings, close",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAAQAAP__",
        b"TE: trailers",
        b"Keep-Alive: 5",
        b"Expect: 100-continue",
    )
    assert read.fields == ((b"host", b"a"),)
    assert read.canonical() == b"POST /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n\r\n"


def test_connection_takes_no_header_away():
    read = head(b"Host: a", b"Authorization: Bearer x", b"Connection: authorization, x-tenant", b"X-Tenant: b")
    assert [name for name, _ in read.fields] == [b"host", b"authorization", b"x-tenant"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"a\nb\r\n", b"a\rb\r\n", b"\r\r\n", b"\n\r"])
def test_ends_stand_together(end):
    raw = MARK + b": a\r\n" + end + b"b"
    assert refused(check_ends, raw) == (400, "invalid_http")


def test_a_last_cr_may_go_on():
    check_ends(b"a\r\nb\r")
    assert refused(check_ends, b"a\rb\r") == (400, "invalid_http")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", 400),
        (b"GET /bluefinch", 400),
        (b"GET  /a HTTP/1.1", 400),
        (b"GET /a  HTTP/1.1", 400),
        (b"GET\t/a\tHTTP/1.1", 400),
        (b"GET /a HTTP/1.1 ", 400),
        (b" GET /a HTTP/1.1", 400),
        (b"G(T /a HTTP/1.1", 400),
        (b"get /a HTTP/1.1", 501),
        (b"BLUEFINCH /a HTTP/1.1", 501),
        (b"CONNECT bluefinch:443 HTTP/1.1", 405),
        (b"CONNECT /v1/chat/completions HTTP/1.1", 405),
        (b"OPTIONS * HTTP/1.1", 405),
        (b"GET * HTTP/1.1", 400),
        (b"GET a HTTP/1.1", 400),
        (b"GET @bluefinch/a HTTP/1.1", 400),
        (b"GET http://bluefinch HTTP/1.1", 400),
        (b"GET ftp://bluefinch/a HTTP/1.1", 400),
        (b"GET /a#bluefinch HTTP/1.1", 400),
        (b"GET /a?b#c HTTP/1.1", 400),
        (b"GET /a\\bluefinch HTTP/1.1", 400),
        (b"GET /a\x00 HTTP/1.1", 400),
        (b"GET /\xc3\xa9 HTTP/1.1", 400),
        (b"GET /?\xc3\xa9 HTTP/1.1", 400),
        (b"GET /%00 HTTP/1.1", 400),
        (b"GET /%0d%0aa HTTP/1.1", 400),
        (b"GET /%7F HTTP/1.1", 400),
        (b"GET /%zz HTTP/1.1", 400),
        (b"GET /a% HTTP/1.1", 400),
        (b"GET /a%1 HTTP/1.1", 400),
        (b"GET /a http/1.1", 400),
        (b"GET /a HTTP/1.1a", 400),
        (b"GET /a HTTP/11", 400),
        (b"GET /a HTTP/1,1", 400),
        (b"GET /a HTTP/01.1", 400),
        (b"GET /a HTTP/+.1", 400),
        (b"GET /a HTTP/\xd9\xa1.1", 400),
        (b"GET /a HTTPS/1.1", 400),
        (b"GET /a HTTP/0.9", 505),
        (b"GET /a HTTP/1.2", 505),
        (b"GET /a HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
    ],
)
def test_first_lines_that_are_refused(raw, expected):
    assert refused(line, raw)[0] == expected


def test_a_target_may_be_absolute_when_host_says_the_same():
    read = head(b"Host: A.example:80", first=b"GET http://a.EXAMPLE:80/x?y=1 HTTP/1.1")
    assert read.canonical().startswith(b"GET /x?y=1 HTTP/1.1\r\nhost: A.example:80\r\n")
    for host in (b"b.example", b"a.example", b"a.example:81"):
        assert refused(head, b"Host: " + host, first=b"GET http://a.example:80/x HTTP/1.1") == (421, "invalid_host")


def test_a_path_is_known_as_it_was_sent():
    assert line(b"GET /v1/models/org%2Fname?a=%zz HTTP/1.1").path == "/v1/models/org%2Fname"


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b": a",
        b"X-A",
        b"X-A : bluefinch",
        b"X-A\t: bluefinch",
        b" X-A: bluefinch",
        b"\tbluefinch",
        b"X A: a",
        b"X(A): a",
        b"X-\xc3\xa9: a",
        b"X-A\x00: a",
        b"X-A: a\x00b",
        b"X-A: a\x0bb",
        b"X-A: a\x7fb",
        b"X-A: a\rb",
        b"X-A: a\nX-B: b",
        b"\xef\xbb\xbfHost: a",
    ],
)
def test_lines_that_are_refused(field):
    assert refused(read_field, field) == (400, "invalid_http")


@pytest.mark.parametrize("name", [b"Host", b"Content-Length", b"Transfer-Encoding", b"Content-Type", b"Expect"])
def test_what_may_stand_once_stands_once(name):
    value = {b"Content-Length": b"1", b"Transfer-Encoding": b"chunked", b"Expect": b"100-continue"}.get(name, b"a")
    usual = [] if name == b"Host" else [b"Host: a"]
    twice = [name + b": " + value, b"X-A: b", name.lower() + b": " + value]
    assert refused(head, *usual, *twice) == (400, "invalid_http")


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"a/b", b"a?b", b"a#b", b"a@b", b"a b", b"a,b", b"a\\b", b"a%62", b"http://a", b"/", b":80", b"a:b"),
        *(b"a:80:80", b"a:123456", b"a:-1", b"a:+80", b"[::1", b"[::1]80", b"[]", b"[a]", b"[::1]:x", b"::1"),
        *(b"\xd0\xb0", b"a;b", b"a'b", b'"a"', b"a:\xd9\xa1", b"a" * 254),
    ],
)
def test_hosts_that_are_refused(value):
    assert refused(head, b"Host: " + value) == (400, "invalid_host")


@pytest.mark.parametrize("value", [b"a", b"A.b-c_d:80", b"127.0.0.1:8080", b"[::1]", b"[::ffff:127.0.0.1]:8080", b"a:"])
def test_hosts_that_are_served(value):
    assert head(b"Host: " + value).fields == ((b"host", value),)


def test_a_host_is_needed_but_in_http_1_0():
    assert refused(head) == (400, "invalid_host")
    assert head(first=b"GET /healthz HTTP/1.0").closes
    named = HeadLimits(hosts=frozenset({b"a", b"[::1]"}))
    assert refused(head, first=b"GET /healthz HTTP/1.0", limits=named) == (400, "invalid_host")


def test_named_hosts_are_the_only_ones():
    named = HeadLimits(hosts=frozenset({b"a", b"[::1]"}))
    assert head(b"Host: A:8080", limits=named).fields == ((b"host", b"A:8080"),)
    assert head(b"Host: [::1]:1", limits=named)
    assert refused(head, b"Host: rebound.bluefinch", limits=named) == (421, "invalid_host")


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"+5", b"-5", b"05", b"00", b"0x5", b"5 5", b"5,5", b"5, 5", b"5.0", b"5e1", b"five", b'"5"', b"5;5"),
        *(b"\xd9\xa5", b"1_0", b"\x0b5".replace(b"\x0b", b"~"), b"1" * 20, b"99999999999999999999"),
    ],
)
def test_lengths_that_are_refused(value):
    assert refused(head, b"Host: a", b"Content-Length: " + value) == (400, "invalid_http")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        *((value, 501) for value in (b"xchunked", b"gzip, chunked", b"chunked, identity", b"identity", b"chunked;q=1")),
        *((value, 501) for value in (b"chunked chunked", b'"chunked"', b"chunked\xc2\xa0", b"chunke", b"gzip")),
        *((value, 400) for value in (b"", b"chunked, chunked", b"chunked,", b",chunked")),
    ],
)
def test_codings_that_are_refused(value, status):
    assert refused(head, b"Host: a", b"Transfer-Encoding: " + value) == (status, "invalid_http")


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("coding", [b"chunked", b"xchunked", b"", b"identity"])
@pytest.mark.parametrize("length", [b"0", b"5", b"+5", b""])
def test_both_framings_exclude_each_other(order, coding, length):
    lines = [b"Transfer-Encoding: " + coding, b"Content-Length: " + length][::order]
    assert refused(head, b"Host: a", *lines) == (400, "invalid_http")


def test_chunked_in_any_case_and_with_white_space():
    for value in (b"chunked", b"CHUNKED", b"\tchunked "):
        assert head(b"Host: a", b"Transfer-Encoding:" + value).chunked
    chunks = b"Transfer-Encoding: chunked"
    assert refused(head, b"Host: a", chunks, first=b"POST /a HTTP/1.0") == (400, "invalid_http")


def test_limits():
    assert refused(line, b"GET /" + b"a" * 300 + b" HTTP/1.1", max_target=256) == (414, "target_too_long")
    few, small = HeadLimits(max_fields=3), HeadLimits(max_bytes=64)
    assert refused(head, b"Host: a", *[b"X-A: b"] * 3, limits=few) == (431, "headers_too_large")
    assert refused(head, b"Host: a", b"X-A: " + b"b" * 64, limits=small) == (431, "headers_too_large")
    assert head(b"Host: a", *[b"X-A: b"] * 2, limits=few)
    crowd = b"Connection: " + b",".join([b"a"] * 17)
    assert refused(head, b"Host: a", crowd) == (400, "invalid_http")
    assert refused(head, b"Host: a", b"Connection: a b") == (400, "invalid_http")


def test_expectations():
    assert head(b"Host: a", b"Expect: 100-CONTINUE").waits
    assert not head(b"Host: a", b"Expect: 100-continue", first=b"POST /a HTTP/1.0").waits
    assert refused(head, b"Host: a", b"Expect: bluefinch") == (417, "expectation_failed")
