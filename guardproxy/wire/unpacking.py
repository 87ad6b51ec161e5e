"""A body that comes packed, unpacked piece by piece, no I/O.

    Unpacker("gzip").feed(bytes) -> bytes, .flush() -> None       raise errors.UpstreamBadAnswer

We ask for `identity`; some servers pack all the same (wire.md 3.1). Packed text cannot be looked at and never passes.
Law: any segmentation of the same bytes gives the same bytes.
"""

from __future__ import annotations

import zlib

from guardproxy.errors import UpstreamBadAnswer

RATIO = 20
"""So many times its size a body may become …"""
FREE = 1024 * 1024
"""… beyond its first MiB: a short answer may be all repetition, and one MiB harms nobody."""
_GZIP, _ZLIB, _BARE = 31, 15, -15


class Unpacker:
    """One body. `encoding` is the value of `Content-Encoding`; UpstreamBadAnswer unless it is gzip or deflate."""

    def __init__(self, encoding: str) -> None:
        self._name = encoding.strip().lower().removeprefix("x-")
        if self._name not in ("gzip", "deflate"):
            raise UpstreamBadAnswer("the upstream's answer is packed in a way that nobody asked for")
        self._start = b""
        self._inflate = zlib.decompressobj(_GZIP)
        self._begun = False
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> bytes:
        """What these bytes unpack to, perhaps nothing yet."""
        self._taken += len(data)
        if not self._begun:
            data, self._start = self._start + data, b""
            if len(data) < 2:  # two bytes tell which of the two kinds of deflate it is
                self._start = data
                return b""
            self._inflate, self._begun = zlib.decompressobj(self._kind(data)), True
        out = []
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_GZIP)  # gzip may come in several members
            out.append(self._some(data))
            data = self._inflate.unused_data
        return b"".join(out)

    def flush(self) -> None:
        """The end of the bytes. Raises UpstreamBadAnswer when the body was cut."""
        if self._start or (self._begun and not self._inflate.eof):
            raise UpstreamBadAnswer("the upstream's packed answer ended before it was whole", kind="reset")

    def _kind(self, data: bytes) -> int:
        if self._name == "gzip":
            return _GZIP
        wrapped = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return _ZLIB if wrapped else _BARE

    def _some(self, data: bytes) -> bytes:
        room = FREE + RATIO * self._taken - self._given
        try:
            out = self._inflate.decompress(data, room + 1)
        except zlib.error:
            raise UpstreamBadAnswer("the upstream's answer is not packed as it says") from None
        if len(out) > room:
            raise UpstreamBadAnswer(f"the upstream's packed answer grows to more than {RATIO} times its size")
        self._given += len(out)
        return out
