"""One segment of the decision log on disk: framed lines, a hash chain, recovery of a torn tail.

A line is one JSON object: the record in canonical JSON (sorted keys, no blanks, UTF-8), then the frame:

    {…,"seq":7,"len":412,"crc":"1c291ca3","prev":"<64 hex>","hash":"<64 hex>"}

`len` and `crc` (CRC-32 of zlib) cover the bytes before `,"len":`, `hash` is SHA-256 over `prev` and the bytes before
`,"prev":`. All of it is about bytes, so any change of a line shows, blanks and number formats included. The first line
of a segment is a header that names the last hash of the segment before.

A record that was erased leaves a tombstone with the frame of what stood there: its `hash` is that of the record it took
the place of, or of the last one when it stands for several, so the chain goes on. It proves nothing by itself; see `erasure`.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

START = "0" * 64
TAIL = 4 * 1024 * 1024
"""Bytes read from the end on start; a group is never longer than a quarter of it."""
ERASED = "erased"
"""The `kind` of a tombstone."""
INTERRUPTED = "interrupted"
"""The `kind` of a record of an answer that a crash cut off."""
HEADER_START = b'{"after":"'
_HASH = len('"prev":"","hash":""}') + 128


@dataclass(frozen=True, slots=True)
class Link:
    """The last record of a chain: its number and its hash."""

    seq: int = 0
    hash: str = START


@dataclass(frozen=True, slots=True)
class Line:
    """One framed line, read. `whole`: length and CRC fit; `true`: the hash fits its own `prev` as well.

    `covers`: how many records it stands for, 1 for a true one, more for some tombstones; 0 when it is neither.
    """

    seq: int
    prev: str
    hash: str
    whole: bool
    true: bool
    covers: int

    @property
    def link(self) -> Link:
        """Its number and hash."""
        return Link(self.seq, self.hash)

    def follows(self, last: Link) -> bool:
        """Does it stand right behind that record?"""
        return self.covers > 0 and (self.prev, self.seq) == (last.hash, last.seq + self.covers)


def canonical(record: Mapping[str, Any]) -> bytes:
    """Sorted keys, no blanks, UTF-8. Raises TypeError for what JSON cannot hold."""
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)


def framed(body: bytes, after: Link) -> tuple[bytes, Link]:
    """The line of a record (canonical JSON, not empty) that follows `after`."""
    sealed, prev = _sealed(body, after.seq + 1), after.hash.encode("ascii")
    digest = sha256(prev + sealed).hexdigest()
    return b'%b,"prev":"%b","hash":"%b"}\n' % (sealed, prev, digest.encode("ascii")), Link(after.seq + 1, digest)


def tombstone(time: str, after: Link, end: Link) -> bytes:
    """The line that takes the place of the records behind `after` up to `end`."""
    body = canonical({"v": 1, "kind": ERASED, "time": time, "records": end.seq - after.seq})
    hashes = (after.hash.encode("ascii"), end.hash.encode("ascii"))
    return b'%b,"prev":"%b","hash":"%b"}\n' % (_sealed(body, end.seq), *hashes)


def _sealed(body: bytes, seq: int) -> bytes:
    inner = b'%b,"seq":%d' % (body[:-1], seq)
    return b'%b,"len":%d,"crc":"%08x"' % (inner, len(inner), zlib.crc32(inner))


def read_line(line: bytes) -> Line | None:
    """The frame of a line without its line feed; None when there is none."""
    sealed, chain = line[: -_HASH - 1], line[-_HASH - 1 :]
    if not (chain.startswith(b',"prev":"') and chain[73:83] == b'","hash":"' and chain.endswith(b'"}')):
        return None
    inner, mark, frame = sealed.rpartition(b',"len":')
    _, seq_mark, seq = inner.rpartition(b',"seq":')
    if not (mark and seq_mark and inner.startswith(b"{") and seq.isdigit() and len(seq) < 19):
        return None
    prev, digest = chain[9:73], chain[83:147]
    whole = frame == b'%d,"crc":"%08x"' % (len(inner), zlib.crc32(inner))
    true = whole and sha256(prev + sealed).hexdigest().encode("ascii") == digest
    covers = 1 if true else _erased(line) if whole else 0
    return Line(int(seq), prev.decode("latin-1"), digest.decode("latin-1"), whole, true, covers)


def _erased(line: bytes) -> int:
    """How many records a tombstone stands for; 0 for any other line."""
    try:
        tree = orjson.loads(line)
    except ValueError:
        return 0
    count = tree.get("records")
    return count if tree.get("kind") == ERASED and type(count) is int and count > 0 else 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a file held when it was opened: the last good record, the bytes up to its end, the bytes behind.

    `damaged`: behind the good part there are complete records that do not belong to the chain. That is no torn tail,
    and nothing of it may be cut off.
    """

    last: Link
    good: int
    behind: int
    damaged: bool


def examine(path: Path) -> Found:
    """Follows the chain to its end; of a long file the last `TAIL` bytes are enough, older ones were synced."""
    size = path.stat().st_size
    start = max(0, size - TAIL)
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(size - start)
    good = data.find(b"\n") + 1 if start else 0
    if not start and _is_torn_header(data):
        return Found(Link(), 0, size, damaged=False)
    last: Link | None = None
    lines = data[good:].split(b"\n")[:-1]  # what follows the last line feed is torn
    taken = 0
    for raw in lines:
        line = read_line(raw)
        if line is None or not line.covers or (last and not line.follows(last)):
            break
        last, good, taken = line.link, good + len(raw) + 1, taken + 1
    strangers = any(line is not None and line.whole for line in map(read_line, lines[taken:]))
    behind = len(data) - good
    return Found(last or Link(), start + good, behind, damaged=strangers or (behind > 0 and last is None))


def _is_torn_header(data: bytes) -> bool:
    """A power cut within the very first line: no line feed yet, and what is there begins like a header or never came."""
    start = data[: len(HEADER_START)]
    return b"\n" not in data and (not data.strip(b"\0") or HEADER_START.startswith(start))


class Segment:
    """The file that is written to. Not thread-safe: the writer thread owns it. Every method may raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        state = os.fstat(self._fd)
        self._size, self._identity = state.st_size, (state.st_dev, state.st_ino)
        self._half_written = False

    @property
    def size(self) -> int:
        """Bytes that count."""
        return self._size

    def lock(self) -> bool:
        """False when another process writes here."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def harm(self) -> str:
        """What others did to the file: `removed` (or renamed), `damaged` (shorter or longer than we left it), or ""."""
        try:
            state = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return "removed"
        if (state.st_dev, state.st_ino) != self._identity:
            return "removed"
        return "" if self._half_written or state.st_size == self._size else "damaged"

    def cut(self, size: int) -> None:
        """Forgets what stands behind `size`."""
        os.ftruncate(self._fd, size)
        self._size = size

    def write(self, lines: Iterable[bytes]) -> None:
        """Appends the lines, or nothing: what was half written is taken back. On disk only after `sync`."""
        if self._half_written:
            self._take_back()  # failed before
        left = memoryview(b"".join(lines))
        size = self._size + len(left)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            self._half_written = True
            self._take_back()
            raise
        self._size = size

    def sync(self) -> None:
        """After an error here the segment is lost: a later success would prove nothing (PostgreSQL, 2018)."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Also gives the lock back."""
        os.close(self._fd)

    def _take_back(self) -> None:
        os.ftruncate(self._fd, self._size)
        self._half_written = False


def sync_directory(path: Path) -> None:
    """Makes a new or renamed file's name survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
