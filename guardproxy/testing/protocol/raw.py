"""One raw request and what has to become of it.

Raw(id, family, raw, statuses, hits, closes)       `statuses`: sets of allowed ones, an answer each
visible(folder) -> the rows of cases/protocol_raw.jsonl.gz
request(...) -> bytes                              a chat request that is right but for what is asked for
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HARMLESS = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
CANARY = b'{"model":"m","messages":[{"role":"user","content":"about bluefinch"}]}'
CHAT = b"/v1/chat/completions"
JSON_TYPE = b"Content-Type: application/json"
HOST = b"Host: localhost"


@dataclass(frozen=True, slots=True)
class Hits:
    """How many requests the upstream may get."""

    least: int
    most: int

    def __contains__(self, count: int) -> bool:
        return self.least <= count <= self.most


NONE, ONE, ANY = Hits(0, 0), Hits(1, 1), Hits(0, 1)


@dataclass(frozen=True, slots=True)
class Raw:
    """`statuses`: of each answer in turn, what is allowed. `bare`: a close without a status counts as 400.

    `code`: of the first answer's error, where one word is right. `headless`: answers come without their body, as to
    HEAD. `interim`: may a 100 come first?
    """

    id: str
    family: str
    raw: bytes = field(repr=False)
    statuses: tuple[frozenset[int], ...]
    hits: Hits = NONE
    closes: bool = False
    bare: bool = False
    code: str = ""
    headless: bool = False
    interim: bool = True


def visible(folder: Path) -> list[Raw]:
    """The case kit's rows; none when it is not there."""
    path = folder / "protocol_raw.jsonl.gz"
    if not path.exists():
        return []
    return [_row(json.loads(line)) for line in gzip.decompress(path.read_bytes()).splitlines()]


def _row(row: dict[str, Any]) -> Raw:
    least, most = row["upstream_hits"]
    in_turn = row["group"] == "pipeline"
    allowed = tuple(frozenset({s}) for s in row["status"]) if in_turn else (frozenset(row["status"]),)
    return Raw(
        row["id"],
        row["group"],
        b64decode(row["raw_b64"]),
        allowed,
        Hits(least, most),
        bool(row.get("must_close")),
        row["group"] == "version",
    )


def request(
    headers: Sequence[bytes] = (),
    body: bytes = HARMLESS,
    *,
    line: bytes = b"POST " + CHAT + b" HTTP/1.1",
    usual: Iterable[bytes] = (HOST, JSON_TYPE),
    length: bool = True,
) -> bytes:
    """The first line, the usual headers, `headers`, the length unless told otherwise, the body."""
    lines = [line, *usual, *headers, *([b"Content-Length: %d" % len(body)] if length else [])]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*pieces: bytes, headers: Sequence[bytes] = (), end: bytes = b"0\r\n\r\n") -> bytes:
    """The same with its body in chunks, which `pieces` are written as."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end
    return request([b"Transfer-Encoding: chunked", *headers], body, length=False)
