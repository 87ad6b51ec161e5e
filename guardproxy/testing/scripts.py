"""What a scripted upstream says.

Script(status, headers, body pieces, pauses, reset …)
completion(text) -> Script, stream(chunks) -> Script, stream_of(text, …) -> Script      chat
continuation(*texts) -> Script, continuation_stream(pieces) -> Script                   text completions
vectors(count) -> Script                                                                embeddings
case_script(row) -> Script                    a row of cases/stream_cases.jsonl.gz
recorded(folder, name) -> Script              a real server's answer, kept by tests/real/record.py
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JSON = "application/json"
SSE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Script:
    """One answer. Each of `segments` is written as a TCP segment of its own; times are seconds.

    `content_type` None sends no such header. `delay`: before the head; `pause`: between segments;
    `reset_at`: the connection is reset (RST) after that many body bytes; `hang`: after the last segment
    nothing comes and nothing is closed, until the client goes away or the server stops.
    """

    segments: tuple[bytes, ...] = (b"{}",)
    status: int = 200
    content_type: str | None = JSON
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    pause: float = 0.0
    reset_at: int | None = None
    hang: bool = False


def answer(body: Any, status: int = 200, **headers: str) -> Script:
    """A JSON answer; header names with `_` for `-`."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Script((json.dumps(body, ensure_ascii=False).encode(),), status=status, headers=named)


def completion(text: str, **message: Any) -> Script:
    """A plain chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    return answer(
        {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    )


def chunk(delta: Mapping[str, Any], finish: str | None = None, index: int = 0, **top: Any) -> dict[str, Any]:
    """One chunk of a chat stream."""
    choice = {"index": index, "delta": dict(delta), "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **top}


def stream(chunks: Iterable[Mapping[str, Any]], *, done: bool = True) -> Script:
    """A chat stream, one segment for each chunk."""
    frames = [b"data: " + json.dumps(piece, ensure_ascii=False).encode() + b"\n\n" for piece in chunks]
    return Script((*frames, *([b"data: [DONE]\n\n"] if done else [])), content_type=SSE)


def stream_of(pieces: Sequence[str], finish: str = "stop", usage: Mapping[str, int] | None = None) -> Script:
    """A stream of these pieces of text, with a role chunk, a finish chunk and, if given, a usage chunk."""
    chunks = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": piece}) for piece in pieces)]
    chunks.append(chunk({}, finish))
    if usage is not None:
        chunks.append({**chunk({}), "choices": [], "usage": dict(usage)})
    return stream(chunks)


def continuation(*texts: str, **choice: Any) -> Script:
    """A plain text completion, one choice for each text."""
    choices = [
        {"text": t, "index": at, "logprobs": None, "finish_reason": "stop"} | choice for at, t in enumerate(texts)
    ]
    return answer({"id": "t1", "object": "text_completion", "created": 1, "model": "m", "choices": choices})


def text_chunk(text: str, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """One chunk of a text completion's stream."""
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
    return {"id": "t1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}


def continuation_stream(pieces: Sequence[str], finish: str = "stop") -> Script:
    """A streamed text completion of these pieces."""
    return stream([*(text_chunk(piece) for piece in pieces), text_chunk("", finish)])


def vectors(count: int = 1) -> Script:
    """So many small vectors."""
    data = [{"object": "embedding", "index": at, "embedding": [0.25, -1e-7]} for at in range(count)]
    return answer({"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}})


def case_script(row: Mapping[str, Any]) -> Script:
    """The answer that a row of the stream cases describes."""
    segments = tuple(b64decode(segment) for segment in row["segments_b64"])
    return Script(segments, content_type=row["content_type"])


def recorded(folder: Path, name: str) -> Script:
    """A dialogue of `folder/index.json`, cut as it came. Headers of the transfer are left to who sends it."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    row = index[name]
    raw, at, segments = (folder / row["file"]).read_bytes(), 0, []
    for size in row["segments"]:
        segments.append(raw[at : at + size])
        at += size
    kept = ("retry-after", "server", "x-accel-buffering")
    headers = tuple((key, value) for key, value in row["headers"].items() if key in kept)
    return Script(tuple(segments), status=row["status"], content_type=row["headers"]["content-type"], headers=headers)


def parrot(body: Mapping[str, Any] | None) -> Script:
    """The answer without a script: a short sentence, streamed if asked for."""
    text = "This is a scripted answer."
    if body is not None and body.get("stream") is True:
        return stream_of([word + " " for word in text.split()])
    return completion(text)
