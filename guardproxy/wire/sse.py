"""Server-sent events, both ways, no I/O.

    SseDecoder().feed(bytes) -> list[Event], .flush() -> list[Event]     raise errors.UpstreamBadAnswer
    event(dict | bytes) -> bytes, comment(text) -> bytes, DONE

Law: any segmentation of the same bytes gives the same events. Rules: wire.md 3.1 (WHATWG EventSource).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.body import serialise

DONE = b"data: [DONE]\n\n"
MAX_LINE = 1024 * 1024
MAX_EVENT = 4 * MAX_LINE
MAX_IDLE_LINES = 10_000
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event. `name` is its `event:` field; `done` marks `[DONE]`, after which nothing comes."""

    data: str
    name: str = ""
    done: bool = False

    def __repr__(self) -> str:
        return f"Event({len(self.data)} chars, done={self.done})"


class SseDecoder:
    """Bytes in any pieces → events. After `[DONE]` everything is ignored and counted in `ignored`."""

    def __init__(self) -> None:
        self.done = False
        self.ignored = 0
        self._fault: UpstreamBadAnswer | None = None
        self._line: list[bytes] = []
        self._line_size = 0
        self._swallow_lf = False
        self._first_line = True
        self._data: list[bytes] = []
        self._data_size = 0
        self._name = ""
        self._idle_lines = 0

    def feed(self, data: bytes) -> list[Event]:
        """The events that end in this piece. Events before a fault are given first; the next call raises."""
        if self._fault is not None:
            raise self._fault
        if self.done:
            self.ignored += len(data)
            return []
        events: list[Event] = []
        try:
            self._read(data, events)
        except UpstreamBadAnswer as fault:
            if not events:
                raise
            self._fault = fault
        return events

    def flush(self) -> list[Event]:
        """The end of the bytes. A last event without its empty line counts; half a JSON shows when it is read."""
        if self._fault is not None:
            raise self._fault
        events: list[Event] = []
        if not self.done:
            if self._line_size:
                self._end_line(events)
            self._dispatch(events)
        return events

    def _read(self, data: bytes, events: list[Event]) -> None:
        if self._swallow_lf and data:
            self._swallow_lf = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._swallow_lf = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *ended, rest = data.split(b"\n")
        for at, piece in enumerate(ended):
            self._hold(piece)
            if self._end_line(events):
                self.ignored += sum(len(later) + 1 for later in ended[at + 1 :]) + len(rest)
                return
        self._hold(rest)

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._line.append(piece)
        self._line_size += len(piece)
        if self._line_size > MAX_LINE:
            raise UpstreamBadAnswer("the upstream sent a line of more than 1 MiB")

    def _end_line(self, events: list[Event]) -> bool:
        """Reads one line; true when it ended the stream."""
        line, self._line, self._line_size = b"".join(self._line), [], 0
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
        field, _, value = line.partition(b":")
        if field == b"data":
            self._take(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        else:
            self._idle_lines += 1
            if self._idle_lines > MAX_IDLE_LINES:
                raise UpstreamBadAnswer("the upstream sends lines without data for ever")
        return self.done

    def _take(self, value: bytes) -> None:
        self._idle_lines = 0
        self._data.append(value)
        self._data_size += len(value)
        if self._data_size > MAX_EVENT:
            raise UpstreamBadAnswer("the upstream sent an event of more than 4 MiB")

    def _dispatch(self, events: list[Event]) -> None:
        data, name = b"\n".join(self._data), self._name
        self._data, self._data_size, self._name = [], 0, ""
        if data.strip() in {b"", b"null"}:
            return  # a keep-alive, or nothing yet
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise UpstreamBadAnswer("the upstream's stream is not valid UTF-8") from None
        self.done = text.strip() == "[DONE]"
        events.append(Event(text, name, self.done))


def event(data: dict[str, Any] | bytes) -> bytes:
    """One `data:` event; bytes must be JSON on one line."""
    return b"data: " + (data if isinstance(data, bytes) else serialise(data)) + b"\n\n"


def comment(text: str = "keep-alive") -> bytes:
    """A line that clients skip; `text` is ours, without line ends."""
    return b": " + text.encode("ascii") + b"\n\n"
