"""Raw bytes of a connection in, the same requests as we would write them out. No sockets here.

    gate = Gate(limits)
    gate.feed(data)
    while (piece := gate.step()) is not None: ...     canonical bytes; raises errors.BadRequest, and then all is over

A request's head comes out whole or not at all. Of a chunked body only sizes and data pass: chunk extensions and
trailers are read, measured and dropped, so that a trailer never becomes a header.
"""

from __future__ import annotations

from enum import Enum, auto

from guardproxy.errors import BadRequest
from guardproxy.wire.http_head import (
    USUAL,
    Head,
    HeadLimits,
    RequestLine,
    check_ends,
    parse_fields,
    parse_line,
    read_field,
)

_CRLF = b"\r\n"
_END = b"\r\n\r\n"
_MOST_EMPTY_LINES = 2
_MOST_SIZE_DIGITS = 8
_MOST_SIZE_LINE = 256
_FRAMING_PER_BYTE = 16
"""Bytes of chunk sizes and extensions that one byte of data may bring along."""
_HEX = b"0123456789abcdefABCDEF"
_EXTENSION = bytes(range(32, 127)) + b"\t"


class _State(Enum):
    HEAD = auto()
    BODY = auto()
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()


class Gate:
    """One connection's reader. After a BadRequest the rest of its bytes mean nothing."""

    __slots__ = ("_buffer", "_data", "_empty_lines", "_framing", "_fresh", "_left", "_limits", "_line", "_state")

    def __init__(self, limits: HeadLimits = USUAL) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._state = _State.HEAD
        self._line: RequestLine | None = None
        self._fresh: Head | None = None
        self._empty_lines = 0
        self._left = 0
        self._data = 0
        self._framing = 0

    @property
    def between(self) -> bool:
        """True from the end of a message until the next head is whole."""
        return self._state is _State.HEAD

    @property
    def begun(self) -> bool:
        """True when bytes of the next head have come."""
        return self.between and (bool(self._buffer) or self._empty_lines > 0)

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return len(self._buffer)

    @property
    def path(self) -> str:
        """Of the request that is being read, as far as it is known; else ""."""
        return self._line.path if self._line else ""

    @property
    def head(self) -> Head | None:
        """What the last step gave, when that was the head of a request; else None."""
        return self._fresh

    def feed(self, data: bytes) -> None:
        """Some more of the connection's bytes."""
        self._buffer += data

    def step(self) -> bytes | None:
        """The next canonical bytes, never beyond the end of a message; None until more is fed."""
        self._fresh = None
        if self._state is _State.HEAD:
            return self._head()
        if self._state is _State.BODY:
            return self._body()
        return self._chunks()

    def _head(self) -> bytes | None:
        if not self._at_first_line():
            return None
        end = self._buffer.find(_END)
        if end < 0:
            self._check_beginning()
            return None
        head = self._read(bytes(self._buffer[:end]))
        del self._buffer[: end + len(_END)]
        self._empty_lines = 0
        self._data = self._framing = 0
        self._left = head.length or 0
        self._fresh = head
        if head.chunked:
            self._state = _State.SIZE
        elif self._left:
            self._state = _State.BODY
        return head.canonical()

    def _read(self, raw: bytes) -> Head:
        self._line = None
        check_ends(raw)
        first, _, rest = raw.partition(_CRLF)
        self._line = parse_line(first, self._limits)
        return parse_fields(self._line, rest, self._limits)

    def _at_first_line(self) -> bool:
        """Skips the few empty lines that RFC 9112 section 2.2 forgives. False: nothing to read yet."""
        buffer = self._buffer
        while buffer.startswith(_CRLF):
            self._empty_lines += 1
            if self._empty_lines > _MOST_EMPTY_LINES:
                raise BadRequest("empty lines before the request", code="invalid_http")
            del buffer[:2]
        if not buffer or buffer == b"\r":
            return False
        if not buffer[:1].isalpha():
            raise BadRequest("this is not HTTP; TLS is not spoken on this port", code="invalid_http")
        return True

    def _check_beginning(self) -> None:
        """What can already be said of a head that is not whole: a caller who is wrong need not wait for the timer."""
        buffer, self._line = self._buffer, None
        check_ends(buffer)
        first, ended, _ = buffer.partition(_CRLF)
        if ended or len(first) > self._limits.max_target + 32:
            self._line = parse_line(bytes(first), self._limits)
        if len(buffer) > self._limits.max_bytes or buffer.count(_CRLF) > self._limits.max_fields + 1:
            raise BadRequest(
                f"the headers are longer than {self._limits.max_bytes} bytes or more than {self._limits.max_fields}",
                code="headers_too_large",
                status=431,
            )

    def _taken(self) -> bytes:
        """As much of what is left as has come."""
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        self._left -= len(piece)
        return piece

    def _body(self) -> bytes | None:
        piece = self._taken()
        if not self._left:
            self._state = _State.HEAD
        return piece or None

    def _chunks(self) -> bytes | None:
        """All chunks that have come, as far as they have come."""
        pieces: list[bytes] = []
        while self._state is not _State.HEAD:
            piece = self._chunk_step()
            if piece is None:
                break
            pieces.append(piece)
        return b"".join(pieces) if pieces else None

    def _chunk_step(self) -> bytes | None:
        if self._state is _State.DATA:
            piece = self._taken()
            self._data += len(piece)
            if not self._left:
                self._state = _State.DATA_END
            return piece or None
        if self._state is _State.DATA_END:
            return self._data_end()
        line = self._framing_line()
        if line is None:
            return None
        return self._size(line) if self._state is _State.SIZE else self._trailer(line)

    def _data_end(self) -> bytes | None:
        if not _CRLF.startswith(bytes(self._buffer[:2])):
            raise BadRequest("the data of a chunk does not end with CR LF", code="invalid_http")
        if len(self._buffer) < 2:
            return None
        del self._buffer[:2]
        self._state = _State.SIZE
        return _CRLF

    def _framing_line(self) -> bytes | None:
        """The next line of chunk sizes or trailers, without its end."""
        in_size = self._state is _State.SIZE
        most = _MOST_SIZE_LINE if in_size else self._limits.max_bytes
        line, ended, _ = self._buffer[: most + 2].partition(_CRLF)
        check_ends(line if not ended else line + _CRLF)
        if len(line) > most:
            raise BadRequest("a line between chunks is too long", code="invalid_http")
        if not ended:
            return None
        self._framing += len(line) + 2
        if self._framing > self._limits.max_bytes + _FRAMING_PER_BYTE * self._data:
            raise BadRequest("the body is more framing than data", code="invalid_http")
        del self._buffer[: len(line) + 2]
        return bytes(line)

    def _size(self, line: bytes) -> bytes:
        digits, extended, extension = line.partition(b";")
        if not 0 < len(digits) <= _MOST_SIZE_DIGITS or digits.translate(None, _HEX):
            raise BadRequest("a chunk's size is not a hexadecimal number", code="invalid_http")
        if extended and (not extension or extension.translate(None, _EXTENSION)):
            raise BadRequest("a chunk's extension is malformed", code="invalid_http")
        self._left = int(digits, 16)
        self._state = _State.DATA if self._left else _State.TRAILERS
        return b"%x\r\n" % self._left

    def _trailer(self, line: bytes) -> bytes:
        if line:
            read_field(line)
            return b""
        self._state = _State.HEAD
        return _CRLF
