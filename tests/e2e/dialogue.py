"""Recorded-style answers of model servers, kept one family a file in `dialogues/`, and what a client must see of them.

    dialogues() -> list[Dialogue]            all of them
    Dialogue.script() -> Script              the answer, byte for byte

A body is written as it stands on the wire, but for `<U+2028>` (a character that editors hide) and `<xFF>` (a byte).
"""

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from guardproxy.testing.scripts import JSON, SSE, Script

FOLDER = Path(__file__).parent / "dialogues"
PATHS = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "embeddings": "/v1/embeddings",
    "models": "/v1/models",
}
LINE_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": lambda raw: zlib.compress(raw, wbits=-15),
    "cut gzip": lambda raw: gzip.compress(raw)[: len(raw) // 4],
    "two gzip members": lambda raw: gzip.compress(raw[:40]) + gzip.compress(raw[40:]),
}
HIDDEN = {f"<U+{code}>": chr(int(code, 16)) for code in ("2028", "2029", "0085", "FEFF")}


@dataclass(frozen=True)
class Dialogue:
    """One answer. `sees`: see the test; `ask`: members of the request."""

    family: str
    name: str
    source: str
    body: str
    sees: dict[str, Any]
    surface: str = "chat"
    ask: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    type: str | None = ""
    headers: dict[str, str] = field(default_factory=dict)
    lines: str = "lf"
    pieces: int = 0
    packed: str = ""

    @property
    def is_stream(self) -> bool:
        return self.body.lstrip().startswith(("data:", ":", "event:", "id:", "<U+FEFF>data:"))

    def request(self, stream: bool) -> dict[str, Any]:
        said = {"chat": {"messages": [{"role": "user", "content": "hello"}]}, "completions": {"prompt": "hello"}}
        text = said.get(self.surface, {"input": "hello"})
        return {"model": "m", **text, **({"stream": True} if stream else {}), **self.ask}

    def script(self, body: str | None = None) -> Script:
        raw = encoded(self.body if body is None else body, LINE_ENDS[self.lines])
        if self.packed:
            raw = PACKERS[self.packed](raw)
        size = self.pieces or max(len(raw), 1)
        kind = (SSE if self.is_stream else JSON) if self.type == "" else self.type
        names = dict(self.headers)
        if self.packed:
            names.setdefault("content-encoding", self.packed.split()[-1].replace("members", "gzip"))
        pieces = tuple(raw[at : at + size] for at in range(0, len(raw), size))
        return Script(pieces or (b"",), status=self.status, content_type=kind, headers=tuple(names.items()))


def encoded(body: str, line_end: str) -> bytes:
    for token, character in HIDDEN.items():
        body = body.replace(token, character)
    raw = body.replace("\n", line_end).encode()
    for byte in (b"FF", b"C3"):
        raw = raw.replace(b"<x" + byte + b">", bytes.fromhex(byte.decode()))
    return raw


def dialogues() -> list[Dialogue]:
    out = []
    for file in sorted(FOLDER.glob("*.yaml")):
        page = yaml.safe_load(file.read_text(encoding="utf-8"))
        out += [Dialogue(page["upstream"], **{"source": page["source"], **row}) for row in page["dialogues"]]
    return out
