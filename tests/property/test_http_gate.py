"""What the gate lets through has one reading: two parsers of other people's find the same requests in it."""

from __future__ import annotations

import h11
import httptools
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guardproxy.errors import BadRequest
from guardproxy.testing.protocol.families import generated
from guardproxy.wire.http_gate import Gate

SEEDS = [one.raw for one in generated(5, 6) if len(one.raw) < 3_000]
ODD = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b"\x00",
    b"0",
    b"chunked",
    b"Content-Length: 5\r\n",
    b"\xff",
    b";",
]
mutation = st.tuples(st.integers(0, 3_000), st.integers(0, 4), st.sampled_from([b"", *ODD]) | st.binary(max_size=3))


def mutated(raw, changes):
    for at, cut, new in changes:
        raw = raw[:at] + new + raw[at + cut :]
    return raw


def through(raw, sizes):
    """Everything that comes out, and what was wrong with the rest."""
    gate, out, at = Gate(), b"", 0
    try:
        while at < len(raw):
            size = sizes[at % len(sizes)]
            gate.feed(raw[at : at + size])
            at += size
            while (piece := gate.step()) is not None:
                out += piece
    except BadRequest as error:
        return out, error.status
    return out, 0


class Heard:
    """What httptools calls."""

    def __init__(self):
        self.requests, self.fields, self.url = [], [], b""

    def on_message_begin(self):
        self.fields, self.url = [], b""

    def on_url(self, url):
        self.url += url

    def on_header(self, name, value):
        self.fields.append((name.lower(), value))

    def on_headers_complete(self):
        self.requests.append([self.url, tuple(self.fields), b""])

    def on_body(self, body):
        self.requests[-1][2] += body


def by_httptools(raw):
    heard = Heard()
    parser = httptools.HttpRequestParser(heard)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    parser.feed_data(raw)
    return heard.requests


def by_h11(raw):
    """The same; it stops where a connection is meant to close."""
    requests, connection = [], h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(raw)
    while True:
        event = connection.next_event()
        if event in (h11.NEED_DATA, h11.PAUSED):
            return requests
        if isinstance(event, h11.Request):
            requests.append([event.target, tuple(event.headers), b""])
        elif isinstance(event, h11.Data):
            requests[-1][2] += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            connection.send(h11.Response(status_code=204, headers=[]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is h11.MUST_CLOSE:
                return requests
            connection.start_next_cycle()
        else:
            return requests


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(mutation, max_size=4), st.lists(st.integers(1, 400), min_size=1, max_size=5))
@example(SEEDS[0], [], [1])
def test_what_passes_is_read_alike(raw, changes, sizes):
    raw = mutated(raw, changes)
    out, status = through(raw, sizes)
    whole, fault = through(raw, [len(raw) or 1])
    assert bool(status) is bool(fault)
    assert out.startswith(whole) if status else out == whole  # data before a fault may already have gone on
    theirs, others = by_httptools(out), by_h11(out)
    assert [url for url, _, _ in others] == [url for url, _, _ in theirs][: len(others)]
    for mine, other in zip(theirs, others, strict=False):
        assert mine[1] == other[1]
        assert mine[2] == other[2]
    assert bool(theirs) == bool(others)


def test_the_seeds_hold_both_kinds():
    passed = sum(bool(through(raw, [100])[0]) for raw in SEEDS)
    assert 40 < passed < len(SEEDS) - 20
