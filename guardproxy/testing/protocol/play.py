"""Plays raw requests over sockets and judges what comes back.

House(folder) as house                  a proxy before a scripted upstream, keyless, on loopback
play(house, one) -> Outcome             `.faults`: why it does not hold, in words; empty: it holds
talk(port, raw) -> Heard                everything that came until the close, or until silence
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from guardproxy.testing.fake_upstream import FakeUpstream, Recorded
from guardproxy.testing.protocol.raw import Raw, request
from guardproxy.testing.proxy_process import NOTHING, Serving, serving

SILENCE = 2.0
"""Seconds without a byte after which a connection counts as left open."""
QUICK = 0.05
"""The same where an answer has come and the connection may stay open."""


FORWARDED = frozenset(
    {
        *("host", "content-type", "content-length", "accept", "accept-encoding", "user-agent", "traceparent"),
        *("x-request-id", "anthropic-version", "anthropic-beta"),
    }
)
"""All header names that a request to the upstream may have (wire.md 6.4)."""
MOST_VALUE = 1024


@dataclass(frozen=True, slots=True)
class House:
    """What is played against; its policy refuses the word bluefinch."""

    proxy: Serving
    upstream: FakeUpstream

    @property
    def port(self) -> int:
        """Of the data listener."""
        return urlsplit(self.proxy.base).port or 0


@contextmanager
def house(folder: Path, policy: Path, environment: Mapping[str, str] = NOTHING) -> Iterator[House]:
    """Opens one in `folder` and closes it."""
    plain = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", **environment}
    with FakeUpstream() as upstream, serving(folder, upstream.base, policy, environment=plain) as proxy:
        yield House(proxy, upstream)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a connection; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def code(self) -> str:
        """The word in an error's body, of whichever surface."""
        try:
            tree: Any = json.loads(self.body)
        except ValueError:
            return ""
        error = tree.get("error") if isinstance(tree, dict) else None
        return str(error.get("code") or "") if isinstance(error, dict) else ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one connection gave back."""

    answers: tuple[Answer, ...]
    closed: bool
    rest: bytes
    seconds: float

    @property
    def final(self) -> tuple[Answer, ...]:
        """Without the interim ones."""
        return tuple(answer for answer in self.answers if answer.status >= 200)


def talk(port: int, raw: bytes, wanted: int = 1, *, headless: bool = False) -> Heard:
    """Sends and listens until the close or `SILENCE`; only `QUICK` once `wanted` answers are there."""
    began = perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        got, closed = b"", False
        connection.settimeout(SILENCE)
        try:
            connection.sendall(raw)
        except (ConnectionError, TimeoutError):
            closed = True  # it heard enough; what it answered can still be read
        while True:
            answers, rest = split(got, headless=headless)
            final = sum(answer.status >= 200 for answer in answers)
            connection.settimeout(QUICK if final >= wanted and not rest else SILENCE)
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                break
            except ConnectionError:
                closed = True
                break
            if not piece:
                closed = True
                break
            got += piece
    answers, rest = split(got, headless=headless)
    return Heard(tuple(answers), closed, rest, perf_counter() - began)


def split(raw: bytes, *, headless: bool = False) -> tuple[list[Answer], bytes]:
    """The whole answers in what came, and what is left over."""
    answers: list[Answer] = []
    while b"\r\n\r\n" in raw:
        head, _, after = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if not words[0].startswith("HTTP/1.") or len(words) < 2:
            break
        status = int(words[1])
        headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        body, rest = _body(headers, after) if status >= 200 and not headless else (b"", after)
        if body is None:
            break
        answers.append(Answer(status, headers, body))
        raw = rest
    return answers, raw


def _body(headers: Mapping[str, str], raw: bytes) -> tuple[bytes | None, bytes]:
    if headers.get("transfer-encoding") != "chunked":
        size = int(headers.get("content-length", "0"))
        return (None, raw) if len(raw) < size else (raw[:size], raw[size:])
    body = b""
    while True:
        line, ended, rest = raw.partition(b"\r\n")
        size = int(line, 16) if ended else 0
        if not ended or len(rest) < size + 2:
            return None, raw
        body, raw = body + rest[:size], rest[size + 2 :]
        if size == 0:
            return body, raw


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one."""

    one: Raw
    heard: Heard
    faults: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Nothing was wrong."""
        return not self.faults


def play(house: House, one: Raw) -> Outcome:
    """Sends it, looks at the answers, at the upstream and at the next plain request."""
    before, decided = len(house.upstream.requests), house.proxy.decided
    heard = talk(house.port, one.raw, len(one.statuses), headless=one.headless)
    arrived = [request for request in house.upstream.requests[before:] if request.method == "POST"]
    faults = [*_faults(one, heard), *(word for request in arrived for word in _strangers(request))]
    if len(arrived) not in one.hits:
        faults.append(f"{len(arrived)} requests reached the upstream")
    if house.proxy.decided - decided < len(arrived):
        faults.append("something reached the upstream without a decision")
    if house.proxy.process.poll() is not None:
        faults.append("the proxy ended")
    elif not _serves(house):
        faults.append("the next plain request was not served")
    return Outcome(one, heard, tuple(faults))


def _strangers(request: Recorded) -> Iterator[str]:
    """What the upstream should never see."""
    for name, value in request.headers.items():
        if name not in FORWARDED:
            yield f"the upstream got the header {name}"
        if not (value.isascii() and value.isprintable() and len(value) <= MOST_VALUE):
            yield f"the upstream got a value of {name} as no client of ours writes it"
    if request.path != "/v1/chat/completions" or request.json is None or b"bluefinch" in request.body:
        yield "the upstream got another request"


def _serves(house: House) -> bool:
    answers = talk(house.port, request([b"Connection: close"])).final
    return len(answers) == 1 and answers[0].status == 200


def _faults(one: Raw, heard: Heard) -> Iterator[str]:
    statuses = [answer.status for answer in heard.final]
    if one.bare and not statuses and heard.closed:
        statuses = [400]
    if len(statuses) != len(one.statuses):
        yield f"{len(statuses)} answers: {statuses}"
    elif any(status not in allowed for status, allowed in zip(statuses, one.statuses, strict=True)):
        yield f"answered {statuses}"
    if any(answer.status == 101 for answer in heard.answers):
        yield "switched protocols"
    if not one.interim and len(heard.answers) > len(heard.final):
        yield "asked for the body"
    if one.closes and not heard.closed:
        yield "left the connection open"
    if heard.rest:
        yield "sent something that is no answer"
    if one.code and heard.final and heard.final[0].code != one.code:
        yield f"code {heard.final[0].code}"
    for answer in heard.final:
        if answer.status >= 400 and b'"message"' not in answer.body and answer.body:
            yield "an error without our shape"
        if answer.status >= 500 and answer.status not in (501, 503, 505):
            yield "a fault of ours"
