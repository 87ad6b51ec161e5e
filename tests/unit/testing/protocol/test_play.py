"""Answers out of bytes, and what is wrong with them."""

from __future__ import annotations

import pytest

from guardproxy.testing.fake_upstream import Recorded
from guardproxy.testing.protocol.play import Answer, Heard, _faults, _strangers, split
from guardproxy.testing.protocol.raw import NONE, Raw

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKS = b"HTTP/1.1 400 Bad\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
BODY = b'{"model":"m","messages":[]}'


def test_answers_are_told_apart():
    answers, rest = split(
        b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + CHUNKS + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi"
    )
    assert [(answer.status, answer.body) for answer in answers] == [(100, b""), (200, b"hi"), (400, b"hi")]
    assert rest.endswith(b"Content-Length: 3\r\n\r\nhi")
    assert split(CHUNKS[:-1])[0] == []
    assert split(b"nonsense\r\n\r\n") == ([], b"nonsense\r\n\r\n")


def test_an_answer_to_head_has_no_body():
    answers, rest = split(PLAIN[:-2] + PLAIN[:-2], headless=True)
    assert ([answer.status for answer in answers], rest) == ([200, 200], b"")


def heard(*statuses, closed=True, rest=b"", body=b'{"error":{"message":"no","code":"invalid_http"}}'):
    return Heard(tuple(Answer(status, {}, body) for status in statuses), closed, rest, 0.1)


def one(*allowed, **more):
    return Raw("A", "f", b"", tuple(frozenset(each) for each in allowed), NONE, **more)


@pytest.mark.parametrize(
    ("asked", "got", "says"),
    [
        (one({400}), heard(), "0 answers"),
        (one({400}), heard(400, 400), "2 answers"),
        (one({400, 501}), heard(200), "answered [200]"),
        (one({400}), heard(101, 400), "switched protocols"),
        (one({400}, closes=True), heard(400, closed=False), "left the connection open"),
        (one({400}), heard(400, rest=b"x"), "sent something that is no answer"),
        (one({400}, code="duplicate_key"), heard(400), "code invalid_http"),
        (one({400}), heard(400, body=b"Bad Request"), "an error without our shape"),
        (one({400, 500}), heard(500), "a fault of ours"),
        (one({400}, interim=False), heard(100, 400), "asked for the body"),
    ],
)
def test_what_is_wrong_is_said(asked, got, says):
    assert says in ", ".join(_faults(asked, got))


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (one({400, 501}, closes=True, code="invalid_http"), heard(501)),
        (one({200}, {400}), heard(100, 200, 400, closed=False)),
        (one({400}, bare=True), heard()),
        (one({503}), heard(503)),
    ],
)
def test_what_is_right_is_not(asked, got):
    assert list(_faults(asked, got)) == []


def test_strangers_at_the_upstream():
    usual = {"host": "a", "content-length": "1", "user-agent": "guardproxy x"}
    assert list(_strangers(Recorded("POST", "/v1/chat/completions", usual, BODY))) == []
    for headers, path, body in (
        ({**usual, "x-guardproxy-rule": "a"}, "/v1/chat/completions", BODY),
        ({**usual, "accept": "a\x0bb"}, "/v1/chat/completions", BODY),
        ({**usual, "accept": "a" * 1025}, "/v1/chat/completions", BODY),
        (usual, "/admin", BODY),
        (usual, "/v1/chat/completions", BODY + b"bluefinch"),
        (usual, "/v1/chat/completions", b"{"),
    ):
        assert list(_strangers(Recorded("POST", path, headers, body)))
