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

_FEW = 16  # fewer runs are decoded one by one
_SHORTEST, _LONGEST = 4, 48  # above, UTF-16 of more blocks than two would have to be known
_HEAD = 8  # bytes that are looked at
_FIVES, _FOURS = 10, 12  # digits that hold them
_ENOUGH = 8  # `plausible` takes broken edges from here on
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
_TOO_MANY = bytes(lane >> 4 != 15 and lane & 15 <= lane >> 4 for lane in range(256))
_TWO_PAIRS = _table(range(2, 7))


def turn_away(runs: Iterable[str], budget: Budget) -> None:
    """Enters the ways in which runs cannot decode in `budget.hopeless`, and runs that cannot at all in `budget.known`."""
    judged = [r for r in runs if _SHORTEST <= len(r) <= _LONGEST and r not in budget.known and r.isascii()]
    if len(judged) < _FEW:
        return
    backwards = [r[::-1] for r in judged]
    found = (
        _hopeless(_fives(judged, VALUES_85), Way.BASE85)
        | _hopeless(_fives(backwards, VALUES_85), Way.BASE85_REVERSED)
        | _hopeless(_fives(judged, VALUES_A85), Way.ASCII85)
        | _hopeless(_fives(judged, VALUES_Z85), Way.Z85)
    )
    hopeless = dict(zip(judged, found.to_bytes(len(judged), "little"), strict=True))
    for run in judged:
        if "z" in run or "~" in run:  # what ascii85 reads in its own way: four zero bytes, the marks around a text
            hopeless[run] &= ~Way.ASCII85
    budget.known.update({run: [] for run in judged if hopeless[run] == Way.ALL_85 and not has_64(run)})
    short = [r for r in judged if has_64(r)]
    if short:
        bodies = [r.replace("=", "") for r in short]
        more = (
            _hopeless(_fours(bodies), Way.BASE64)
            | _hopeless(_fours([b[::-1] for b in bodies]), Way.BASE64_REVERSED)
            | _hopeless(_fours([b.translate(ROTATIONS[13]) for b in bodies]), Way.ROT13_BASE64)
        ).to_bytes(len(short), "little")
        hopeless.update({run: hopeless[run] | also for run, also in zip(short, more, strict=True)})
    budget.hopeless.update(hopeless)


def _hopeless(hope: int, way: int) -> int:
    """The bit of the way in the byte of each run that has no hope."""
    size = hope.bit_length() // 8
    return (_ones(size) ^ hope ^ 1 << 8 * size) * way


def _fives(runs: Sequence[str], values: dict[int, int]) -> int:
    """One byte for each run, 1 where it may be text to the base of 85, else 0; and one more that is 1."""
    heads = "".join([r[:_FIVES].ljust(_FIVES, "\x80") for r in runs])
    digits = heads.translate(values).replace("\x80", _PAD).encode("latin-1")
    size = len(runs)
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
        overflow = words[4 : 8 * size : 8]
        within = bytes([len(r) > group for r in runs])
        valid &= _ones(size) ^ (_marks(within, _IDENTITY) & (_ones(size) ^ _marks(overflow, _ZERO)))
    lengths = bytes([len(r) - -(-len(r) // 5) for r in runs])
    return valid & _may_be_text(columns, lengths) | 1 << 8 * size


def _fours(bodies: Sequence[str]) -> int:
    """The same for base64 without its padding; all characters are of its alphabet."""
    heads = "".join([b[:_FOURS].ljust(_FOURS, "A") for b in bodies]).translate(_FROM_URLS)
    data = binascii.a2b_base64(heads)
    width = _FOURS // 4 * 3
    columns = [data[at::width] for at in range(_HEAD)]
    lengths = bytes([len(b) // 4 * 3 + max(0, len(b) % 4 - 1) for b in bodies])
    return _may_be_text(columns, lengths) | 1 << 8 * len(bodies)


_IDENTITY = bytes(range(256))


def _may_be_text(columns: Sequence[bytes], lengths: bytes) -> int:
    """`columns`: the first bytes of all runs, the second bytes …; `lengths`: bytes of each run."""
    inside = [_marks(lengths, _table(range(at + 1, 256))) for at in range(_HEAD)]
    long = _marks(lengths, _table(range(_ENOUGH, 256)))
    head = _marks(columns[0], _HEAD_FIRST) & _marks(columns[1], _HEAD_SECOND)
    zero = reduce(or_, [_marks(c, _ZERO) & i for c, i in zip(columns, inside, strict=True)])
    odd = sum(_marks(c, _NO_SIGN) & i for c, i in zip(columns, inside, strict=True))
    edges = _marks(_bytes(odd + 16 * _number(lengths.translate(_ALLOWED)), len(lengths)), _TOO_MANY)
    wide = (_repeats(columns[::2]) | _repeats(columns[1::2])) & long
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
