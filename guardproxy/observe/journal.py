"""The decision log on disk: the segment that is written to, and those that were set aside.

`decisions.jsonl` is always the living segment. One that was lost (fsync failed), damaged or full is renamed to
`decisions.jsonl.000001` and so on; the next one's header names its last good hash, so that the chain goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from guardproxy.observe.audit_file import Link, Segment, canonical, examine, framed, sync_directory
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
    return sorted(p for p in found if p.suffix[1:].isdigit() and len(p.suffix) == 7)


class Journal:
    """Appends groups of records durably. Not thread-safe. OSError from `open` and `append` means: nothing was kept."""

    def __init__(self, path: Path, clock: Callable[[], float], note: Note, longest: int = LONGEST) -> None:
        self.path = path
        self._clock = clock
        self._note = note
        self._longest = longest
        self._segment: Segment | None = None
        self._last = Link()
        self._begun = False
        self._anchored = 0
        self._because, self._due = "start", False

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
            if not damaged and not segment.size:
                self._begin(segment)
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

    def append(self, bodies: Sequence[bytes]) -> None:
        """Records in canonical JSON; they are on disk when it returns."""
        self.open()
        segment, last, lines = self._segment, self._last, []
        if segment is None:
            raise AssertionError("an open journal has a segment; this is a bug")
        for body in bodies:
            line, last = framed(body, last)
            lines.append(line)
        self._commit(segment, lines, last)
        if last.seq - self._anchored >= ANCHOR_EVERY:
            self.anchor()
        if segment.size > self._longest:
            self._leave("full")

    def anchor(self) -> None:
        """Names the last record in the structured log, another place: a cut tail shows when the two are compared."""
        self._anchored = self._last.seq
        self._note("audit_anchor", file=self.path.name, seq=self._last.seq, hash=self._last.hash)

    def close(self) -> None:
        """Nothing is pending: every append was synced."""
        if self._segment is not None:
            if self._last.seq > self._anchored:
                self.anchor()
            self._segment.close()
            self._segment = None

    def _claim(self) -> Segment:
        """The file, locked. Each writer has a file of its own: the second process takes `decisions-2.jsonl`."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        wanted = self.path
        for number in range(2, _MOST_WRITERS + 2):
            segment = Segment(self.path)
            if segment.lock():
                return segment
            segment.close()
            self.path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
            self._note("audit_file_taken", file=str(wanted), instead=str(self.path))
        raise BlockingIOError(11, "every file name of the decision log is taken by another process")

    def _read(self, segment: Segment) -> bool:
        """Takes up the chain where the file ends. True when the file must be set aside untouched."""
        if not segment.size:
            return False
        found = examine(segment.path)
        self._last, self._begun = found.last, True
        if found.damaged:
            self._note("audit_damaged", file=str(segment.path), seq=found.last.seq, bytes=found.behind)
        elif found.behind:
            self._note("audit_torn_tail", file=str(segment.path), seq=found.last.seq, bytes=found.behind)
            segment.cut(found.good)
        return found.damaged

    def _begin(self, segment: Segment) -> None:
        """A header that names the last hash of the segment before."""
        older = set_aside(self.path)
        if older and not self._begun:
            self._last = examine(older[-1]).last
        header = {
            "v": 1,
            "kind": "segment",
            "segment": len(older) + 1,
            "time": posix_text(self._clock()),
            "because": self._because,
            "after_seq": self._last.seq,
            "after": self._last.hash,
        }
        line, link = framed(canonical(header), self._last)
        self._commit(segment, [line], link)
        sync_directory(self.path.parent)
        self._begun, self._because = True, "start"

    def _commit(self, segment: Segment, lines: Sequence[bytes], last: Link) -> None:
        """Written and synced, or not counted."""
        segment.write(lines)
        try:
            segment.sync()
        except OSError:
            self._leave("lost")
            raise
        self._last = last

    def _leave(self, because: str) -> None:
        """This segment gets no more records; the next `open` sets it aside."""
        if because == "full":
            self.anchor()
        self._note("audit_segment_left", file=str(self.path), because=because, seq=self._last.seq)
        if self._segment is not None:
            self._segment.close()
        self._segment, self._because, self._due = None, because, True

    def _rename(self) -> None:
        number = max((int(p.suffix[1:]) for p in set_aside(self.path)), default=0) + 1
        if self.path.exists():
            self.path.rename(self.path.with_name(f"{self.path.name}.{number:06d}"))
            sync_directory(self.path.parent)
