"""Anchors: the number and hash of the last record in a second place, so that a tail cut at a line's border shows.

    <log>.anchors    one JSON object a line; the last line is written anew with each group, every thousandth stays

With a key each anchor carries an HMAC, so whoever can write both files, but has no key, cannot make one. He can still put
back an older state of both: only anchors that he cannot reach (another disk, the structured log) show that.

Anchors are written after the log's sync and are not synced themselves: the log is never behind them.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from guardproxy.observe.audit_file import Link, canonical
from guardproxy.observe.entry import posix_text

SUFFIX = ".anchors"
EVENT = "audit_anchor"
_PURPOSE = b"guardproxy anchor 1\n"


@dataclass(frozen=True, slots=True)
class Anchor:
    """Record `seq` of the log `file` had this hash. `time` as in records; `mac` "" when it is not signed."""

    file: str
    seq: int
    hash: str
    time: str
    mac: str = ""

    @property
    def link(self) -> Link:
        """What it vouches for."""
        return Link(self.seq, self.hash)

    def is_signed_by(self, keys: Sequence[bytes]) -> bool:
        """True when one of the keys made its HMAC."""
        return any(hmac.compare_digest(self.mac, _mac(key, self)) for key in keys)

    def members(self) -> dict[str, object]:
        """For a line of JSON or of the structured log; without `mac` when there is none."""
        told: dict[str, object] = {"file": self.file, "seq": self.seq, "hash": self.hash, "time": self.time}
        return {**told, "mac": self.mac} if self.mac else told


def anchor_of(file: str, link: Link, time: str, key: bytes) -> Anchor:
    """Signed when there is a key."""
    plain = Anchor(file, link.seq, link.hash, time)
    return Anchor(file, link.seq, link.hash, time, _mac(key, plain)) if key else plain


def _mac(key: bytes, anchor: Anchor) -> str:
    said = f"{anchor.file}\n{anchor.seq}\n{anchor.hash}\n{anchor.time}".encode()
    return hmac.new(key, _PURPOSE + said, "sha256").hexdigest()


def read_anchors(path: Path) -> Iterator[Anchor]:
    """The anchors of a file of ours or of a structured log; lines of other kinds are passed over. May raise OSError."""
    for line in path.read_bytes().splitlines():
        anchor = _read(line)
        if anchor is not None:
            yield anchor


def of_log(anchors: Iterable[Anchor], name: str) -> list[Anchor]:
    """Those of the log with this file name."""
    return [anchor for anchor in anchors if anchor.file == name]


def _read(line: bytes) -> Anchor | None:
    try:
        tree: Any = orjson.loads(line)
        if tree.get("event", EVENT) != EVENT:
            return None
        seq, digest, mac = tree["seq"], tree["hash"], tree.get("mac", "")
        if not (isinstance(seq, int) and isinstance(digest, str) and isinstance(mac, str) and mac.isascii()):
            return None
        return Anchor(str(tree["file"]), seq, digest, str(tree.get("time", "")), mac)
    except (ValueError, KeyError, AttributeError):
        return None


class AnchorFile:
    """Not thread-safe: the writer of the log owns it. `put` may raise OSError; the log does not depend on it."""

    def __init__(self, path: Path, log: str, clock: Callable[[], float], key: bytes = b"") -> None:
        self.path = path
        self._log = log
        self._clock = clock
        self._key = key
        self._fd = -1
        self._at = 0

    def last(self) -> Link | None:
        """What the last anchor of this log names; None without one. May raise OSError."""
        if not self.path.exists():
            return None
        found = of_log(read_anchors(self.path), self._log)
        return found[-1].link if found else None

    def put(self, link: Link, *, keep: bool = False) -> Anchor:
        """Writes the last line anew. With `keep` it stays, and the next one goes behind it."""
        anchor = anchor_of(self._log, link, posix_text(self._clock()), self._key)
        if self._fd < 0 or not os.fstat(self._fd).st_nlink:
            self._open()
        line = canonical(anchor.members()) + b"\n"
        os.pwrite(self._fd, line, self._at)
        if keep:
            self._at += len(line)
        return anchor

    def close(self) -> None:
        """The last line stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        """Begins behind what is there: a shorter line must never be written over a longer one."""
        self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._at = os.fstat(self._fd).st_size
        if self._at and os.pread(self._fd, 1, self._at - 1) != b"\n":
            self._at += os.pwrite(self._fd, b"\n", self._at)


def beside(log: Path, folder: Path | None) -> Path:
    """Where a log's anchors lie: in `folder`, or next to the log."""
    return (log.parent if folder is None else folder) / f"{log.name}{SUFFIX}"


def anchors_of(log: Path, where: Path) -> list[Anchor]:
    """What is known of this log there; nothing when there is no such file. May raise OSError."""
    with contextlib.suppress(FileNotFoundError):
        return of_log(read_anchors(where), log.name)
    return []
