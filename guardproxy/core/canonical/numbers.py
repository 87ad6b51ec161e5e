"""Lists of character codes: decimal, hex, octal, binary, `U+`, `0x`, `chr(…)`, and letters by number (A1Z26)."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from guardproxy.core.canonical.fixed import fixed
from guardproxy.core.canonical.groups import Near
from guardproxy.core.canonical.offsets import Edit
from guardproxy.core.canonical.plausible import quality, text_of_numbers

_ALNUM = frozenset(string.ascii_letters + string.digits + "+\\")
_SPLIT = {cp: " " for cp in range(128) if chr(cp) not in _ALNUM}
_HEX = frozenset(string.hexdigits)
_WORDS = frozenset(
    [
        "chr",
        "char",
        "chrw",
        "unichr",
        "string",
        "fromcharcode",
        "fromcodepoint",
        "byte",
        "ascii",
        "cp",
        "ord",
        "dec",
        "hex",
    ]
)
_FEWEST = 3
_WIDEST_GAP = 8
_PREFIXES = ("U+", "u+", "0x", "0X", "\\x", "0o", "0b", "x", "u", "\\u")


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    digits: str
    prefixed: bool


def code_lists(text: str, near: Near | None = None) -> list[tuple[str, list[Edit]]]:
    """Alternative readings of the number lists in a text. `near`: see `runs.encoded_runs`."""
    if sum(map(text.count, string.digits)) < _FEWEST:
        return []
    by_name: dict[str, list[Edit]] = {}
    for group in _groups(text, near):
        for part in _parts(text, group):
            for name, decoded in _readings(text, part):
                by_name.setdefault(name, []).append(Edit(part[0].start, part[-1].end, decoded))
    return [(f"decoded:{name}", edits) for name, edits in by_name.items()]


def tokens_of(chunk: str) -> list[str]:
    """The words and numbers in a chunk."""
    return _spaced(chunk).split()


def _spaced(text: str) -> str:
    """Marks as spaces; a letter beyond ASCII is a word that no number contains."""
    if text.isascii():
        return text.translate(_SPLIT)
    return "".join(c if c in _ALNUM else "z" if c.isalnum() else " " for c in text)


def is_number(word: str) -> bool:
    """May the word be a number in a list of codes?"""
    return _token(word, 0) is not None


def is_code_word(word: str) -> bool:
    """May the word stand between the numbers, as in `chr(98) + chr(108)`?"""
    bare = word.strip("+").lower()
    return not bare or bare in _WORDS


_DIGITS = r"\+*+(?:[Uu]\+|0[xXob]|\\[xu]|[xu])?[0-9a-fA-F]+[+h]*"
_BETWEEN = rf"\+*+(?:{'|'.join(sorted(_WORDS))})?\+*+"
_ROW = fixed(rf"(?<!\S){_DIGITS}(?: {{1,{_WIDEST_GAP}}}(?=\S)(?:{_DIGITS}|(?i:{_BETWEEN}))(?!\S))+")
"""Numbers and the words between them in a row: every group, and more."""


def _groups(text: str, near: Near | None) -> list[list[_Token]]:
    """Numbers in a row, little between them."""
    spaced = _spaced(text)
    known: dict[str, _Token | None] = {}
    found: list[list[_Token]] = []
    for row in _ROW.finditer(spaced):
        if row[0].count(" ") >= _FEWEST - 1 and (near is None or near(*row.span())):
            found += _groups_in(row[0], row.start(), known)
    return found


def _groups_in(row: str, at: int, known: dict[str, _Token | None]) -> Iterator[list[_Token]]:
    """The groups of a row that begins at `at`; no gap in it is too wide."""
    current: list[_Token] = []
    for word in row.split(" "):
        if word:
            if word not in known:
                known[word] = _token(word, 0)
            token = known[word]
            if token:
                current.append(_Token(at + token.start, at + token.end, token.digits, token.prefixed))
            elif not (current and is_code_word(word)):
                if len(current) >= _FEWEST:
                    yield current
                current = []
        at += len(word) + 1
    if len(current) >= _FEWEST:
        yield current


def _parts(text: str, group: list[_Token]) -> list[list[_Token]]:
    """The group, and its stretches with one gap throughout: a number nearby does not spoil the list."""
    parts = [group]
    run = [group[0]]
    kind = None
    for before, token in pairwise(group):
        gap = text[before.end : token.start]
        if gap != kind and len(run) > 1:
            parts.append(run)
            run = [before]
        kind = gap
        run.append(token)
    parts.append(run)
    return [group, *(p for p in parts[1:] if _FEWEST <= len(p) < len(group))]


def _token(word: str, at: int) -> _Token | None:
    if word.isalpha() and len(word) not in {2, 4} and word[0] not in "xuXU":
        return None
    body = word.lstrip("+")
    for prefix in _PREFIXES:
        if body.startswith(prefix) and len(body) > len(prefix) and set(body[len(prefix) :]) <= _HEX:
            return _Token(at + len(word) - len(body), at + len(word), body[len(prefix) :], prefixed=True)
    body = body.rstrip("+h")
    if body and set(body) <= _HEX and (any(c.isdigit() for c in body) or len(body) in {2, 4}):
        start = at + word.index(body)
        return _Token(start, at + len(word), body, prefixed=False)
    return None


def _readings(text: str, group: list[_Token]) -> list[tuple[str, str]]:
    digits = [t.digits for t in group]
    found: list[tuple[str, str]] = []
    joined = set("".join(digits))
    lengths = {len(d) for d in digits}
    if joined <= {"0", "1"} and min(lengths) >= 5:
        found += _named("binary", [int(d, 2) for d in digits])
        if lengths == {5}:
            found += _letters(text, group, [int(d, 2) for d in digits])
    elif lengths in ({2}, {4}) or any(t.prefixed for t in group):
        found += _named("hex", [int(d, 16) for d in digits if len(d) <= 6])
    if joined <= set(string.digits) and max(lengths) <= 7:
        values = [int(d) for d in digits]
        found += _named("decimal", values)
        if joined <= set("01234567") and max(lengths) <= 4:
            found += _named("octal", [int(d, 8) for d in digits])
        if min(values) > 0 and max(values) <= 26:
            found += _letters(text, group, values)
    return sorted(found, key=lambda f: -quality(f[1]))


def _named(name: str, values: list[int]) -> list[tuple[str, str]]:
    text = text_of_numbers(values)
    return [(name, text)] if text else []


def _letters(text: str, group: list[_Token], values: list[int]) -> list[tuple[str, str]]:
    """1 = a … 26 = z. The commonest gap parts letters, another gap parts words."""
    gaps = [text[a.end : b.start] for a, b in pairwise(group)]
    usual = max(sorted(set(gaps)), key=gaps.count)
    out = [chr(96 + values[0])]
    for gap, value in zip(gaps, values[1:], strict=True):
        out.append(chr(96 + value) if gap == usual else f" {chr(96 + value)}")
    return [("a1z26", "".join(out))] if max(values) <= 26 else []
