"""Encoded text cut into groups of one length: by spaces, line ends, quotes and other marks."""

from __future__ import annotations

import binascii
import string
from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST = 6
"""Characters of a run that is worth a look."""
CORE = frozenset(string.ascii_letters + string.digits + "+/=-_")
B32 = frozenset(string.ascii_uppercase + "234567")
_EDGE = "\"'“”‘’«»„()[]{}<>,.;:!?…*_`~|"
_INNER = "-'’‐‑"
_SPLIT = {cp: " " for cp in range(128) if chr(cp) not in CORE}
_MARKS = "-_.,|:;/"
_GROUPS = 2
_LONGEST_WORD = 20  # longer, lower-case base32 is likelier
_BRACKETS = frozenset("()[]{}")
_LONGEST_GROUP = 100
WIDEST_GAP = 16
_LONGEST_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class CutRun:
    """A stretch, and what it reads without its gaps."""

    start: int
    end: int
    joined: str


def is_ordinary(chunk: str) -> bool:
    """True for a chunk (no white space inside) that is a word of prose: letters in one usual case, usual marks."""
    core = chunk.strip(_EDGE)
    if core.isalpha():
        return (
            (core[1:].islower() and len(core) < _LONGEST_WORD)
            or (core.isupper() and len(core) < 8)
            or not core.isascii()
        )
    for mark in _INNER:
        core = core.replace(mark, "")
    return core.isalpha() and (core[1:].islower() or not core.isascii())


def opens_group(piece: str) -> bool:
    """May the piece be the first group? A word of prose only if its letters are base64 of printable ASCII."""
    if not 0 < len(piece) <= _LONGEST_GROUP:
        return False
    if not is_ordinary(piece) or (len(piece) > 1 and B32.issuperset(piece)):
        return True
    if len(piece) % 4 or piece[0] > "f":
        return False
    return all(" " <= chr(b) <= "~" for b in binascii.a2b_base64(piece.replace("-", "+").replace("_", "/")))


def spread(text: str) -> str:
    """The text with a space for everything that no base64-like alphabet has."""
    if text.isascii():
        return text.translate(_SPLIT)
    return "".join(c if c in CORE else " " for c in text)


def pieces(text: str) -> list[CutRun]:
    """Stretches of the signs of base64 and its kin; a mark alone is none."""
    found = []
    at = 0
    bare = spread(text)
    for piece in bare.split():
        at = bare.index(piece, at)
        if piece[0].isalnum() or any(c.isalnum() for c in piece[:4]):
            found.append(CutRun(at, at + len(piece), piece))
        at += len(piece)
    return found


def cut_runs(text: str) -> Iterator[CutRun]:
    """Runs cut into groups of one length; the last group may be shorter."""
    row = pieces(text)
    first = 0
    while first < len(row) - 1:
        last = first + 1
        if len(row[last].joined) <= len(row[first].joined) and opens_group(row[first].joined):
            last = _group_end(text, row, first)
        if last - first >= _GROUPS:
            group = row[first:last]
            capital = len(group) > _GROUPS and all(map(B32.issuperset, (p.joined for p in group[:-1])))
            if capital or not all(is_ordinary(p.joined) for p in group):
                yield from _ways(group)
        first = max(first + 1, last - 1)


def _group_end(text: str, row: list[CutRun], first: int) -> int:
    """One past the last piece of the group that begins at `first`."""
    size = len(row[first].joined)
    at = first + 1
    while at < len(row) and _is_gap(text[row[at - 1].end : row[at].start]):
        if len(row[at].joined) != size:
            return at + 1 if len(row[at].joined) < size else at
        at += 1
    return at


def _is_gap(between: str) -> bool:
    return (
        len(between) <= WIDEST_GAP
        and _BRACKETS.isdisjoint(between)
        and (between.isascii() or not any(c.isalnum() for c in between))
    )


def _ways(group: list[CutRun]) -> Iterator[CutRun]:
    """The group with and without ordinary words at its ends."""
    for begin in range(min(3, len(group) - 1)):
        if begin and not is_ordinary(group[begin - 1].joined):
            return
        odd = max((i for i, p in enumerate(group) if not is_ordinary(p.joined)), default=0) + 1
        for end in sorted({len(group), len(group) - 1, odd}, reverse=True):
            joined = "".join(p.joined for p in group[begin:end])
            numeric = joined.isdigit() and not set(joined) <= {"0", "1"}  # `numbers` reads lists of them
            if end - begin >= _GROUPS and len(joined) >= SHORTEST and not numeric:
                yield CutRun(group[begin].start, group[end - 1].end, joined)


def marked_runs(chunk: str) -> Iterator[CutRun]:
    """Groups of one length in a chunk, with one of the signs between that also belong to an alphabet."""
    if len(chunk) > _LONGEST_CHUNK:
        return
    for mark in _MARKS:
        if chunk.count(mark) < _GROUPS:
            continue
        core = chunk.strip(_EDGE)
        parts = core.split(mark)
        size = len(parts[0])
        if size > 1 and all(len(p) == size for p in parts[1:-1]) and len(parts[-1]) <= size:
            joined = "".join(parts)
            if len(joined) >= SHORTEST and set(joined) <= CORE and not joined.isdigit():
                start = chunk.index(core)
                yield CutRun(start, start + len(core), joined)
