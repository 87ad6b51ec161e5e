"""Bytes of a connection in, canonical requests out, however they are cut."""

from __future__ import annotations

import pytest

from guardproxy.errors import BadRequest
from guardproxy.wire.http_gate import Gate
from guardproxy.wire.http_head import USUAL

HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\n"
WRITTEN = b"POST /a HTTP/1.1\r\nhost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
OPENED = WRITTEN + b"transfer-encoding: chunked\r\n\r\n"


def through(raw, size=None, limits=USUAL):
    """What comes out of `raw` in pieces of `size` bytes."""
    gate, out = Gate(limits), b""
    size = size or len(raw)
    for at in range(0, len(raw), size):
        gate.feed(raw[at : at + size])
        while (piece := gate.step()) is not None:
            out += piece
    return out, gate


def refused(raw, size=None, limits=USUAL):
    with pytest.raises(BadRequest) as caught:
        through(raw, size, limits)
    return caught.value.status, caught.value.code


SIZES = [None, 1, 2, 3, 7]


@pytest.mark.parametrize("size", SIZES)
def test_a_body_with_a_length(size):
    out, gate = through(HEAD + b"Content-Length: 5\r\n\r\nhello" + HEAD + b"\r\n", size)
    assert out == WRITTEN + b"content-length: 5\r\n\r\nhello" + WRITTEN + b"\r\n"
    assert (gate.between, gate.begun, gate.held, gate.path) == (True, False, 0, "/a")


@pytest.mark.parametrize("size", SIZES)
def test_chunks_lose_extensions_and_trailers(size):
    body = b'5;a=b\r\nhello\r\n00006;q="x y";z\r\n world\r\n0;last\r\nX-Api-Key: x\r\nHost: b\r\n\r\n'
    out, gate = through(CHUNKED + body + HEAD + b"\r\n", size)
    end = b"0\r\n\r\n" + WRITTEN + b"\r\n"
    assert out.replace(b"\r\n6\r\n", b"\r\n+\r\n") == OPENED + b"5\r\nhello\r\n+\r\n world\r\n" + end
    assert gate.between


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "body",
    [
        *(b"-5\r\nhello", b"+5\r\nhello", b"0x5\r\nhello", b" 5\r\nhello", b"5 \r\nhello", b"\t5\r\nhello"),
        *(b"\r\nhello", b"g\r\nhello", b"5_0\r\n", b"fffffffff\r\n", b"ffffffffffffffffffff\r\n", b"\xd9\xa5\r\n"),
        *(b"5\nhello", b"5\rhello", b"5\r\rhello", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhelloX0\r\n\r\n"),
        *(b"5\r\nhello0\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n", b"4\r\nhello\r\n0\r\n\r\n"),
        *(b"5;\r\nhello", b"5;a\x00\r\nhello", b"5;a\nb\r\nhello", b"5;a\rb\r\nhello", b"5;" + b"a" * 300),
        *(
            b"0\r\n X: a\r\n\r\n",
            b"0\r\nX a\r\n\r\n",
            b"0\r\nX: a\n\r\n",
            b"0\r\nX : a\r\n\r\n",
            b"0\r\nX: \x00\r\n\r\n",
        ),
        *(b"0\r\nX: " + b"a" * 20_000, b"0\n\r\n", b"0\r\n\n"),
    ],
)
def test_chunks_that_are_refused(body, size):
    assert refused(CHUNKED + body, size) == (400, "invalid_http")


def test_more_framing_than_data_is_refused():
    crumbs = b"".join(b"1;" + b"a" * 200 + b"\r\nx\r\n" for _ in range(200))
    assert refused(CHUNKED + crumbs) == (400, "invalid_http")
    out, _ = through(CHUNKED + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
    assert out.endswith(b"x\r\n0\r\n\r\n")
    trailers = b"0\r\n" + b"X: a\r\n" * 5_000
    assert refused(CHUNKED + trailers) == (400, "invalid_http")


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /a HTTP/1.1\nHost: a\n\n", 400),
        (b"POST /a HTTP/1.1\nHost: a\n", 400),
        (b"POST /a HTTP/1.1\r\nX: a\rb\r\n", 400),
        (b"\nGET / HTTP/1.1", 400),
        (b"\r\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\x80", 400),
        (b"GET /\r\n", 400),
        (b"PRI * HTTP/2.0\r\n", 505),
        (b"SSH-2.0-OpenSSH\r\n", 400),
        (b"\r\n" * 3, 400),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 102, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 17_000, 431),
    ],
)
def test_what_is_wrong_is_said_before_the_head_is_whole(raw, status, size):
    assert refused(raw, size)[0] == status


@pytest.mark.parametrize("size", SIZES)
def test_two_empty_lines_are_forgiven(size):
    out, gate = through(b"\r\n\r\n" + HEAD + b"\r\n", size)
    assert out == WRITTEN + b"\r\n"
    assert not gate.begun


def test_empty_lines_begin_a_request():
    _, gate = through(b"\r\n")
    assert (gate.begun, gate.held, gate.path) == (True, 0, "")


def test_a_fault_knows_the_path_it_was_sent_to():
    gate = Gate()
    gate.feed(HEAD + b"\r\n" + b"POST /v1/messages HTTP/1.1\r\nHost: a b\r\n\r\n")
    assert gate.step() == WRITTEN + b"\r\n"
    with pytest.raises(BadRequest):
        gate.step()
    assert gate.path == "/v1/messages"
    gate = Gate()
    gate.feed(HEAD + b"\r\nnonsense\r\n\r\n")
    gate.step()
    with pytest.raises(BadRequest):
        gate.step()
    assert gate.path == ""


def test_nothing_passes_beyond_the_end_of_a_message():
    gate = Gate()
    gate.feed(CHUNKED + b"1\r\nx\r\n0\r\n\r\n" + HEAD + b"\r\n")
    assert gate.step() == OPENED
    assert not gate.between
    assert gate.step() == b"1\r\nx\r\n0\r\n\r\n"
    assert (gate.between, gate.begun) == (True, True)
    assert gate.step() == WRITTEN + b"\r\n"
    assert gate.step() is None
