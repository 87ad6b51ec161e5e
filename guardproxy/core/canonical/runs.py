"""Finds the stretches of a text that look encoded, singly and in groups, and decodes them in place."""

from __future__ import annotations

import binascii
import string

from guardproxy.core.canonical.cipher import ROT47
from guardproxy.core.canonical.codecs import Budget, decodings
from guardproxy.core.canonical.offsets import Edit

_EDGE = "\"'“”‘’«»„()[]{}<>,.;:!?…*_`~|"
_INNER = "-'’‐‑"
_CORE = frozenset(string.ascii_letters + string.digits + "+/=-_")
_SPLIT = {cp: " " for cp in range(128) if chr(cp) not in _CORE}
_SHORTEST = 6
_GROUPS = 2
_SHORT47 = 2
_MOST_RIVALS = 3
_LONGEST_GROUP = 100
_WIDEST_BREAK = 4
_LONGEST_PATH = 300
QUOTES = "\"'`(["
_STOPS = ".,;:!?\"'`)]"


def is_ordinary(chunk: str) -> bool:
    """True for a chunk (no white space inside) that is a word of prose: letters in one usual case, usual marks."""
    core = chunk.strip(_EDGE)
    if core.isalpha():
        return core[1:].islower() or (core.isupper() and len(core) < 8) or not core.isascii()
    for mark in _INNER:
        core = core.replace(mark, "")
    return core.isalpha() and (core[1:].islower() or not core.isascii())


def is_groupable(chunk: str) -> bool:
    """May the chunk be one group of an encoded run?"""
    core = chunk.lstrip(QUOTES)
    return 0 < len(core) <= _LONGEST_GROUP and set(core) <= _CORE


def opens_group(chunk: str) -> bool:
    """May the chunk be the first group? A word of prose only if its letters are base64 of printable ASCII."""
    if not is_groupable(chunk):
        return False
    core = chunk.lstrip(QUOTES)
    if not is_ordinary(core):
        return True
    if len(core) % 4 or core[0] > "f":
        return False
    return all(" " <= chr(b) <= "~" for b in binascii.a2b_base64(core.replace("-", "+").replace("_", "/")))


def chunks(text: str) -> list[tuple[int, int, str]]:
    """`(start, end, chunk)` of what white space parts."""
    found = []
    at = 0
    for chunk in text.split():
        at = text.index(chunk, at)
        found.append((at, at + len(chunk), chunk))
        at += len(chunk)
    return found


def encoded_runs(text: str, budget: Budget) -> list[tuple[str, Edit]]:
    """Every reading of every encoded stretch: `(name, replacement)`; stretches may overlap."""
    if all((c.isalpha() and c.islower()) or is_ordinary(c) for c in set(text.split())):
        return []
    pieces = chunks(text)
    found: list[tuple[str, Edit]] = []
    _grouped(pieces, budget, found)
    for start, _, chunk in pieces:
        if is_ordinary(chunk):
            continue
        if chunk.isascii():
            _rot47(start, chunk, found)
        if len(chunk) >= _SHORTEST:
            _single(start, chunk, budget, found)
    return found


def _single(start: int, chunk: str, budget: Budget, found: list[tuple[str, Edit]]) -> None:
    """One chunk: its base64-like parts, and the whole of it for the alphabets that use punctuation."""
    at = 0
    parts = (chunk.translate(_SPLIT) if chunk.isascii() else _ascii_only(chunk)).split()
    for part in parts:
        at = chunk.index(part, at)
        if len(part) >= _SHORTEST and not is_ordinary(part):
            _part(start + at, part, budget, found)
        at += len(part)
    if chunk.isascii() and not (len(parts) == 1 and parts[0] == chunk):
        for core in _cores(chunk):
            if len(core) >= _SHORTEST:
                _choose(start + chunk.index(core), core, budget, found)


def _part(start: int, part: str, budget: Budget, found: list[tuple[str, Edit]]) -> None:
    """Signs that belong to an alphabet may also be separators: `key=…`, `path/…`, `name_…`."""
    _choose(start, part, budget, found)
    if part[:2] in {"0x", "0X"}:
        found += [(n, Edit(start, e.end, e.new)) for n, e in _chosen(start + 2, part[2:], budget)]
    if len(part) > _LONGEST_PATH:
        return
    for sign in "=/-_+":
        if sign not in part.strip("="):
            continue
        at = start
        for piece in part.split(sign):
            if len(piece) >= _SHORTEST and not is_ordinary(piece):
                _choose(at, piece, budget, found)
            at += len(piece) + 1


