"""The decision log on disk: the segment that is written to, and those that were set aside.

`decisions.jsonl` is always the living segment. One that was lost (fsync failed), damaged, full or old is renamed to
`decisions.jsonl.000001` and so on; the next one's header names its last good hash, so that the chain goes on. A torn
tail goes to `decisions.jsonl.torn-000001`, and a record of the chain says so. The chain also tells of records that an
anchor knows and the file has lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import orjson

from guardproxy.observe.anchors import EVENT, AnchorFile, anchor_of, beside
from guardproxy.observe.audit_file import Found, Link, Segment, canonical, examine, framed, sync_directory
from guardproxy.observe.entry import posix_text

LONGEST = 256 * 1024 * 1024
"""Bytes after which a segment is set aside, so that start and retention stay quick."""
ANCHOR_EVERY = 1000
_MOST_WRITERS = 64


class Note(Protocol):
    """Writes one event into the structured log."""

    def __call__(self, event: str, **fields: object) -> object: ...


def set_aside(path: Path) -> list[Path]:
    """The older segments of this log, oldest first."""
    found = path.parent.glob(f"{path.name}.*")
    return sorted(p for p in found if is_set_aside(p))


def is_set_aside(path: Path) -> bool:
    """Is it the name of an older segment?"""
    return path.suffix[1:].isdigit() and len(path.suffix) == 7


def _nobody(_path: Path) -> None:
    """Nothing is ever thrown away."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a log is kept. A segment is set aside after `longest` bytes or `oldest` seconds (0: never).

    `anchors` is the folder of the anchors (None: the log's own), `key` signs them. `alone`: when another process
    writes here, `open` raises BlockingIOError instead of taking the next name. `tidy` is called with the log's path
    whenever a segment was begun or opened.
    """

    longest: int = LONGEST
    oldest: float = 0.0
    anchors: Path | None = None
    key: bytes = b""
    alone: bool = False
    tidy: Callable[[Path], None] = _nobody


class Journal:
    """Appends groups of records durably. Not thread-safe. OSError from `open` and `append` means: nothing was kept."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        note: Note,
        keeping: Keeping = Keeping(),
    ) -> None:
        self.path = path
        self._clock = clock
        self._note = note
        self._keeping = keeping
        self._segment: Segment | None = None
        self._anchors: AnchorFile | None = None
        self._last = Link()
        self._begun = False
        self._since = 0.0
        self._anchored = 0
        self._anchors_fail = False
        self._because, self._due = "start", False
        self._owed: list[bytes] = []

    @property
    def last(self) -> Link:
        """The last record that is on disk."""
        return self._last

    def open(self) -> None:
        """Continues the file, or begins a segment. Calling it again is harmless."""
        if self._segment is not None:
            return
        if self._due:
            self._rename()
            self._due = False
        segment = self._claim()
        try:
            damaged = self._read(segment)
            if not damaged:
                self._join(segment)
        except OSError:
            segment.close()
            raise
        if damaged:
            segment.close()
            self._because, self._due = "damaged", True
            self.open()
            return
        self._anchored = self._last.seq
        self._segment = segment
        self._anchor(keep=False)
        self._keeping.tidy(self.path)

    def append(self, bodies: Sequence[bytes]) -> None:
        """Records in canonical JSON; they are on disk when it returns."""
        segment = self._sound()
        self._commit(segment, bodies)
        if harm := segment.harm():
            self._leave(harm)
            raise FileNotFoundError(2, "the file was taken away while it was written")
        keep = self._last.seq - self._anchored >= ANCHOR_EVERY
        self._anchor(keep=keep)
        if segment.size > self._keeping.longest:
            self._leave("full")
        elif self._is_old():
            self._leave("old")

    def tend(self) -> None:
        """What time alone asks for: a segment that has become old is set aside, though nobody writes."""
        if self._segment is not None and self._is_old():
            self._leave("old")
        self.open()

    def close(self) -> None:
        """Nothing is pending: every append was synced."""
        if self._segment is not None:
            if self._last.seq > self._anchored:
                self._anchor(keep=True)
            self._segment.close()
            self._segment = None
        if self._anchors is not None:
            self._anchors.close()
            self._anchors = None

    def _sound(self) -> Segment:
        """The open segment, or a new one when somebody took the file away or wrote into it."""
        self.open()
        if self._segment is not None and (harm := self._segment.harm()):
            self._leave(harm)
            self.open()
        if self._segment is None:
            raise AssertionError("an open journal has a segment; this is a bug")
        return self._segment

    def _anchor(self, *, keep: bool) -> None:
        """Names the last record in another place; every thousandth in the structured log as well."""
        if keep:
            self._anchored = self._last.seq
            said = anchor_of(self.path.name, self._last, posix_text(self._clock()), self._keeping.key)
            self._note(EVENT, **said.members())
        try:
            self._anchor_file().put(self._last, keep=keep)
        except OSError as error:
            if not self._anchors_fail:
                self._note("audit_anchors_failing", reason=error.strerror)
            self._anchors_fail = True
        else:
            self._anchors_fail = False

    def _anchor_file(self) -> AnchorFile:
        wanted = beside(self.path, self._keeping.anchors)
        if self._anchors is None or self._anchors.path != wanted:
            self._anchors = AnchorFile(wanted, self.path.name, self._clock, self._keeping.key)
        return self._anchors

    def _claim(self) -> Segment:
        """The file, locked. Each writer has a file of its own: the second process takes `decisions-2.jsonl`."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        wanted = self.path
        for number in range(2, _MOST_WRITERS + 2):
            segment = Segment(self.path)
            if segment.lock():
                return segment
            segment.close()
            if self._keeping.alone:
                break
            self.path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
            self._note("audit_file_taken", file=str(wanted), instead=str(self.path))
        raise BlockingIOError(11, "another process writes there")

    def _read(self, segment: Segment) -> bool:
        """Takes up the chain where the file ends. True when the file must be set aside untouched."""
        if not segment.size:
            return False
        found = examine(segment.path)
        if found.last.seq:
            self._last, self._begun = found.last, True
        self._since = _time_of(segment.path)
        if found.damaged:
            self._note("audit_damaged", file=str(segment.path), seq=found.last.seq, bytes=found.behind)
        elif found.behind:
            self._put_torn_aside(segment, found)
        return found.damaged

    def _put_torn_aside(self, segment: Segment, found: Found) -> None:
        """Nobody was told that it is there, but it may help to understand what happened."""
        with segment.path.open("rb") as file:
            file.seek(found.good)
            tail = file.read(found.behind)
        taken = len(list(segment.path.parent.glob(f"{segment.path.name}.torn-*")))
        aside = segment.path.with_name(f"{segment.path.name}.torn-{taken + 1:06d}")
        put_down(aside, [tail])
        segment.cut(found.good)
        self._note("audit_torn_tail", file=str(segment.path), seq=found.last.seq, bytes=found.behind, aside=aside.name)
        self._owed.append(self._news("torn", file=aside.name, bytes=found.behind, sha256=sha256(tail).hexdigest()))

    def _compared(self) -> list[bytes]:
        """What the chain has to say when the last anchor knows another end of it.

        Ahead of the file: records are lost. Behind it: a crash came between sync and anchor, or somebody added records.
        """
        try:
            known = self._anchor_file().last()
        except OSError:
            return []  # told of with the next anchor
        if known is None or known == self._last:
            return []
        if known.seq < self._last.seq:
            self._note("audit_unvouched", file=str(self.path), seq=self._last.seq, anchored=known.seq)
            return [self._news("unvouched", anchored_seq=known.seq, records=self._last.seq - known.seq)]
        self._note("audit_shortened", file=str(self.path), seq=self._last.seq, anchored=known.seq)
        return [self._news("shortened", anchored_seq=known.seq, anchored_hash=known.hash)]

    def _news(self, kind: str, **members: object) -> bytes:
        """A record of the chain about itself."""
        return canonical({"v": 1, "kind": kind, "time": posix_text(self._clock()), **members})

    def _join(self, segment: Segment) -> None:
        """The chain goes on here, and tells what has happened to it."""
        if not self._begun:
            ends = (examine(one).last for one in reversed(set_aside(self.path)))
            self._last = next((last for last in ends if last.seq), Link())
        news = self._compared()
        if not segment.size:
            self._begin(segment)
        self._commit(segment, [*self._owed, *news])
        self._owed.clear()

    def _begin(self, segment: Segment) -> None:
        """A header that names the last hash of the segment before."""
        self._since = self._clock()
        header = {
            "segment": len(set_aside(self.path)) + 1,
            "because": self._because,
            "after_seq": self._last.seq,
            "after": self._last.hash,
        }
        self._commit(segment, [self._news("segment", **header)])
        sync_directory(self.path.parent)
        self._begun, self._because = True, "start"

    def _commit(self, segment: Segment, bodies: Iterable[bytes]) -> None:
        """Written and synced, or not counted."""
        last, lines = self._last, []
        for body in bodies:
            line, last = framed(body, last)
            lines.append(line)
        if not lines:
            return
        segment.write(lines)
        try:
            segment.sync()
        except OSError:
            self._leave("lost")
            raise
        self._last = last

    def _is_old(self) -> bool:
        return 0 < self._keeping.oldest <= self._clock() - self._since

    def _leave(self, because: str) -> None:
        """This segment gets no more records; the next `open` sets it aside."""
        if because in ("full", "old"):
            self._anchor(keep=True)
        self._note("audit_segment_left", file=str(self.path), because=because, seq=self._last.seq)
        if self._segment is not None:
            self._segment.close()
        self._segment, self._because, self._due = None, because, True

    def _rename(self) -> None:
        """An empty file that somebody put there is used as it is."""
        number = max((int(p.suffix[1:]) for p in set_aside(self.path)), default=0) + 1
        if self.path.exists() and self.path.stat().st_size:
            self.path.rename(self.path.with_name(f"{self.path.name}.{number:06d}"))
            sync_directory(self.path.parent)


def _time_of(path: Path) -> float:
    """When a segment was begun, POSIX seconds; 0 when its header does not say."""
    with path.open("rb") as file:
        line = file.readline(4096)
    try:
        header: Any = orjson.loads(line)
        return datetime.fromisoformat(header["time"]).timestamp()
    except (ValueError, KeyError, TypeError):
        return 0.0


def put_down(path: Path, lines: Iterable[bytes]) -> None:
    """A file that is there whole and for good, or not at all."""
    part = path.with_name(f"{path.name}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(fd)
    part.rename(path)
    sync_directory(path.parent)
