"""Encoded text cut into groups of one length: by spaces, line ends, quotes and other marks."""

from __future__ import annotations

import binascii
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from guardproxy.core.canonical.fixed import Match, fixed

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
_LOOK_BACK = 32
_DENSE = 60  # characters for each odd piece; above, looking around each is dearer than reading all


Near = Callable[[int, int], bool]
"""May a stretch `start`, `end` of the text hold something new?"""
_Step = tuple[int, str]  # where a piece begins, and the piece


@dataclass(frozen=True, slots=True)
class CutRun:
    """A stretch, and what it reads without its gaps."""

    start: int
    end: int
    joined: str


_EDGES = r"[\"'()\[\]{}<>,.;:!?*_`~|]*+"
_CAPITALS = "[A-Z]{1,7}"


def _ordinary(letters: str) -> str:
    """`is_ordinary` for chunks of ASCII, as a pattern; `letters`: how many a word with marks inside may have."""
    inside = rf"(?!')(?=[A-Za-z]*+(?:-|'[-']*[-A-Za-z]))[-']*+[A-Za-z](?:[-']*+[a-z]){letters}[-']*+"
    return rf"{_EDGES}(?:[A-Za-z][a-z]{{1,{_LONGEST_WORD - 2}}}|{_CAPITALS}|{inside}){_EDGES}"


_ORDINARY, _SHORT = _ordinary("++"), _ordinary("{1,60}+")
_IS_ORDINARY = fixed(_ORDINARY)
_ODD_CHUNK = fixed(rf"(?<!\S)(?!{_ORDINARY}(?!\S))\S+")
_SIGN = "[A-Za-z0-9+/=_-]"
_IS_PIECE = rf"(?<!{_SIGN})(?=[+/=_-]{{0,3}}[A-Za-z0-9])"
_PIECE = fixed(rf"{_IS_PIECE}{_SIGN}+")
_WORD_BEHIND = fixed("[.,;:!?]? ([A-Za-z]+)")
_ODD_PIECE = fixed(rf"{_IS_PIECE}(?:(?=[A-Z2-7]+(?!{_SIGN}))|(?!{_SHORT}(?!{_SIGN}))){_SIGN}+")
"""A piece that may belong to a group: none of prose, or of the signs of base32 alone. Words of more than 60 letters with
marks inside count as odd: each piece of such a word would be asked about all the rest of it.
"""


def is_ordinary(chunk: str) -> bool:
    """True for a chunk (no white space inside) that is a word of prose: letters in one usual case, usual marks."""
    if chunk.isascii():
        return _IS_ORDINARY.fullmatch(chunk) is not None
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


def odd_chunks(text: str) -> list[tuple[int, str]]:
    """`(start, chunk)` of every chunk that is no word of prose."""
    found = [(m.start(), m[0]) for m in _ODD_CHUNK.finditer(text)]
    return found if text.isascii() else [(at, c) for at, c in found if c.isascii() or not is_ordinary(c)]


def opens_group(piece: str, *, ordinary: bool | None = None) -> bool:
    """May the piece be the first group? A word of prose only if its letters are base64 of printable ASCII."""
    if not 0 < len(piece) <= _LONGEST_GROUP:
        return False
    if not (is_ordinary(piece) if ordinary is None else ordinary) or (len(piece) > 1 and B32.issuperset(piece)):
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
    return [CutRun(m.start(), m.end(), m[0]) for m in _PIECE.finditer(text)]


def cut_runs(text: str, near: Near | None = None) -> Iterator[CutRun]:
    """Runs cut into groups of one length; the last group may be shorter. `near`: see `runs.encoded_runs`."""
    odd = list(_ODD_PIECE.finditer(text))
    if len(odd) > len(text) // _DENSE:
        for row in _stairs(text):
            if near is None or near(row[0][0], row[-1][0] + len(row[-1][1])):
                yield from _groups_in(row)
        return
    end = 0
    for piece in odd:
        if piece.start() >= end and not _stands_alone(text, *piece.span()):
            row = _stair(text, piece)
            end = row[-1][0] + len(row[-1][1])
            if len(row) >= _GROUPS and (near is None or near(row[0][0], end)):
                yield from _groups_in(row)


