"""Erasure: records leave the log, the chain stays.

    erase(log, wanted, order)      each record that `wanted` names becomes a tombstone with the frame of the original
    retire(log, keep, order)       old segments shrink to their header and one tombstone

A tombstone proves nothing by itself, or anybody could hide a record behind one. So each erasure is written down first, in a
log of its own beside (`decisions-erasures.jsonl`: chained, anchored, with an HMAC when there is a key), and `verify`
accepts only tombstones that stand there. A crash in between leaves records that were to go: do it again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from guardproxy.observe.audit_file import INTERRUPTED, Line, Link, Segment, canonical, read_line, tombstone
from guardproxy.observe.entry import posix_text
from guardproxy.observe.journal import Journal, Keeping, Note, is_set_aside, put_down, set_aside

MOST_GAPS = 500
"""Tombstones that one record of the erasures names."""
_PURPOSE = b"guardproxy erasure 1\n"
Wanted = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Gap:
    """A tombstone: `records` records up to number `seq` are gone, the last of them had this hash."""

    seq: int
    hash: str
    records: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants it and why; where its records lie and what signs them. `clock` gives POSIX seconds."""

    actor: str
    because: str
    clock: Callable[[], float]
    note: Note
    key: bytes = b""
    anchors: Path | None = None

    def keeping(self) -> Keeping:
        """How the log of erasures is kept."""
        return Keeping(anchors=self.anchors, key=self.key, alone=True)


@dataclass(frozen=True, slots=True)
class Keep:
    """What may stay: `days` since the youngest record of a segment, `size` bytes of all segments. 0: without end."""

    days: float = 0.0
    size: int = 0


@dataclass(slots=True)
class Erased:
    """How it went: records that left, segments that were written anew, records in a segment that a service holds."""

    records: int = 0
    segments: int = 0
    held: int = 0


@dataclass(slots=True)
class Erasures:
    """The erasures that were written down, as `verify` needs them."""

    gaps: set[Gap] = field(default_factory=set)
    unsigned: list[int] = field(default_factory=list)
    """Numbers of records without an HMAC of these keys."""


def log_of(path: Path) -> Path:
    """Where the erasures of a log are written down."""
    living = path.with_suffix("") if is_set_aside(path) else path
    return living.with_name(f"{living.stem}-erasures{living.suffix}")


def erasures_of(path: Path, keys: Sequence[bytes]) -> Erasures:
    """All that were written down for this log. With `keys`, only those that one of them signed. May raise OSError."""
    found, written = Erasures(), log_of(path)
    for file in (*set_aside(written), *([written] if written.exists() else [])):
        for raw in file.read_bytes().splitlines():
            record = _erasure(raw)
            if record is None:
                continue
            if keys and not _is_signed(record, keys):
                found.unsigned.append(record["seq"])
                continue
            found.gaps |= {Gap(*gap) for gap in record["gaps"]}
    return found


def _erasure(raw: bytes) -> dict[str, Any] | None:
    line = read_line(raw)
    if line is None or not line.true:
        return None
    record: dict[str, Any] = orjson.loads(raw)
    return record if record.get("kind") == "erasure" else None


def _is_signed(record: Mapping[str, Any], keys: Sequence[bytes]) -> bool:
    given = str(record.get("mac", ""))
    said = canonical({name: record[name] for name in _SIGNED})
    return any(hmac.compare_digest(given.encode(), _mac(key, said).encode()) for key in keys)


_SIGNED = ("v", "kind", "time", "actor", "because", "segment", "gaps")


def _mac(key: bytes, said: bytes) -> str:
    return hmac.new(key, _PURPOSE + said, "sha256").hexdigest()


def erase(path: Path, wanted: Wanted, order: Order) -> Erased:
    """Erases the decisions that `wanted` names, in every segment that no service is writing to.

    BlockingIOError when another erasure is at work, OSError when something cannot be written.
    """
    done = Erased()
    with _book(path, order) as book:
        for segment in set_aside(path):
            _erase_in(segment, wanted, order, book, done)
        if not path.exists():
            return done
        living = Segment(path)
        try:
            if living.lock():
                _erase_in(path, wanted, order, book, done)
            else:
                done.held = sum(1 for _ in _matches(path, wanted))
        finally:
            living.close()
    return done


def _erase_in(segment: Path, wanted: Wanted, order: Order, book: Journal, done: Erased) -> None:
    found = {line.seq: line for line in _matches(segment, wanted)}
    if not found:
        return
    _write_down(book, order, segment, [Gap(line.seq, line.hash) for line in found.values()])
    put_down(segment, _without(segment, found, posix_text(order.clock())))
    done.records += len(found)
    done.segments += 1


