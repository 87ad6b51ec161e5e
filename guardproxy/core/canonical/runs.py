"""Finds the stretches of a text that look encoded, singly and in groups, and decodes them in place."""

from __future__ import annotations

from guardproxy.core.canonical.cipher import ROT47
from guardproxy.core.canonical.codecs import Budget, decodings
from guardproxy.core.canonical.groups import SHORTEST, cut_runs, is_ordinary, marked_runs, spread
from guardproxy.core.canonical.offsets import Edit

_SHORT47 = 2
ALNUM47 = frozenset("23456789ABCDEFGHIJK")
"""Letters and digits that ROT47 turns into small letters."""
_MOST_RIVALS = 3
_LONGEST_PATH = 300


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
    if all(map(is_ordinary, set(text.split()))):
        return []
    pieces = chunks(text)
    found: list[tuple[str, Edit]] = []
    for run in cut_runs(text):
        found += _read_as(run.start, run.end, run.joined, budget)
    _rot47(pieces, found)
    known: dict[str, list[tuple[str, Edit]]] = {}  # a word comes again and again
    for start, _, chunk in pieces:
        if chunk not in known:
            known[chunk] = [] if is_ordinary(chunk) or len(chunk) < SHORTEST else _single(chunk, budget)
        found += [(name, Edit(start + e.start, start + e.end, e.new)) for name, e in known[chunk]]
    return found


def _single(chunk: str, budget: Budget) -> list[tuple[str, Edit]]:
    """One chunk, places from its start: its base64-like parts, and the whole of it for the alphabets that use punctuation."""
    found: list[tuple[str, Edit]] = []
    at = 0
    parts = spread(chunk).split()
    for part in parts:
        at = chunk.index(part, at)
        if len(part) >= SHORTEST and not is_ordinary(part):
            _part(at, part, budget, found)
        at += len(part)
    for run in marked_runs(chunk):
        found += _read_as(run.start, run.end, run.joined, budget)
    if chunk.isascii() and not (len(parts) == 1 and parts[0] == chunk):
        for core in _cores(chunk):
            if len(core) >= SHORTEST:
                _choose(chunk.index(core), core, budget, found)
    return found


def _part(start: int, part: str, budget: Budget, found: list[tuple[str, Edit]]) -> None:
    """Signs that belong to an alphabet may also be separators: `key=…`, `path/…`, `name_…`."""
    _choose(start, part, budget, found)
    if part[:2] in {"0x", "0X"} and part.count("0x") > 1:
        found += _read_as(start, start + len(part), part.replace("0x", ""), budget)
    elif part[:2] in {"0x", "0X"}:
        found += _read_as(start, start + len(part), part[2:], budget)
    if len(part) > _LONGEST_PATH:
        return
    for sign in "=/-_+":
        if sign not in part.strip("="):
            continue
        at = start
        for piece in part.split(sign):
            if len(piece) >= SHORTEST and not is_ordinary(piece):
                _choose(at, piece, budget, found)
            at += len(piece) + 1


def _cores(chunk: str) -> list[str]:
    """The chunk, and the chunk without the quotes and stops of the sentence around it."""
    if len(chunk) > _LONGEST_PATH:
        return [chunk, chunk.strip("\"'`.,;:!?()")]
    first, last = chunk.find('"'), chunk.rfind('"')
    quoted = chunk[first + 1 : last] if 0 <= first < last else chunk
    bare = chunk.rstrip(".,;:!?\"'`)").lstrip("\"'`(")
    return list(
        dict.fromkeys(
            (chunk, quoted, chunk[1:-1], chunk.strip("\"'`"), bare, chunk.rstrip(".,;:!?").strip("\"'`"), chunk[:-1])
        )
    )


def _rot47(pieces: list[tuple[int, int, str]], found: list[tuple[str, Edit]]) -> None:
    """Chunks full of signs that ROT47 turns into words; beside one, a chunk that has letters and digits alone."""
    sure: set[int] = set()
    for number, (start, _, chunk) in enumerate(pieces):
        if not is_ordinary(chunk) and chunk.isascii() and _turned(start, chunk, found, plainly=False):
            sure.add(number)
    for first in sorted(sure):
        for side in (-1, 1):
            number = first + side
            while 0 <= number < len(pieces) and number not in sure and _may_turn(pieces[number][2]):
                sure.add(number)
                _turned(pieces[number][0], pieces[number][2], found, plainly=True)
                number += side


def _may_turn(chunk: str) -> bool:
    return ALNUM47.issuperset(chunk.strip("\"'`.,;:!?()"))


def _turned(start: int, chunk: str, found: list[tuple[str, Edit]], *, plainly: bool) -> bool:
    before = len(found)
    for core in _cores(chunk):
        turned = core.translate(ROT47)
        if len(core) >= _SHORT47 and turned.replace("-", "").isalnum() and (plainly or not core.isalnum()):
            at = start + chunk.index(core)
            found.append(("decoded:rot47", Edit(at, at + len(core), turned)))
    return len(found) > before


def _choose(start: int, run: str, budget: Budget, found: list[tuple[str, Edit]]) -> None:
    found += _read_as(start, start + len(run), run, budget)


def _read_as(start: int, end: int, run: str, budget: Budget) -> list[tuple[str, Edit]]:
    return [(f"decoded:{n}", Edit(start, end, t)) for n, t in decodings(run, budget)[:_MOST_RIVALS]]
