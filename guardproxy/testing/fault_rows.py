"""The rows of the fault matrix: what goes wrong, where, and what a caller must see of it.

    UPSTREAM     one row a fault of the model server: what it says, and the answer by form (plain, early, late)
    DETECTOR     one row a fault of a detector and a fail mode: the answer by place and form

Forms: `plain`; `early`, a stream before its first text; `late`, a stream that has shown text.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from typing import Any

from guardproxy.testing.faulty_serve import BABBLES, DIES, GONE, HANGS, LIES, OWN_WORDS, RAISES
from guardproxy.testing.scripts import SSE, Script, answer, chunk, completion, stream, stream_of

PLAIN, EARLY, LATE = "plain", "early", "late"
FORMS = (PLAIN, EARLY, LATE)
CANARY = "bluefinch"
SHOWN = "The heron stands in the shallow water and waits. "
CALM = SHOWN * 6
NOT_POSSIBLE, PASSES = "–", "passes, marked"
PROTOCOL = "502 `upstream_protocol_error`"


@dataclass(frozen=True, slots=True)
class UpstreamRow:
    """A fault of the model server. `said` by form; `wanted` by form: what the caller sees. `kind`: the metric's."""

    name: str
    said: tuple[Script | None, Script | None, Script | None]
    wanted: tuple[str, str, str]
    kind: str


@dataclass(frozen=True, slots=True)
class DetectorRow:
    """A fault of a detector. `word` brings it about; `reason`: why text is unchecked, where it passes."""

    name: str
    word: str
    mode: str
    passes: bool
    reason: str

    @property
    def trigger(self) -> str:
        """A sentence on which the detector of this mode fails."""
        return f"A {self.word} and a {OWN_WORDS['test.shut' if self.mode == 'closed' else 'test.ajar']}. "

    def wanted(self, form: str) -> str:
        """What the caller sees."""
        if self.passes:
            return PASSES
        return ended("guard_unavailable") if form == LATE else "503 `guard_unavailable`"


def ended(code: str) -> str:
    """How a stream ends that has shown text: as wire.md 3.4 says."""
    return f"`{code}`, `length`, `[DONE]`"


def _late(*segments: bytes, **more: Any) -> Script:
    """A stream that has shown text, then these bytes."""
    begun = stream_of([SHOWN, SHOWN, SHOWN]).segments[:-2]
    return Script((*begun, *segments), content_type=SSE, **more)


def _raw(*segments: bytes, **more: Any) -> Script:
    """Without a head."""
    return Script(segments, status=0, **more)


_LONG = 1 + sum(map(len, stream_of([SHOWN, SHOWN, SHOWN]).segments[:-2]))
_BODY = completion(CALM).segments[0]
_BEHIND = json.dumps(chunk({"content": CANARY})).encode()  # what must not leave, in what cannot be read
_DROP, _RESET, _STALL = "closed", "reset", "silence"
_CUT, _IDLE, _TIMEOUT = ended("upstream_protocol_error"), ended("upstream_timeout"), "504 `upstream_timeout`"
_BEATS = tuple(b": beat\n\n" for _ in range(100_000))


def _both(script: Script, late: Script) -> tuple[Script, Script, Script]:
    return script, script, late