def _matches(segment: Path, wanted: Wanted) -> Iterator[Line]:
    """Whole records of decisions that are wanted. What is damaged stays: it is evidence."""
    with segment.open("rb") as lines:
        for raw in lines:
            line = read_line(raw[:-1]) if raw.endswith(b"\n") else None
            if line is not None and line.true:
                tree = orjson.loads(raw)
                if tree.get("kind", INTERRUPTED) == INTERRUPTED and wanted(tree):
                    yield line


def _without(segment: Path, found: Mapping[int, Line], time: str) -> Iterator[bytes]:
    with segment.open("rb") as lines:
        for raw in lines:
            line = read_line(raw[:-1])
            if line is None or found.get(line.seq) != line:
                yield raw
            else:
                yield tombstone(time, Link(line.seq - 1, line.prev), line.link)


def retire(path: Path, keep: Keep, order: Order) -> Erased:
    """Shrinks the segments set aside that are older than `keep` allows, the oldest first. See `erase` for errors."""
    done = Erased()
    if not _expired(path, keep, order.clock()):
        return done
    with _book(path, order) as book:
        for segment, header, end in _expired(path, keep, order.clock()):
            _write_down(book, order, segment, [Gap(end.seq, end.hash, end.seq - header.link.seq)])
            put_down(segment, [header.raw, tombstone(posix_text(order.clock()), header.link, end)])
            done.segments += 1
            done.records += end.seq - header.link.seq
    return done


def _expired(path: Path, keep: Keep, now: float) -> list[tuple[Path, _Header, Link]]:
    """Segments that must shrink, with the record up to which they go."""
    segments, found = [*set_aside(path), *([path] if path.exists() else [])], []
    total = sum(segment.stat().st_size for segment in segments)
    for segment, after in pairwise(segments):
        header, follower = _header(segment), _header(after)
        if header is None or follower is None:
            continue  # somebody else's file, or a damaged one: no chain to keep
        too_old = 0 < keep.days * 86_400 < now - follower.begun
        if not (too_old or 0 < keep.size < total):
            break
        if follower.after.seq > header.link.seq and not _is_shrunk(segment, follower.after):
            total -= segment.stat().st_size
            found.append((segment, header, follower.after))
    return found


@dataclass(frozen=True, slots=True)
class _Header:
    """The first line of a segment: as it stands, its own link, the record it comes after, when it was written."""

    raw: bytes
    link: Link
    after: Link
    begun: float


def _header(segment: Path) -> _Header | None:
    with segment.open("rb") as file:
        raw = file.readline(65_536)
    line = read_line(raw[:-1]) if raw.endswith(b"\n") else None
    if line is None or not line.true:
        return None
    tree = orjson.loads(raw)
    if tree.get("kind") != "segment":
        return None
    begun = datetime.fromisoformat(tree["time"]).timestamp()
    return _Header(raw, line.link, Link(tree["after_seq"], tree["after"]), begun)


def _is_shrunk(segment: Path, end: Link) -> bool:
    with segment.open("rb") as file:
        lines = [file.readline(65_536) for _ in range(3)]
    second = read_line(lines[1][:-1])
    return second is not None and not second.true and second.link == end and not lines[2]


def _write_down(book: Journal, order: Order, segment: Path, gaps: Sequence[Gap]) -> None:
    """On disk when it returns."""
    records = []
    for at in range(0, len(gaps), MOST_GAPS):
        record: dict[str, object] = {
            "v": 1,
            "kind": "erasure",
            "time": posix_text(order.clock()),
            "actor": order.actor,
            "because": order.because,
            "segment": segment.name,
            "gaps": [[gap.seq, gap.hash, gap.records] for gap in gaps[at : at + MOST_GAPS]],
        }
        if order.key:
            record["mac"] = _mac(order.key, canonical(record))
        records.append(canonical(record))
    book.append(records)


@contextmanager
def _book(path: Path, order: Order) -> Iterator[Journal]:
    """The log of erasures, open; no second one can be at work meanwhile."""
    book = Journal(log_of(path), order.clock, order.note, order.keeping())
    try:
        book.open()
        yield book
    finally:
        book.close()


def steady(order: Order, elapsed: Callable[[], float]) -> Order:
    """The same with a clock that runs at most an hour ahead of `elapsed` (monotonic seconds).

    A wall clock that jumps by years must not throw a log away.
    """
    wall, start = order.clock(), elapsed()
    return replace(order, clock=lambda: min(order.clock(), wall + elapsed() - start + 3600))
