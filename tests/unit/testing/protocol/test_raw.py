"""Requests as bytes, and rows of the case kit as they are judged."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode

from guardproxy.testing.protocol.raw import HARMLESS, Hits, chunked, request, visible


def test_a_request_is_whole():
    raw = request([b"X-A: b"])
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /v1/chat/completions HTTP/1.1"
    assert head.endswith(b"X-A: b\r\nContent-Length: %d" % len(HARMLESS))
    assert body == HARMLESS


def test_chunks_are_written_out():
    raw = chunked(b"ab", b"c" * 16)
    assert raw.endswith(b"\r\n\r\n2\r\nab\r\n10\r\ncccccccccccccccc\r\n0\r\n\r\n")
    assert b"Content-Length" not in raw


def test_rows_of_the_kit(tmp_path):
    assert visible(tmp_path) == []
    row = {"id": "A", "group": "version", "status": [400, 505], "upstream_hits": [0, 1], "must_close": True}
    line = {"id": "B", "group": "pipeline", "status": [200, 400], "upstream_hits": [1, 1]}
    text = "\n".join(json.dumps({**one, "raw_b64": b64encode(b"GET").decode()}) for one in (row, line))
    (tmp_path / "protocol_raw.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    first, second = visible(tmp_path)
    assert (first.raw, first.statuses, first.hits, first.closes, first.bare) == (
        b"GET",
        (frozenset({400, 505}),),
        Hits(0, 1),
        True,
        True,
    )
    assert (second.statuses, second.closes, second.bare) == ((frozenset({200}), frozenset({400})), False, False)
    assert 1 in second.hits
    assert 2 not in second.hits
