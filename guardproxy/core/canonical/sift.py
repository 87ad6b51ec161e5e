"""Which of many short runs can be text under a base of 85 at all: the first group of each, all at once.

Noise full of signs holds a run in every word, and next to none says anything. Five digits are one 32-bit word; here the
words of all runs lie side by side in one long integer, so that the arithmetic costs the same for one run and for ten
thousand. What is turned away could not have decoded: the first four bytes are no beginning of UTF-8 without controls,
hold no zero byte, no header of a compressed stream, and no two bytes that repeat as in UTF-16. Only runs of less than
`plausible.ENOUGH` bytes are judged: longer ones may have broken edges.
"""

from __future__ import annotations

from collections.abc import Sequence

from guardproxy.core.canonical.codecs import VALUES_85, VALUES_A85, VALUES_Z85, Budget, fitting_codecs, only_85

_GROUP = 5
_LONGEST = 9  # digits of seven bytes
_FEW = 24  # fewer runs are decoded one by one
_NO_DIGIT = 0xFF
_LEAD = bytes(0xC2 <= b <= 0xF4 for b in range(256))
_NEXT = bytes(0x80 <= b <= 0xBF for b in range(256))
_PLAIN = bytes(9 <= b <= 13 or 0x1C <= b <= 0x7F for b in range(256))
_ZERO = bytes(b == 0 for b in range(256))
_HEADS = frozenset({b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x78\x5e", b"BZ", b"\xff\xfe", b"\xfe\xff"})
_ASCII85 = ("z", "<~", "~>")
"""What ascii85 reads in its own way: four zero bytes, and the marks around a text."""
_HEAD_FIRST = bytes(b in {h[0] for h in _HEADS} for b in range(256))
_HEAD_SECOND = bytes(b in {h[1] for h in _HEADS} for b in range(256))
_VALID = bytes(b != _NO_DIGIT for b in range(256))


def turn_away(runs: Sequence[str], budget: Budget) -> None:
    """Enters the runs that cannot decode as known to say nothing."""
    short = [r for r in runs if _GROUP <= len(r) <= _LONGEST and r not in budget.known]
    judged = [r for r in short if only_85(fitting_codecs(r))] if len(short) >= _FEW else []
    if len(judged) < _FEW:
        return
    forwards = "".join([r[:_GROUP] for r in judged])
    backwards = "".join([r[: -_GROUP - 1 : -1] for r in judged])
    hope = (
        _hopeful(forwards.translate(VALUES_85))
        | _hopeful(backwards.translate(VALUES_85))
        | _hopeful(forwards.translate(VALUES_A85))
        | _hopeful(forwards.translate(VALUES_Z85))
    ).to_bytes(len(judged), "little")
    for run, hopeful in zip(judged, hope, strict=True):
        if not hopeful and not any(mark in run for mark in _ASCII85):
            budget.known[run] = []


def _hopeful(groups: str) -> int:
    """One byte for each group of five digits, 1 where the word may begin a text, else 0."""
    digits = groups.encode("latin-1")
    size = len(digits) // _GROUP
    total, valid = 0, _ones(size)
    for place in range(_GROUP):
        column = digits[place::_GROUP]
        lanes = bytearray(8 * size)
        lanes[::8] = column
        total = total * 85 + int.from_bytes(lanes, "little")
        valid &= _marks(column, _VALID)
    words = total.to_bytes(8 * size + 8, "little")
    one, two, three, four = (words[at : 8 * size : 8] for at in (3, 2, 1, 0))
    return valid & _marks(words[4 : 8 * size : 8], _ZERO) & (_begins_utf8(one, two, three, four) | _wide(one, two, three, four))


def _begins_utf8(one: bytes, two: bytes, three: bytes, four: bytes) -> int:
    """May the four bytes begin UTF-8 text without controls? How many bytes follow a lead byte is left open."""
    may = _marks(one, _PLAIN) | _marks(one, _LEAD)
    inside = _marks(one, _LEAD)  # the byte before was a lead: the next must follow it
    within = inside  # the byte before belongs to a character of several: the next may follow it
    for column in (two, three, four):
        lead, follows = _marks(column, _LEAD), _marks(column, _NEXT)
        free = (_marks(column, _PLAIN) | lead) & ~inside
        may &= free | (follows & within)
        within = (follows & within) | lead
        inside = lead
    return may


def _wide(one: bytes, two: bytes, three: bytes, four: bytes) -> int:
    """May it be UTF-16, UTF-32, or a compressed stream?"""
    zero = _marks(one, _ZERO) | _marks(two, _ZERO) | _marks(three, _ZERO) | _marks(four, _ZERO)
    low = (_number(one) ^ _number(three)).to_bytes(len(one), "little")
    high = (_number(two) ^ _number(four)).to_bytes(len(one), "little")
    head = _marks(one, _HEAD_FIRST) & _marks(two, _HEAD_SECOND)
    return zero | _marks(low, _ZERO) | _marks(high, _ZERO) | head


def _marks(column: bytes, table: bytes) -> int:
    return _number(column.translate(table))


def _number(column: bytes) -> int:
    return int.from_bytes(column, "little")


def _ones(size: int) -> int:
    return _number(b"\x01" * size)
