"""Which of many runs can be text under base64 or a base of 85 at all: the first eight bytes of each, all at once.

Noise holds a run in every word, and next to none says anything. Here the first digits of all runs lie side by side in
long integers and byte strings, so that the arithmetic costs next to the same for one run and for ten thousand. What is
turned away could not have decoded (`plausible.text_of`): its first bytes are no beginning of UTF-8 without controls,
too many of them are no sign for UTF-8 with broken edges, none is zero, they do not repeat as in UTF-16, and they are no
header of a compressed stream.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import combinations
from operator import or_

from guardproxy.core.canonical.cipher import ROTATIONS
from guardproxy.core.canonical.codecs import (
    VALUES_85,
    VALUES_A85,
    VALUES_Z85,
    Budget,
    Way,
    has_64,
)

_FEW = 64  # fewer runs are decoded one by one
_SHORTEST, _LONGEST = 4, 48  # above, UTF-16 of more blocks than two would have to be known
_HEAD = 8  # bytes that are looked at
_FIVES, _FOURS = 10, 12  # digits that hold them
_ENOUGH = 8  # `plausible` takes broken edges from here on
_MISSING = "\x80"  # stands where a run has ended
_PAD = "\x54"  # the last digit to the base of 85
_FROM_URLS = str.maketrans("-_", "+/")


def _table(wanted: Iterable[int]) -> bytes:
    chosen = frozenset(wanted)
    return bytes(b in chosen for b in range(256))


_LEAD = _table(range(0xC2, 0xF5))
_NEXT = _table(range(0x80, 0xC0))
_PLAIN = _table([*range(9, 14), *range(0x1C, 0x80)])
_NO_SIGN = _table([*range(9), *range(14, 28), 0x7F, *range(0x80, 0xC2), *range(0xF5, 256)])
_ZERO = _table([0])
_DIGIT = _table(range(255))
_HEADS = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x78\x5e", b"BZ", b"\xff\xfe", b"\xfe\xff")
_HEAD_FIRST = _table(h[0] for h in _HEADS)
_HEAD_SECOND = _table(h[1] for h in _HEADS)
_ALLOWED = bytes(15 if n < _ENOUGH else min(_HEAD, n // 5) for n in range(256))
"""Bytes of a text of so many that may be no sign; 15: such a text has no broken edges."""
_FEW_ENOUGH = bytes(lane >> 4 != 15 and lane & 15 <= lane >> 4 for lane in range(256))
_TWO_PAIRS = _table(range(2, 7))


def turn_away(runs: Iterable[str], budget: Budget) -> None:
    """Enters the ways in which runs cannot decode in `budget.hopeless`, and runs that cannot at all in `budget.known`."""
    judged = [r for r in runs if _SHORTEST <= len(r) <= _LONGEST and r not in budget.known and r.isascii()]
    if len(judged) < _FEW:
        return
    sizes = [len(r) for r in judged]
    lengths = _Lengths(bytes([n - -(-n // 5) for n in sizes]), bytes([n > 5 for n in sizes]))
    forwards = "".join([r[:_FIVES].ljust(_FIVES, _MISSING) for r in judged])
    backwards = "".join([r[: -_FIVES - 1 : -1].ljust(_FIVES, _MISSING) for r in judged])
    found = (
        _hopeless(_fives(forwards, VALUES_85, lengths), Way.BASE85)
        | _hopeless(_fives(backwards, VALUES_85, lengths), Way.BASE85_REVERSED)
        | _hopeless(_fives(forwards, VALUES_A85, lengths), Way.ASCII85)
        | _hopeless(_fives(forwards, VALUES_Z85, lengths), Way.Z85)
    )
    hopeless = dict(zip(judged, found.to_bytes(len(judged), "little"), strict=True))
    for run in judged:
        if "z" in run or "~" in run:  # what ascii85 reads in its own way: four zero bytes, the marks around a text
            hopeless[run] &= ~Way.ASCII85
    budget.known.update({run: [] for run in judged if hopeless[run] == Way.ALL_85 and not has_64(run)})
    short = [r for r in judged if has_64(r)]
    if short:
        bodies = [r.replace("=", "") if "=" in r else r for r in short]
        lengths = _Lengths(bytes([len(b) // 4 * 3 + max(0, len(b) % 4 - 1) for b in bodies]), b"")
        forwards = "".join([b[:_FOURS].ljust(_FOURS, "A") for b in bodies])
        backwards = "".join([b[: -_FOURS - 1 : -1].ljust(_FOURS, "A") for b in bodies])
        more = (
            _hopeless(_fours(forwards, lengths), Way.BASE64)
            | _hopeless(_fours(backwards, lengths), Way.BASE64_REVERSED)
            | _hopeless(_fours(forwards.translate(ROTATIONS[13]), lengths), Way.ROT13_BASE64)
        ).to_bytes(len(short), "little")
        hopeless.update({run: hopeless[run] | also for run, also in zip(short, more, strict=True)})
    budget.hopeless.update(hopeless)


def _hopeless(hope: tuple[int, int], way: int) -> int:
    """The bit of the way in the byte of each run that has no hope. `hope`: one byte a run, and their number."""
    may, size = hope
    return (_ones(size) ^ may) * way


class _Lengths:
    """How many bytes each run is, and what follows from it for the first of them.

    `second`: 1 for each run that has digits in a second group of five.
    """

    __slots__ = ("allowed", "inside", "long", "second", "size")

    def __init__(self, lengths: bytes, second: bytes) -> None:
        self.size = len(lengths)
        self.second = _number(second)
        self.inside = [_marks(lengths, _table(range(at + 1, 256))) for at in range(_HEAD)]
        self.long = _marks(lengths, _table(range(_ENOUGH, 256)))
        self.allowed = 16 * _number(lengths.translate(_ALLOWED))


def _fives(heads: str, values: dict[int, int], lengths: _Lengths) -> tuple[int, int]:
    """One byte for each run, 1 where it may be text to the base of 85, else 0; and their number."""
    digits = heads.translate(values).replace(_MISSING, _PAD).encode("latin-1")
    size = lengths.size
    valid = _ones(size)
    columns: list[bytes] = []
    for group in (0, 5):
        total = 0
        for place in range(group, group + 5):
            column = digits[place::_FIVES]
            lanes = bytearray(8 * size)
            lanes[::8] = column
            total = total * 85 + int.from_bytes(lanes, "little")
            valid &= _marks(column, _DIGIT)
        words = total.to_bytes(8 * size + 8, "little")
        columns += [words[at : 8 * size : 8] for at in (3, 2, 1, 0)]
        too_wide = _ones(size) ^ _marks(words[4 : 8 * size : 8], _ZERO)
        valid &= _ones(size) ^ (too_wide & lengths.second if group else too_wide)
    return valid & _may_be_text(columns, lengths), size


def _fours(heads: str, lengths: _Lengths) -> tuple[int, int]:
    """The same for base64; all characters are of its alphabet."""
    data = binascii.a2b_base64(heads.translate(_FROM_URLS))
    width = _FOURS // 4 * 3
    return _may_be_text([data[at::width] for at in range(_HEAD)], lengths), lengths.size


def _may_be_text(columns: Sequence[bytes], lengths: _Lengths) -> int:
    """`columns`: the first bytes of all runs, the second bytes …"""
    inside = lengths.inside
    head = _marks(columns[0], _HEAD_FIRST) & _marks(columns[1], _HEAD_SECOND)
    zero = reduce(or_, [_marks(c, _ZERO) & i for c, i in zip(columns, inside, strict=True)])
    odd = sum(_marks(c, _NO_SIGN) & i for c, i in zip(columns, inside, strict=True))
    edges = _marks(_bytes(odd + lengths.allowed, lengths.size), _FEW_ENOUGH)
    wide = (_repeats(columns[::2]) | _repeats(columns[1::2])) & lengths.long
    return _begins_utf8(columns, inside) | head | zero | edges | wide


def _begins_utf8(columns: Sequence[bytes], inside: Sequence[int]) -> int:
    """May the bytes begin UTF-8 text without controls? How many bytes follow a lead byte is left open."""
    every = _ones(len(columns[0]))
    may, led, within = every, 0, 0
    for column, in_text in zip(columns, inside, strict=True):
        lead, follows = _marks(column, _LEAD), _marks(column, _NEXT)
        free = (_marks(column, _PLAIN) | lead) & ~led  # right behind a lead byte, another must follow
        may &= free | (follows & within) | (every ^ in_text)
        within, led = (follows & within) | lead, lead
    return may


def _repeats(columns: Sequence[bytes]) -> int:
    """Have the four bytes two values at most?"""
    numbers = [_number(c) for c in columns]
    size = len(columns[0])
    pairs = sum(_marks(_bytes(a ^ b, size), _ZERO) for a, b in combinations(numbers, 2))
    return _marks(_bytes(pairs, size), _TWO_PAIRS)


def _marks(column: bytes, table: bytes) -> int:
    return _number(column.translate(table))


def _number(column: bytes) -> int:
    return int.from_bytes(column, "little")


def _bytes(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


def _ones(size: int) -> int:
    return _number(b"\x01" * size)