def _stands_alone(text: str, at: int, end: int) -> bool:
    """Is a piece, as `a` and `10` in prose, in no group: behind a word that opens none, before a longer word?

    A group that a piece further ahead opens is found from there.
    """
    before = text[text.rfind(" ", 0, max(0, at - 1)) + 1 : at - 1]
    behind = _WORD_BEHIND.match(text, end)
    return (
        behind is not None
        and behind.end() - behind.start(1) > end - at
        and text[at - 1] == " "
        and before.isascii()
        and before.isalpha()
        and before[1:].islower()
        and len(before) % 4 != 0
    )


def _stairs(text: str) -> Iterator[list[_Step]]:
    """All stairs (`_stair`) of two pieces and more, in order."""
    row: list[_Step] = []
    width = end = 0
    for match in _PIECE.finditer(text):
        start, piece = match.start(), match[0]
        size = len(piece)
        if size > width or not _is_gap(text[end:start]):
            if len(row) >= _GROUPS:
                yield row
            row = []
        width, end = size, start + size
        row.append((start, piece))
    if len(row) >= _GROUPS:
        yield row


def _stair(text: str, odd: Match) -> list[_Step]:
    """The pieces around one, none longer than the piece before, as far as no gap is too wide.

    A group never reaches over the ends of a stair, and one begins anew at each: stairs are read apart.
    """
    row = [(odd.start(), odd[0])]
    end = odd.end()
    for match in _PIECE.finditer(text, end):
        if len(match[0]) > len(row[-1][1]) or not _is_gap(text[end : match.start()]):
            break
        row.append((match.start(), match[0]))
        end = match.end()
    before: list[_Step] = []
    first, width = row[0], _LOOK_BACK
    while not before:
        since = max(0, odd.start() - width)
        for match in reversed(list(_PIECE.finditer(text, since, odd.start()))):
            if len(match[0]) < len(first[1]) or not _is_gap(text[match.end() : first[0]]):
                return [*reversed(before), *row]
            first = match.start(), match[0]
            before.append(first)
        if not since:
            break
        before, first, width = [], row[0], 4 * width
    return [*reversed(before), *row]


def _groups_in(row: list[_Step]) -> Iterator[CutRun]:
    ordinary = [_IS_ORDINARY.fullmatch(piece) is not None for _, piece in row]
    first = 0
    while first < len(row) - 1:
        last = first + 1
        if opens_group(row[first][1], ordinary=ordinary[first]):
            last = _group_end(row, first)
        if last - first >= _GROUPS:
            capital = last - first > _GROUPS and all(B32.issuperset(piece) for _, piece in row[first : last - 1])
            if capital or not all(ordinary[first:last]):
                yield from _ways(row[first:last], ordinary[first:last])
        first = max(first + 1, last - 1)


def _group_end(row: list[_Step], first: int) -> int:
    """One past the last piece of the group that begins at `first`."""
    size = len(row[first][1])
    for at in range(first + 1, len(row)):
        if len(row[at][1]) != size:
            return at + 1
    return len(row)


def _is_gap(between: str) -> bool:
    return (
        len(between) <= WIDEST_GAP
        and _BRACKETS.isdisjoint(between)
        and (between.isascii() or not any(c.isalnum() for c in between))
    )


def _ways(group: list[_Step], ordinary: Sequence[bool]) -> Iterator[CutRun]:
    """The group with and without ordinary words at its ends."""
    size = len(group)
    odd = max((i for i in range(size) if not ordinary[i]), default=0) + 1
    for begin in range(min(3, size - 1)):
        if begin and not ordinary[begin - 1]:
            return
        for end in (size, size - 1, odd) if odd < size - 1 else (size, size - 1):
            if end - begin < _GROUPS:
                continue
            joined = "".join([piece for _, piece in group[begin:end]])
            numeric = joined.isdigit() and not set(joined) <= {"0", "1"}  # `numbers` reads lists of them
            if len(joined) >= SHORTEST and not numeric:
                yield CutRun(group[begin][0], group[end - 1][0] + len(group[end - 1][1]), joined)


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
