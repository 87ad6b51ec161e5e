"""Checks a decision log: edits, deletions, reordering, swapped files, cut tails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from guardproxy.observe.anchors import Anchor, anchors_of, beside
from guardproxy.observe.audit_file import Line, Link, read_line
from guardproxy.observe.erasure import Erasures, Gap, erasures_of, log_of
from guardproxy.observe.journal import is_set_aside, set_aside

MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not fit. `line` counts from 1; `seq` is the last good record's number."""

    file: str
    line: int
    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` found. `torn`: bytes behind the last line feed, left by a power cut or by a writer at work.

    `unvouched`: records behind the last anchor. With a key they are a fault (`demanding`), unless a writer is at work.
    """

    records: int
    segments: int
    last: Link
    torn: int
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()
    unvouched: int = 0
    demanding: bool = False

    @property
    def fine(self) -> bool:
        """True when every byte belongs to the chain."""
        return not self.faults and not self.torn and not (self.demanding and self.unvouched)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the reader knows from elsewhere.

    `anchors`: records that must be there. `keys`: then every anchor and every erasure must be signed by one of them, and
    there must be an anchor. `known`: records that must be there because the reader says so. `after`: a log whose older segments are archived may begin behind this record. `folder`:
    where the anchors of the log of erasures are, None for beside it.
    """

    anchors: tuple[Anchor, ...] = ()
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    known: tuple[Link, ...] = ()
    after: Link | None = None
    folder: Path | None = None


@dataclass(slots=True)
class _Reading:
    """The state between two lines. `unseen`: anchors not met yet; `known`: the hashes of the segment before.

    `erasures`: tombstones that are accounted for, each of which is met once, as itself or as the record it was to replace.
    """

    trust: Trust
    unseen: set[Link]
    erasures: set[Gap]
    records: int = 0
    erased: int = 0
    interrupted: int = 0
    last: Link | None = None
    torn: int = 0
    keeps: bool = False
    alone: bool = False
    known: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, path: Path, line: int, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(path.name, line, self.last.seq if self.last else 0, what))


def verify(path: Path, trust: Trust = Trust()) -> Report:
    """Reads a log from its oldest segment set aside to `path`, its erasures too; a numbered segment is read alone.

    Anchors show records cut off at the very end. Raises OSError when a file cannot be read.
    """
    paths = [*set_aside(path), path]
    erasures = erasures_of(path, trust.keys)
    unseen = {*trust.known, *(anchor.link for anchor in trust.anchors)}
    state = _Reading(trust, unseen, erasures.gaps, alone=is_set_aside(path))
    _unsigned(state, path, erasures)
    for number, file in enumerate(paths):
        _file(state, file, first=number == 0, living=file == path)
    for link in sorted(state.unseen, key=lambda link: link.seq):
        state.fault(path, 0, f"record {link.seq} is not the one its anchor names, or was cut off")
    if state.erased:
        state.notes.append(f"{state.erased} records were erased, {log_of(path).name} says by whom and why")
    if state.interrupted:
        state.notes.append(f"{state.interrupted} answers were cut off by a crash; the start after it wrote that down")
    undone, last = _written_down(state, path), state.last or Link()
    vouched = max((anchor.seq for anchor in trust.anchors), default=last.seq)
    return Report(
        records=state.records,
        segments=len(paths),
        last=last,
        torn=state.torn,
        faults=tuple(state.faults),
        notes=(*state.notes, *undone),
        unvouched=0 if state.alone else max(0, last.seq - vouched),
        demanding=bool(trust.keys),
    )


def _unsigned(state: _Reading, path: Path, erasures: Erasures) -> None:
    """Whoever has a key wants to see it."""
    if not state.trust.keys:
        return
    if not state.trust.anchors and not state.alone:
        state.fault(path, 0, "there is a key, but no anchor of this log: a tail that was cut off would not show")
    forged = sorted(a.seq for a in state.trust.anchors if not a.is_signed_by(state.trust.keys))
    for seq in forged:
        state.fault(path, 0, f"the anchor of record {seq} is not signed with this key")
    for seq in erasures.unsigned:
        state.fault(log_of(path), 0, f"the erasure in record {seq} is not signed with this key")


def _written_down(state: _Reading, path: Path) -> list[str]:
    """The log of erasures is a log as well. Notes of what it announces and nobody did."""
    book = log_of(path)
    if not book.exists() or state.alone:
        return []
    known = tuple(anchors_of(book, beside(book, state.trust.folder)))
    inner = verify(book, Trust(known, state.trust.keys if known else ()))
    state.faults += inner.faults[: max(0, MOST_FAULTS - len(state.faults))]
    if inner.torn:
        state.notes.append(f"{book.name} ends in {inner.torn} bytes that are no complete record")
    undone = sum(gap.records for gap in state.erasures)
    return [f"{undone} records that were to be erased still stand, or are gone: erase them again"] if undone else []


def _file(state: _Reading, path: Path, *, first: bool, living: bool) -> None:
    number, state.keeps = 0, not living
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                _torn(state, path, len(raw), living=living)
                return
            line = read_line(raw[:-1])
            if line is None:
                state.fault(path, number, "this is not a record of a decision log")
            elif number == 1:
                _header(state, path, raw, line, first=first)
            else:
                _record(state, path, number, line)
                _tell(state, path, raw)
    if number == 0:
        state.fault(path, 0, "the file is empty")


def _torn(state: _Reading, path: Path, length: int, *, living: bool) -> None:
    if living:
        state.torn = length
    else:
        state.notes.append(f"{path.name} ends in {length} bytes that are no complete record")


def _header(state: _Reading, path: Path, raw: bytes, line: Line, *, first: bool) -> None:
    """The first record of a segment joins it to the one before."""
    if not line.true:
        state.fault(path, 1, "the segment's header was changed")
        return
    header = orjson.loads(raw)
    after = Link(line.seq - 1, line.prev)
    if header.get("kind") != "segment":
        state.fault(path, 1, "the segment's header is missing")
    elif (header.get("after_seq"), header.get("after")) != (after.seq, after.hash):
        state.fault(path, 1, "the segment's header contradicts itself")
    elif first:
        _beginning(state, path, after)
    elif line.prev not in state.known:
        state.fault(path, 1, "its header names a record that the segment before does not hold")
    elif state.last is not None and after.seq < state.last.seq:
        gone = state.last.seq - after.seq
        if header.get("because") == "lost":
            state.notes.append(f"{gone} unacknowledged records of a lost segment stand outside the chain")
        else:
            state.fault(path, 1, f"the segment before goes on for {gone} records behind the one that its header names")
    state.known.clear()
    _accept(state, line)


def _beginning(state: _Reading, path: Path, after: Link) -> None:
    """Retention leaves the headers of what it removes, so a whole log begins with its first record."""
    if after == Link() or after == state.trust.after:
        return
    if state.alone:
        state.notes.append(f"{path.name} continues record {after.seq}, {after.hash[:12]}…, of an older file")
    else:
        state.fault(path, 1, f"the log begins behind record {after.seq}: older segments are missing")


def _record(state: _Reading, path: Path, number: int, line: Line) -> None:
    if not line.whole:
        state.fault(path, number, "length or CRC does not fit: the record was changed or damaged")
    elif not line.covers:
        state.fault(path, number, "the hash does not fit the record: it was changed")
    elif state.last is None or line.prev != state.last.hash:
        state.fault(path, number, "it does not follow the record before it: removed, added or moved records")
    elif line.seq != state.last.seq + line.covers:
        state.fault(path, number, f"its number is {line.seq}, {state.last.seq + line.covers} was expected")
    elif not line.true:
        _tombstone(state, path, number, line)
    _accept(state, line)


def _tombstone(state: _Reading, path: Path, number: int, line: Line) -> None:
    """Only where an erasure was written down; what it covers cannot be held against an anchor."""
    gap = Gap(line.seq, line.hash, line.covers)
    if gap not in state.erasures:
        state.fault(path, number, "a tombstone that no erasure accounts for: the record was removed")
        return
    state.erasures.discard(gap)
    state.erased += line.covers
    if line.covers > 1:
        gone = range(line.seq - line.covers + 1, line.seq + 1)
        state.unseen -= {link for link in state.unseen if link.seq in gone and link.seq < line.seq}
        state.erasures -= {one for one in state.erasures if one.seq in gone}


def _accept(state: _Reading, line: Line) -> None:
    """Reading goes on from this line, so that one change is one fault."""
    state.records += 1
    state.last = line.link
    state.unseen.discard(line.link)
    if state.keeps:
        state.known.add(line.hash)


def _tell(state: _Reading, path: Path, raw: bytes) -> None:
    """What the chain says about itself."""
    if b'"kind":"' not in raw[:4096]:
        return
    try:
        tree = orjson.loads(raw)
    except ValueError:
        return
    match tree.get("kind"):
        case "torn":
            state.notes.append(f"a torn tail of {tree['bytes']} bytes was put into {tree['file']}, {tree['time']}")
        case "unvouched":
            state.notes.append(f"{tree['records']} records had no anchor yet at the start of {tree['time']}: a crash?")
        case "interrupted":
            state.interrupted += 1
        case "dropped":
            state.notes.append(f"{tree['count']} decisions could not be written before {tree['time']}")
        case "shortened":
            what = f"at the start of {tree['time']} record {tree['anchored_seq']} was missing, which an anchor knew"
            state.fault(path, 0, what)


def parse_anchor(text: str) -> Link:
    """`SEQ:HASH`. Raises ValueError for anything else."""
    seq, _, digest = text.partition(":")
    if len(digest) != 64:
        raise ValueError("an anchor is SEQ:HASH with 64 hex digits")
    return Link(int(seq), digest)


def summary(path: Path, report: Report) -> Sequence[str]:
    """The report in lines for people; the first one says it all."""
    if report.fine:
        lines = [f"{path}: fine, {report.records} records, the last is {report.last.seq}, {report.last.hash}"]
    else:
        lines = [f"{path}: NOT fine, {len(report.faults)} faults in {report.records} records"]
    lines += [f"  {f.file}:{f.line}: {f.what} (last good record: {f.seq})" for f in report.faults]
    if report.torn:
        lines.append(
            f"  the last {report.torn} bytes are no complete record: a power cut, or a writer that is at work now;"
            " the next start of the service puts them aside"
        )
    if report.unvouched:
        lines.append(
            f"  the last {report.unvouched} records have no anchor: a service that was killed leaves some, and its next"
            " start says so in the chain; anybody could have added them"
        )
    lines += [f"  note: {note}" for note in report.notes]
    return lines
