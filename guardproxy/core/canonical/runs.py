"""Finds the stretches of a text that look encoded, singly and in groups, and decodes them in place."""

from __future__ import annotations

from collections.abc import Iterator

from guardproxy.core.canonical.cipher import ROT47
from guardproxy.core.canonical.codecs import Budget, decodings
from guardproxy.core.canonical.fixed import CHUNK, fixed, literal
from guardproxy.core.canonical.groups import SHORTEST, Near, cut_runs, is_ordinary, marked_runs, odd_chunks, spread
from guardproxy.core.canonical.offsets import Edit
from guardproxy.core.canonical.sift import turn_away

_SHORT47 = 2
ALNUM47 = frozenset("23456789ABCDEFGHIJK")
"""Letters and digits that ROT47 turns into small letters."""
_MOST_RIVALS = 3
_LONGEST_PATH = 300
_EDGES = frozenset("\"'`.,;:!?()")
_TURNS = "".join(literal(chr(c)) for c, new in ROT47.items() if chr(new).isalnum() or chr(new) == "-")
_LETTERS47 = fixed(rf"[{_TURNS}]*")
_Part = tuple[int, int, str]  # start and end in the chunk, and what is to be decoded


def chunks(text: str) -> list[tuple[int, str]]:
    """`(start, chunk)` of what white space parts."""
    return [(m.start(), m[0]) for m in CHUNK.finditer(text)]


def encoded_runs(text: str, budget: Budget, near: Near | None = None) -> list[tuple[str, Edit]]:
    """Every reading of every encoded stretch: `(name, replacement)`; stretches may overlap.

    `near`: passes over stretches that were read at the level above; None for none.
    """
    odd = odd_chunks(text)
    if not odd:
        return []
    groups = [run for run in cut_runs(text, near) if near is None or near(run.start, run.end)]
    singles: list[tuple[int, list[_Part]]] = []  # a word comes again and again
    for start, chunk in odd:
        if len(chunk) >= SHORTEST and (near is None or near(start, start + len(chunk))):
            parts = budget.parts.get(chunk)
            if parts is None:
                parts = budget.parts[chunk] = list(_parts_of(chunk))
            singles.append((start, parts))
    turn_away(list({*[g.joined for g in groups], *[run for _, parts in singles for _, _, run in parts]}), budget)
    found: list[tuple[str, Edit]] = []
    for group in groups:
        found += _read_as(group.start, group.end, group.joined, budget)
    _rot47(text, odd, budget, found)
    known = budget.known
    for start, parts in singles:
        for first, last, run in parts:
            if known.get(run, True):
                found += _read_as(start + first, start + last, run, budget)
    return found


def _parts_of(chunk: str) -> Iterator[_Part]:
    """The runs in one chunk: its base64-like parts, and the whole of it for the alphabets that use punctuation."""
    at = 0
    parts = spread(chunk).split()
    for part in parts:
        at = chunk.index(part, at)
        if len(part) >= SHORTEST and not is_ordinary(part):
            yield from _pieces_of(at, part)
        at += len(part)
    for run in marked_runs(chunk):
        yield run.start, run.end, run.joined
    if chunk.isascii() and not (len(parts) == 1 and parts[0] == chunk):
        for core in _cores(chunk):
            if len(core) >= SHORTEST:
                first = chunk.index(core)
                yield first, first + len(core), core


def _pieces_of(start: int, part: str) -> Iterator[_Part]:
    """Signs that belong to an alphabet may also be separators: `key=…`, `path/…`, `name_…`."""
    end = start + len(part)
    yield start, end, part
    if part[:2] in {"0x", "0X"}:
        yield start, end, part.replace("0x", "") if part.count("0x") > 1 else part[2:]
    if len(part) > _LONGEST_PATH or part.isalnum():
        return
    for sign in "=/-_+":
        if sign not in part.strip("="):
            continue
        at = start
        for piece in part.split(sign):
            if len(piece) >= SHORTEST and not is_ordinary(piece):
                yield at, at + len(piece), piece
            at += len(piece) + 1


def _cores(chunk: str) -> list[str]:
    """The chunk, and the chunk without the quotes and stops of the sentence around it."""
    if len(chunk) > _LONGEST_PATH:
        return [chunk, chunk.strip("\"'`.,;:!?()")]
    if chunk[0] not in _EDGES and chunk[-1] not in _EDGES and '"' not in chunk:
        return [chunk, chunk[1:-1], chunk[:-1]] if chunk[1:-1] != chunk[:-1] else [chunk, chunk[:-1]]
    first, last = chunk.find('"'), chunk.rfind('"')
    quoted = chunk[first + 1 : last] if 0 <= first < last else chunk
    bare = chunk.rstrip(".,;:!?\"'`)").lstrip("\"'`(")
    return list(
        dict.fromkeys(
            (chunk, quoted, chunk[1:-1], chunk.strip("\"'`"), bare, chunk.rstrip(".,;:!?").strip("\"'`"), chunk[:-1])
        )
    )


def _rot47(text: str, odd: list[tuple[int, str]], budget: Budget, found: list[tuple[str, Edit]]) -> None:
    """Chunks full of signs that ROT47 turns into words; beside one, a chunk that has letters and digits alone."""
    sure: set[int] = set()
    known = budget.turned
    for start, chunk in odd:
        if known.get(chunk, True) and chunk.isascii() and _turned(start, chunk, budget, found):
            sure.add(start)
    if not sure:
        return
    pieces = chunks(text)
    numbers = {number for number, (start, _) in enumerate(pieces) if start in sure}
    for first in sorted(numbers):
        for side in (-1, 1):
            number = first + side
            while 0 <= number < len(pieces) and number not in numbers and _may_turn(pieces[number][1]):
                numbers.add(number)
                at, chunk = pieces[number]
                found += _shifted(at, _turnings(chunk, plainly=True))
                number += side


def _may_turn(chunk: str) -> bool:
    return ALNUM47.issuperset(chunk.strip("\"'`.,;:!?()"))


def _turned(start: int, chunk: str, budget: Budget, found: list[tuple[str, Edit]]) -> bool:
    made = budget.turned.get(chunk)
    if made is None:
        made = budget.turned[chunk] = _turnings(chunk, plainly=False)
    found += _shifted(start, made)
    return bool(made)


def _shifted(start: int, made: list[_Part]) -> list[tuple[str, Edit]]:
    return [("decoded:rot47", Edit(start + first, start + last, new)) for first, last, new in made]


def _turnings(chunk: str, *, plainly: bool) -> list[_Part]:
    if '"' not in chunk and not _LETTERS47.fullmatch(chunk, 1, len(chunk) - 1):
        core = chunk.strip("\"'`.,;:!?()")  # every part below holds this one or the chunk without its ends
        if not _LETTERS47.fullmatch(core):
            return []
    made: list[_Part] = []
    for core in _cores(chunk):
        turned = core.translate(ROT47)
        if len(core) >= _SHORT47 and turned.replace("-", "").isalnum() and (plainly or not core.isalnum()):
            at = chunk.index(core)
            made.append((at, at + len(core), turned))
    return made


def _read_as(start: int, end: int, run: str, budget: Budget) -> list[tuple[str, Edit]]:
    return [(f"decoded:{n}", Edit(start, end, t)) for n, t in decodings(run, budget)[:_MOST_RIVALS]]
