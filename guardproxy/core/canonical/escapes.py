"""Escapes that stand for one character each, decoded where they stand."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from html.entities import html5

from guardproxy.core.canonical.offsets import Edit

_HEX = frozenset("0123456789abcdefABCDEF")
_LONGEST_ENTITY = 32
LONGEST_NAME = 90
"""Characters of `\\N{…}` at most."""
_LITERAL = {"n": "\n", "t": "\t", "r": "\r", "f": "\n", "v": "\n", "0": ""}


def escapes(text: str) -> list[tuple[str, list[Edit]]]:
    r"""Alternative readings, each with its name; empty when the text holds no escape.

    `\\62 \\6c` (CSS) and `\\142` (octal) share a form, so both readings are given.
    """
    edits: list[Edit] = []
    kinds: list[str] = []
    for lead, name, read in (
        ("%", "percent", _percent),
        ("=", "quoted-printable", _printable),
        ("&", "entity", _entity),
        ("U+", "point", _point),
        ("u+", "point", _point),
        ("<0x", "byte", _angled),
    ):
        if lead in text:
            found = _walk(text, lead, read)
            edits += found
            kinds += [name] * bool(found)
    rival = _loose_entities(text, edits) if "&#" in text else []
    if "\\" not in text and rival:
        return [("+".join(kinds), _clean(edits)), ("+".join(kinds), _clean(rival))]
    if "\\" not in text:
        return [("+".join(kinds), _clean(edits))] if edits else []
    out: list[tuple[str, list[Edit]]] = []
    for name, read in (("escape", _backslash_css), ("octal", _backslash_octal)):
        found = _walk(text, "\\", read)
        if found and (not out or found != out[0][1]):
            out.append((name, found))
    if not out:
        return [("+".join(kinds), _clean(edits))] if edits else []
    return [("+".join([*kinds, name]), _clean(edits + found)) for name, found in out]


def _clean(edits: list[Edit]) -> list[Edit]:
    out: list[Edit] = []
    for edit in sorted(edits, key=lambda e: e.start):
        if not out or edit.start >= out[-1].end:
            out.append(edit)
    return out


class _Byte(int):
    """A value that is one byte of a UTF-8 sequence, not a code point."""


_Reader = Callable[[str, int], "tuple[int, int | str] | None"]


def _walk(text: str, lead: str, read: _Reader) -> list[Edit]:
    edits: list[Edit] = []
    pending: list[tuple[int, int, int]] = []  # bytes of one sequence: start, end, value
    at = text.find(lead)
    while at >= 0:
        got = read(text, at)
        if got is None:
            at = text.find(lead, at + 1)
            continue
        end, value = got
        at -= lead == "\\" and text[at - 1 : at] == "\\"  # doubled, as in a string inside a string
        if isinstance(value, _Byte):
            if pending and pending[-1][1] != at:
                edits += _bytes(pending)
                pending = []
            pending.append((at, end, int(value)))
        else:
            new = value if isinstance(value, str) else chr(value)
            edits.append(Edit(at, end, new))
        at = text.find(lead, end)
    edits += _bytes(pending)
    return sorted(edits, key=lambda e: e.start)


def _bytes(pending: list[tuple[int, int, int]]) -> list[Edit]:
    """Bytes side by side: UTF-8 sequences where they are valid, Latin-1 elsewhere."""
    edits = []
    at = 0
    while at < len(pending):
        value = pending[at][2]
        length = 1 if value < 0xC0 else 2 if value < 0xE0 else 3 if value < 0xF0 else 4
        group = pending[at : at + length]
        try:
            new = bytes(v for _, _, v in group).decode("utf-8")
        except UnicodeDecodeError:
            group = pending[at : at + 1]
            new = chr(value)
        if new >= " " or new in "\t\n\r" or new == "\b":
            edits.append(Edit(group[0][0], group[-1][1], new))
        at += len(group)
    return edits


def _hex(text: str, at: int, most: int) -> int:
    """End of the hex digits at `at`, at most `most` of them."""
    end = at
    while end < len(text) and end - at < most and text[end] in _HEX:
        end += 1
    return end


def _percent(text: str, at: int) -> tuple[int, int | str] | None:
    if text[at + 1 : at + 2] in {"u", "U"} and _hex(text, at + 2, 4) == at + 6:
        return at + 6, _char(int(text[at + 2 : at + 6], 16))
    if _hex(text, at + 1, 2) == at + 3:
        return at + 3, _Byte(int(text[at + 1 : at + 3], 16))
    return None


def _printable(text: str, at: int) -> tuple[int, int | str] | None:
    if _hex(text, at + 1, 2) == at + 3:
        return at + 3, _Byte(int(text[at + 1 : at + 3], 16))
    for soft in ("=\r\n", "=\n"):
        if text.startswith(soft, at):
            return at + len(soft), ""
    return None


def _entity(text: str, at: int) -> tuple[int, int | str] | None:
    if text.startswith("&#", at):
        radix = 16 if text[at + 2 : at + 3] in {"x", "X"} else 10
        first = at + 3 if radix == 16 else at + 2
        end = first
        while end < len(text) and end - first < 8 and (text[end] in _HEX if radix == 16 else "0" <= text[end] <= "9"):
            end += 1
        if end == first:
            return None
        stop = end + (text[end : end + 1] == ";")
        return stop, _char(int(text[first:end], radix))
    end = text.find(";", at, at + _LONGEST_ENTITY)
    name = text[at + 1 : end + 1] if end > 0 else ""
    return (end + 1, html5[name]) if name in html5 else None


def _loose_entities(text: str, edits: list[Edit]) -> list[Edit]:
    """The edits with entities that lack their semicolon cut short, where digits of the text follow: `&#985` is `b5`."""
    out: list[Edit] = []
    for edit in edits:
        body = text[edit.start : edit.end]
        if not body.startswith("&#") or body.endswith(";"):
            out.append(edit)
            continue
        base, first = (16, 3) if body[2] in "xX" else (10, 2)
        size = 2 if base == 16 or body[2] != "1" else 3
        if len(body) == first + size:
            out.append(edit)
            continue
        value = int(body[first : first + size], base)
        out.append(Edit(edit.start, edit.start + first + size, _char(value)) if 32 <= value < 127 else edit)
    return out if out != edits else []


def _char(value: int) -> str:
    return chr(value) if 0 < value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else ""


def _backslash_css(text: str, at: int) -> tuple[int, int | str] | None:
    got = _backslash(text, at)
    if got is not None:
        return got
    end = _hex(text, at + 1, 6)
    if end < at + 3:
        return None
    stop = end + (text[end : end + 1] == " " and end < at + 7)
    return stop, _char(int(text[at + 1 : end], 16))


def _backslash_octal(text: str, at: int) -> tuple[int, int | str] | None:
    got = _backslash(text, at)
    if got is not None:
        return got
    digits = text[at + 1 : at + 5]
    if digits[:1] == "0" and len(digits) == 4 and all("0" <= c <= "7" for c in digits) and "040" <= digits[1:] < "400":
        return at + 5, _Byte(int(digits, 8))
    digits = digits[:3]
    if len(digits) == 3 and all("0" <= c <= "7" for c in digits) and digits[0] < "4":
        return at + 4, _Byte(int(digits, 8))
    following = text[at + 1 : at + 2]
    if following in _LITERAL and not text[at + 2 : at + 3].isalnum():
        return at + 2, _LITERAL[following]
    return None


def _backslash(text: str, at: int) -> tuple[int, int | str] | None:
    kind = text[at + 1 : at + 2]
    if kind == "x" and _hex(text, at + 2, 2) == at + 4:
        return at + 4, _Byte(int(text[at + 2 : at + 4], 16))
    if kind in {"u", "x"} and text[at + 2 : at + 3] == "{":
        end = _hex(text, at + 3, 6)
        return (end + 1, _char(int(text[at + 3 : end], 16))) if end > at + 3 and text[end : end + 1] == "}" else None
    if kind in {"N", "o"} and text[at + 2 : at + 3] == "{":
        return _named(text, at) if kind == "N" else _octal_braces(text, at)
    if kind == "u" and _hex(text, at + 2, 4) == at + 6:
        return _utf16(text, at)
    if kind == "U" and _hex(text, at + 2, 8) == at + 10:
        return at + 10, _char(int(text[at + 2 : at + 10], 16))
    return None


def _named(text: str, at: int) -> tuple[int, int | str] | None:
    r"""`\\N{LATIN SMALL LETTER B}`."""
    end = text.find("}", at, at + LONGEST_NAME)
    try:
        return (end + 1, unicodedata.lookup(text[at + 3 : end])) if end > 0 else None
    except KeyError:
        return None


def _octal_braces(text: str, at: int) -> tuple[int, int | str] | None:
    end = text.find("}", at, at + 12)
    digits = text[at + 3 : end] if end > 0 else ""
    return (end + 1, _char(int(digits, 8))) if digits and set(digits) <= set("01234567") else None


def _point(text: str, at: int) -> tuple[int, int | str] | None:
    """`U+0062`; side by side, or each with one space behind it."""
    end = _hex(text, at + 2, 6)
    if end < at + 4:
        return None
    stop = end + (text[end : end + 1] == " " and text[end + 1 : end + 3] in {"U+", "u+"})
    return stop, _char(int(text[at + 2 : end], 16))


def _angled(text: str, at: int) -> tuple[int, int | str] | None:
    """`<0x62>`, as tokenizers print bytes."""
    if _hex(text, at + 3, 2) == at + 5 and text[at + 5 : at + 6] == ">":
        return at + 6, _Byte(int(text[at + 3 : at + 5], 16))
    return None


def _utf16(text: str, at: int) -> tuple[int, int | str]:
    high = int(text[at + 2 : at + 6], 16)
    if 0xD800 <= high < 0xDC00 and text.startswith("\\u", at + 6) and _hex(text, at + 8, 4) == at + 12:
        low = int(text[at + 8 : at + 12], 16)
        if 0xDC00 <= low < 0xE000:
            return at + 12, chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    return at + 6, _char(high)
