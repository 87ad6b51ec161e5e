"""What at the end of a text is still open: where a stretch begins that later text may complete or change.

The mirror of the other modules: each construct that reaches over white space there has its line here. All of
it is read backwards from the end, so the answer depends on the text alone, never on how it was cut.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable

from guardproxy.core.canonical.cipher import is_drawn
from guardproxy.core.canonical.fold import VISIBLE, is_spaceless
from guardproxy.core.canonical.groups import WIDEST_GAP, is_ordinary, opens_group, pieces
from guardproxy.core.canonical.numbers import is_code_word, is_number, tokens_of
from guardproxy.core.canonical.runs import ALNUM47
from guardproxy.core.canonical.signs import FILLERS, is_morse, is_spelling
from guardproxy.core.canonical.strip import GLUE, LONGEST_TAG
from guardproxy.core.canonical.tables import HYPHENS

_CLOSING = "\"'“”‘’«»`"
_LEADS = (("<", ">"), ("](", ")"), ("\\N{", "}"))
_TAIL = 200
_HEX = frozenset("0123456789abcdefABCDEF")


def open_from(text: str, unfinished: int) -> int:
    """Start of the earliest stretch at the end of the text that is not settled, at most `unfinished`."""
    start = min(_families(text, unfinished), _open_markup(text))
    while (home := _string_home(text, _markup_home(text, start))) < start:
        start = home
    return start


def _string_home(text: str, start: int) -> int:
    """Start of the string that the one at `start` may be joined to."""
    return _glued(_Back(text, start), start) if start and is_gap(text[start - 1]) else start


def _markup_home(text: str, start: int) -> int:
    """Start of the word in which the tag or link target begins that reaches over `start`."""
    for lead, close in _LEADS:
        at = text.rfind(lead, max(0, start - LONGEST_TAG), start)
        if at >= 0 and text.find(close, at, start) < 0:
            while at and not is_gap(text[at - 1]):
                at -= 1
            return at
    return start


def unfinished_word(text: str) -> int:
    """Start of the word at the end; between two characters of a script without spaces a word may end."""
    at = len(text)
    while at and not is_gap(text[at - 1]):
        if at < len(text) and is_spaceless(text[at - 1]) and is_spaceless(text[at]) and not _is_mark(text[at]):
            return _drawn_from(text, at)
        at -= 1
    return at


def is_gap(c: str) -> bool:
    """White space; the separators U+001C … U+001F, which Python counts as such, are invisible and part no words."""
    return c.isspace() and c not in "\x1c\x1d\x1e\x1f"


def _drawn_from(text: str, at: int) -> int:
    """The place, or the start of the word around it if other scripts draw Latin letters there (`styled`)."""
    start = at
    while start and at - start < _TAIL and not is_gap(text[start - 1]):
        start -= 1
    word = text[start:]
    return start if at - start < _TAIL and is_drawn(word) else at


def _is_mark(c: str) -> bool:
    return unicodedata.category(c)[0] == "M" or c in "\uff9e\uff9f"


class _Back:
    """The chunks before a place, nearest first."""

    def __init__(self, text: str, end: int) -> None:
        self._text = text
        self._end = end
        self._known: list[tuple[int, str]] = []

    def chunk(self, number: int) -> tuple[int, str] | None:
        """`(start, chunk)` of the chunk `number` places back, or None."""
        while len(self._known) <= number:
            end = self._end
            while end and is_gap(self._text[end - 1]):
                end -= 1
            start = end
            while start and not is_gap(self._text[start - 1]):
                start -= 1
            if start == end:
                return None
            chunk = self._text[start:end]
            self._end = start
            if not chunk.isascii():
                chunk = unicodedata.normalize("NFKC", chunk).translate(VISIBLE)
            if chunk:
                self._known.append((start, chunk))
        return self._known[number]


def _families(text: str, start: int) -> int:
    if start and not is_gap(text[start - 1]):
        return start  # between two characters of a script without spaces
    back = _Back(text, start)
    last = back.chunk(0)
    if last is None:
        return start
    if _plain_word(last[1]):
        before = back.chunk(1)
        return _group(back, start) if before and _may_precede(before[1], last[1]) else start
    return min(
        start,
        _group(back, start),
        _turning(back, start),
        _numbers(back, start),
        _while(back, start, is_morse),
        _spelled(back, start),
        _singles(back, start),
        _glued(back, start),
        _joined(back, start),
    )


def _plain_word(chunk: str) -> bool:
    """The usual case, cheaply: a word of prose that belongs to none of the families."""
    return (
        chunk.isascii()
        and len(chunk) > 1
        and (chunk.isalpha() or (chunk[:-1].isalpha() and chunk[-1] in ",.;:!?" and len(chunk) > 2))
        and is_ordinary(chunk)
        and not is_spelling(chunk)
        and not any(opens_group(p.joined) for p in pieces(chunk))
        and not (len(chunk) in {2, 3, 4, 5} and is_number(chunk.strip(",.;:!?")))
        and not is_code_word(chunk)
    )


def _may_precede(chunk: str, last: str) -> bool:
    """May the chunk end in a group that the word behind it ends?"""
    return not chunk[-1].isalnum() or len(chunk) >= len(last.strip(".,;:!?"))


def _while(back: _Back, start: int, belongs: Callable[[str], bool]) -> int:
    number = 0
    while (found := back.chunk(number)) is not None and belongs(found[1]):
        start = found[0]
        number += 1
    return start


def _spelled(back: _Back, start: int) -> int:
    """From the earliest chunk that a spelling may begin with; `and`, `is`, `as in` only stand between."""
    number, earliest = 0, start
    while (found := back.chunk(number)) is not None and is_spelling(found[1]):
        if found[1].strip(".,;:!?").lower() not in FILLERS:
            earliest = found[0]
        number += 1
    return earliest


def _group(back: _Back, start: int) -> int:
    """Pieces of one length, from the earliest that may open a group; marks may stand between."""
    size, number, earliest, gap = -1, 0, start, 0
    while (found := back.chunk(number)) is not None:
        at, chunk = found
        row = pieces(chunk)
        gap = gap + len(chunk) + 1 if not row else 0
        if gap > WIDEST_GAP:
            break
        for piece in reversed(row):
            length = len(piece.joined)
            if size >= 0 and length != size and not (length > size and earliest == start):
                return earliest
            size = length
            if opens_group(piece.joined):
                earliest = at
        number += 1
    return earliest


def _turning(back: _Back, start: int) -> int:
    """Letters and digits that ROT47 turns into words, if a chunk beside them does so for sure."""
    number = 0
    while (found := back.chunk(number)) is not None and ALNUM47.issuperset(found[1].strip("\"'`.,;:!?()")):
        start = found[0]
        number += 1
    return start


def _numbers(back: _Back, start: int) -> int:
    """Chunks of numbers, from a chunk that ends in one."""
    number = 0
    while (found := back.chunk(number)) is not None:
        tokens = tokens_of(found[1])
        if not (is_number(tokens[-1]) or is_code_word(tokens[-1]) if tokens else not any(map(str.isalnum, found[1]))):
            break
        start = found[0]
        if not all(is_number(t) or is_code_word(t) for t in tokens):
            break
        number += 1
    return start


def _singles(back: _Back, start: int) -> int:
    """Chunks of single letters, and the end of a word in a script without spaces before them."""
    number = 0
    while (found := back.chunk(number)) is not None:
        at, chunk = found
        if _all_single(chunk) or _is_row_number(chunk):
            start = at
            number += 1
            continue
        if is_spaceless(chunk[-1]):
            return max(at, at + len(chunk) - _TAIL)
        tail = _trailing_singles(chunk)
        return at if tail else start
    return start


def _is_row_number(chunk: str) -> bool:
    """`12.`, `(12`: the number of a line that may hold one letter."""
    return chunk.strip("|.):`\"'([{}]>*#").isdigit()


def _all_single(chunk: str) -> bool:
    return all(not (a.isalnum() and b.isalnum()) for a, b in itertools.pairwise(chunk)) or _decorated(chunk)


def _decorated(chunk: str) -> bool:
    """One letter with marks or invisible signs."""
    return sum(c.isalnum() and not unicodedata.combining(c) for c in chunk) <= 1


def _trailing_singles(chunk: str) -> bool:
    """`foo.b`: the last letter of the chunk stands alone."""
    core = chunk.rstrip(".,;:!?\"'`)]}|/\\*_-+•·")
    return bool(core) and not core[-2:-1].isalnum()


def _glued(back: _Back, start: int) -> int:
    """A closing quote and what may be the operators behind it."""
    number = 0
    while (found := back.chunk(number)) is not None and number < 3:
        at, chunk = found
        core = chunk.rstrip(GLUE)
        if core:
            return at if core[-1] in _CLOSING else start
        number += 1
    return start


def _joined(back: _Back, start: int) -> int:
    """A hyphen, a soft line break or a CSS escape at the end takes the next chunk in."""
    number = 0
    while (found := back.chunk(number)) is not None:
        at, chunk = found
        escaped = chunk.rfind("\\")
        css = escaped >= 0 and 1 <= len(chunk) - escaped - 1 <= 6 and set(chunk[escaped + 1 :]) <= _HEX
        if not (chunk[-1] in HYPHENS or chunk[-1] == "=" or css):
            return start
        start = at
        number += 1
    return start


def _open_markup(text: str) -> int:
    """Start of the word that holds a tag or a link target not yet closed."""
    since = max(0, len(text) - LONGEST_TAG)
    best = len(text)
    for lead, close in _LEADS:
        at = text.find(lead, since)
        while at >= 0:
            if text.find(close, at) < 0 or (text.startswith("<!--", at) and text.find("-->", at) < 0):
                best = min(best, at)
                break
            at = text.find(lead, at + 1)
    while 0 < best < len(text) and not is_gap(text[best - 1]):
        best -= 1
    return best