def _upstream() -> tuple[UpstreamRow, ...]:
    rows = [
        UpstreamRow("closes without a word", (_raw(), _raw(), None), (PROTOCOL, PROTOCOL, NOT_POSSIBLE), "reset"),
        UpstreamRow("resets without a word", (_raw(reset_at=0), _raw(reset_at=0), None), (PROTOCOL, PROTOCOL, NOT_POSSIBLE), "reset"),
        UpstreamRow("accepts and says nothing", (_raw(hang=True), _raw(hang=True), None), (_TIMEOUT, _TIMEOUT, NOT_POSSIBLE), "timeout"),
        UpstreamRow("speaks no HTTP", (_raw(b"\x16\x03\x01 no\r\n\r\n"),) * 2 + (None,), (PROTOCOL, PROTOCOL, NOT_POSSIBLE), "reset"),
        UpstreamRow("closes in mid-answer", (_cut_body(), _early(), _late()), (PROTOCOL, PROTOCOL, _CUT), "reset"),
        UpstreamRow("resets in mid-answer", (_cut_body(reset_at=40), _early(reset_at=90), _late(b": x\n\n" * 8, reset_at=_LONG, pause=0.1)), (PROTOCOL, PROTOCOL, _CUT), "reset"),
        UpstreamRow("falls silent in mid-answer", (_cut_body(hang=True), _early(hang=True), _late(hang=True)), (_TIMEOUT, _TIMEOUT, _IDLE), "idle"),
        UpstreamRow("sends comments for ever", (None, Script(_BEATS, content_type=SSE, pause=0.1), _late(*_BEATS, pause=0.1)), (NOT_POSSIBLE, _TIMEOUT, _IDLE), "timeout/idle"),
        UpstreamRow("sends broken JSON", _both(Script((b"{" + _BEHIND,)), _late(b"data: {" + _BEHIND + b"\n\n")), (PROTOCOL, PROTOCOL, _CUT), "protocol"),
        UpstreamRow("sends broken UTF-8", _both(Script((_BODY.replace(b"heron", b"her\xffn"),)), _late(b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n')), (PROTOCOL, PROTOCOL, _CUT), "protocol"),
        UpstreamRow("sends an empty body", (Script((b"",)), Script((), content_type=SSE), None), (PROTOCOL, PROTOCOL, NOT_POSSIBLE), "protocol/reset"),
        UpstreamRow("sends a page", (Script((b"<html>",), content_type="text/html"),) * 2 + (None,), (PROTOCOL, PROTOCOL, NOT_POSSIBLE), "protocol"),
        UpstreamRow("sends a line of 5 MiB", (None, Script((b"data: " + b"x" * 5_000_000,), content_type=SSE), _late(b"data: " + b"x" * 5_000_000)), (NOT_POSSIBLE, PROTOCOL, _CUT), "protocol"),
        UpstreamRow("sends a gzip bomb", (_bomb(), replace(_bomb(), content_type=SSE), None), (PROTOCOL, PROTOCOL, NOT_POSSIBLE), "protocol"),
        UpstreamRow("sends an error frame", (None, stream([_ERROR]), _late(b"data: " + json.dumps(_ERROR).encode() + b"\n\n")), (NOT_POSSIBLE, PROTOCOL, _CUT), "protocol"),
        UpstreamRow("answers 500", (answer(_ERROR, status=500),) * 2 + (None,), ("502 `upstream_error`", "502 `upstream_error`", NOT_POSSIBLE), "status_5xx"),
        UpstreamRow("answers 503, loading", (answer(_LOADING, status=503),) * 2 + (None,), ("503 `upstream_loading`", "503 `upstream_loading`", NOT_POSSIBLE), "status_5xx"),
        UpstreamRow("answers 429 with Retry-After", (answer(_ERROR, status=429, retry_after="7"),) * 2 + (None,), ("429 `rate_limit_exceeded`, retry after 7 s",) * 2 + (NOT_POSSIBLE,), "status_4xx"),
        UpstreamRow("answers 401", (answer(_ERROR, status=401),) * 2 + (None,), ("502 `upstream_auth`", "502 `upstream_auth`", NOT_POSSIBLE), "auth"),
        UpstreamRow("redirects", (Script((b"",), status=307, headers=(("location", "http://127.0.0.1:1/"),)),) * 2 + (None,), (PROTOCOL, PROTOCOL, NOT_POSSIBLE), "protocol"),
    ]  # fmt: skip
    return tuple(rows)


def _early(**more: Any) -> Script:
    return Script(stream_of([]).segments[:1], content_type=SSE, **more)


def _cut_body(**more: Any) -> Script:
    return Script(
        (_BODY[:200],), headers=(("content-length", str(len(_BODY))),), content_type="application/json; x=y", **more
    )


def _bomb() -> Script:
    return Script((gzip.compress(b" " * 30_000_000),), headers=(("content-encoding", "gzip"),))


_ERROR: dict[str, Any] = {"error": {"message": "boom", "type": "server_error"}}
_LOADING: dict[str, Any] = {"error": {"message": "Loading model", "type": "unavailable_error"}}

UPSTREAM = _upstream()

_FAULTS = (
    ("raises", RAISES, "detector_error"),
    ("runs out of time", HANGS, "detector_timeout"),
    ("gives a score that is no number", LIES, "detector_error"),
    ("gives nothing", BABBLES, "detector_error"),
    ("its process is not there", GONE, "detector_timeout"),
)
DETECTOR = (
    *(DetectorRow(name, word, mode, mode == "open", reason) for name, word, reason in _FAULTS for mode in ("closed", "open")),
    *(DetectorRow("its process is killed by the text", DIES, mode, passes=False, reason="") for mode in ("closed", "open")),
)  # fmt: skip