def _cores(chunk: str) -> list[str]:
    """The chunk, and the chunk without the quotes and stops of the sentence around it."""
    if len(chunk) > _LONGEST_PATH:
        return [chunk, chunk.strip("\"'`.,;:!?()")]
    bare = chunk.rstrip(".,;:!?\"'`)").lstrip("\"'`(")
    return list(
        dict.fromkeys((chunk, chunk[1:-1], chunk.strip("\"'`"), bare, chunk.rstrip(".,;:!?").strip("\"'`"), chunk[:-1]))
    )


def _rot47(start: int, chunk: str, found: list[tuple[str, Edit]]) -> None:
    """A chunk full of signs that ROT47 turns into a word."""
    for core in _cores(chunk):
        turned = core.translate(ROT47)
        if len(core) >= _SHORT47 and turned.replace("-", "").isalnum() and not core.isalnum():
            at = start + chunk.index(core)
            found.append(("decoded:rot47", Edit(at, at + len(core), turned)))


def _ascii_only(chunk: str) -> str:
    return "".join(c if c in _CORE else " " for c in chunk)


def _choose(start: int, run: str, budget: Budget, found: list[tuple[str, Edit]]) -> None:
    found += _chosen(start, run, budget)


def _chosen(start: int, run: str, budget: Budget) -> list[tuple[str, Edit]]:
    return [(f"decoded:{n}", Edit(start, start + len(run), t)) for n, t in decodings(run, budget)[:_MOST_RIVALS]]


def _grouped(pieces: list[tuple[int, int, str]], budget: Budget, found: list[tuple[str, Edit]]) -> None:
    """Runs cut into groups of one length by spaces or line ends; the last group may be shorter."""
    first = 0
    while first < len(pieces):
        last = _group_end(pieces, first) if opens_group(pieces[first][2]) else first
        if last - first >= _GROUPS and not all(is_ordinary(p[2]) for p in pieces[first:last]):
            _read_group(pieces[first:last], budget, found)
        first = max(first + 1, last - 1)


def _group_end(pieces: list[tuple[int, int, str]], first: int) -> int:
    """One past the last chunk of the group that begins at `first`."""
    size = len(pieces[first][2].lstrip(QUOTES))
    at = first + 1
    while at < len(pieces) and pieces[at][0] - pieces[at - 1][1] <= _WIDEST_BREAK and size <= _LONGEST_GROUP:
        if pieces[at][2][0] in QUOTES:
            return at
        if len(pieces[at][2]) != size:
            bare = pieces[at][2].rstrip(_STOPS)
            return at + 1 if 0 < len(bare) <= size and set(bare) <= _CORE else at
        if not set(pieces[at][2]) <= _CORE:
            return at + 1
        at += 1
    return at


def _read_group(group: list[tuple[int, int, str]], budget: Budget, found: list[tuple[str, Edit]]) -> None:
    """Tries the group with and without ordinary words at its ends."""
    for begin in range(min(3, len(group) - 1)):
        if begin and not is_ordinary(group[begin - 1][2]):
            return
        odd = max(i for i, p in enumerate(group) if not is_ordinary(p[2])) + 1
        for end in sorted({len(group), len(group) - 1, odd}, reverse=True):
            run = "".join(p[2] for p in group[begin:end])
            core = run.lstrip(QUOTES).rstrip(_STOPS)
            numeric = core.isdigit() and not set(core) <= {"0", "1"}  # `numbers` reads lists of them
            if end - begin < _GROUPS or len(core) < _SHORTEST or numeric or not set(core) <= _CORE:
                continue
            start = group[begin][0] + len(run) - len(run.lstrip(QUOTES))
            stop = group[end - 1][1] - (len(run) - len(run.rstrip(_STOPS)))
            found += [(f"decoded:{n}", Edit(start, stop, t)) for n, t in decodings(core, budget)[:_MOST_RIVALS]]
