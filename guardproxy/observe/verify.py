"""Checks a decision log: edits, deletions, reordering, swapped files, cut tails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import orjson

from guardproxy.observe.audit_file import START, Line, Link, read_line
from guardproxy.observe.journal import set_aside

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
    """What `verify` found. `torn`: bytes behind the last line feed, left by a power cut or by a writer at work."""

    records: int
    segments: int
    last: Link
    torn: int
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """True when every byte belongs to the chain."""
        return not self.faults and not self.torn


@dataclass(slots=True)
class _Reading:
    """The state between two lines. `unseen`: anchors not met yet; `known`: the hashes of the segment before."""

    unseen: dict[int, str]
    records: int = 0
    last: Link | None = None
    torn: int = 0
    keeps: bool = False
    known: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, path: Path, line: int, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(path.name, line, self.last.seq if self.last else 0, what))


def verify(path: Path, anchors: Mapping[int, str] = MappingProxyType({})) -> Report:
    """Reads a log from its oldest segment set aside to `path`; a numbered segment is read alone.

    `anchors` are `seq → hash` as the structured log names them (event `audit_anchor`): only they show records cut off
    at the very end. Raises OSError when the file cannot be read.
    """
    paths = [*set_aside(path), path]
    state = _Reading(dict(anchors))
    for number, file in enumerate(paths):
        _file(state, file, first=number == 0, living=file == path)
    for seq in sorted(state.unseen):
        state.fault(path, 0, f"record {seq} is not the one its anchor names, or was cut off")
    last = state.last or Link()
    return Report(state.records, len(paths), last, state.torn, tuple(state.faults), tuple(state.notes))


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
    if header.get("kind") != "segment":
        state.fault(path, 1, "the segment's header is missing")
    elif first:
        if line.prev != START:
            state.notes.append(
                f"{path.name} continues record {header['after_seq']}, {line.prev[:12]}…, of an older file"
            )
    elif line.prev not in state.known:
        state.fault(path, 1, "its header names a record that the segment before does not hold")
    elif state.last is not None and header["after_seq"] < state.last.seq:
        gone = state.last.seq - header["after_seq"]
        state.notes.append(f"{gone} unacknowledged records of a lost segment stand outside the chain")
    state.known.clear()
    _accept(state, line)


def _record(state: _Reading, path: Path, number: int, line: Line) -> None:
    if not line.whole:
        state.fault(path, number, "length or CRC does not fit: the record was changed or damaged")
    elif not line.true:
        state.fault(path, number, "the hash does not fit the record: it was changed")
    elif state.last is None or line.prev != state.last.hash:
        state.fault(path, number, "it does not follow the record before it: removed, added or moved records")
    elif line.seq != state.last.seq + 1:
        state.fault(path, number, f"its number is {line.seq}, {state.last.seq + 1} was expected")
    _accept(state, line)


def _accept(state: _Reading, line: Line) -> None:
    """Reading goes on from this line, so that one change is one fault."""
    state.records += 1
    state.last = Link(line.seq, line.hash)
    if state.unseen.get(line.seq) == line.hash:
        del state.unseen[line.seq]
    if state.keeps:
        state.known.add(line.hash)


def parse_anchor(text: str) -> tuple[int, str]:
    """`SEQ:HASH`. Raises ValueError for anything else."""
    seq, _, digest = text.partition(":")
    if len(digest) != 64:
        raise ValueError("an anchor is SEQ:HASH with 64 hex digits")
    return int(seq), digest


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
            " the next start of the service cuts them off"
        )
    lines += [f"  note: {note}" for note in report.notes]
    return lines
