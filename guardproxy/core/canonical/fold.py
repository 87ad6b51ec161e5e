"""Letters as a reader sees them: marks and invisible characters go, look-alikes and styled alphabets become plain."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from guardproxy.core.canonical.offsets import SAME, Mapped, Offsets, PieceMaker, View
from guardproxy.core.canonical.tables import (
    BRAILLE,
    CONFUSABLES,
    DIGIT_LEET,
    INVISIBLE,
    MARKS,
    SENTENCE_ENDS,
    SPACELESS,
    SYMBOL_LEET,
)

_ASCII = 128
_REMEMBERED = 30_000  # code points a table remembers; an attacker must not fill memory with a million


class Table(dict[int, str]):
    """A translation table that works out a code point the first time it is met."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        super().__init__({cp: rule(chr(cp)) for cp in range(_ASCII)})
        self._rule = rule

    def __missing__(self, cp: int) -> str:
        out = self._rule(chr(cp))
        if len(self) < _REMEMBERED:
            self[cp] = out
        return out


def _spread(ranges: tuple[tuple[int, int], ...]) -> frozenset[str]:
    return frozenset(chr(cp) for first, last in ranges for cp in range(first, last + 1))


_HIDDEN = _spread(INVISIBLE)
_MARKS = _spread(MARKS)
_SHAPES = {c: letter for letter, chars in CONFUSABLES.items() for c in chars} | BRAILLE
_SIGNS = {c: letter for letter, chars in SYMBOL_LEET.items() for c in chars}
_NAMED_WITH = {
    *("SMALL", "CAPITAL", "TURNED", "REVERSED", "SIDEWAYS", "INSULAR", "BLACKLETTER", "DOTLESS", "INVERTED", "SCRIPT"),
    *("LETTER", "LATIN", "MODIFIER", "SUBSCRIPT", "SUPERSCRIPT", "OPEN", "LONG", "CLOSED", "BARRED", "BROKEN"),
    *("NEGATIVE", "CIRCLED", "SQUARED", "CROSSED", "PARENTHESIZED", "RAISED", "STRETCHED", "HALF", "TOP", "BOTTOM"),
    *("REGIONAL", "INDICATOR", "SYMBOL", "TORTOISE", "SHELL", "BRACKETED", "ITALIC", "LENIS", "COMBINING", "FINAL"),
}
_TWO = {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ĳ": "ij", "ŋ": "n", "Ŋ": "N", "ĸ": "k"}


def is_invisible(c: str) -> bool:
    """True for a code point that nobody sees: default-ignorable, filler, control."""
    return c in _HIDDEN


def shape(c: str) -> str:
    """What one character looks like, case kept; "" for marks and what is invisible."""
    if c < "\x7f" and c >= " ":
        return c
    if c in _HIDDEN or c in _MARKS:
        return ""
    if c in _SHAPES:
        return _SHAPES[c]
    if c in _TWO:
        return _TWO[c]
    digit = unicodedata.digit(c, None)
    if digit is not None:
        return str(digit)
    return _decomposed(c) or _named(c) or c


def _decomposed(c: str) -> str:
    full = unicodedata.normalize("NFKD", c)
    bare = "".join(x for x in full if x not in _MARKS)
    plain = unicodedata.normalize("NFC", bare) if bare != full else unicodedata.normalize("NFKC", c)
    if plain == c or not bare:
        return ""
    if len(plain) == 3 and plain[0] == "(" and plain[2] == ")":
        plain = plain[1]
    return "".join(x if x < "\x7f" else shape(x) for x in plain)


def _named(c: str) -> str:
    """`LATIN SMALL LETTER L WITH STROKE`, `NEGATIVE CIRCLED LATIN CAPITAL LETTER B`: the name says it."""
    name = unicodedata.name(c, "")
    if "LATIN" not in name and not name.startswith(("MODIFIER LETTER", "REGIONAL")):
        return ""
    words = name.split(" WITH ")[0].split()
    rest = [w for w in words if w not in _NAMED_WITH]
    if len(rest) != 1 or len(rest[0]) != 1 or "LIGATURE" in words:
        return ""
    capital = "CAPITAL" in words and "SMALL" not in words and unicodedata.category(c) == "Lu"
    return rest[0] if capital else rest[0].lower()


def _visible(c: str) -> str:
    return "" if c in _HIDDEN else c


FOLD = Table(shape)
VISIBLE = Table(_visible)


def plain(text: str, parent: Offsets = SAME) -> View:
    """NFKC."""
    if text.isascii():
        return View("plain", text, parent)
    normal = unicodedata.normalize("NFKC", text)
    if normal == text:
        return View("plain", text, parent)
    return View("plain", normal, Mapped(_Clusters(text), parent))


class _Clusters(PieceMaker):
    """NFKC cluster by cluster: a starter and what combines with it."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        super().__init__(text, {})

    def pieces(self) -> list[str]:
        out: list[str] = []
        cluster = ""
        for c in self._text:
            if cluster and not (unicodedata.combining(c) or "\u1160" <= c <= "\u11ff" or c in "\uff9e\uff9f"):
                out += _cluster(cluster)
                cluster = ""
            cluster += c
        return out + _cluster(cluster)


def _cluster(cluster: str) -> list[str]:
    if not cluster:
        return []
    return [unicodedata.normalize("NFKC", cluster), *[""] * (len(cluster) - 1)]


def folded(view: View) -> View:
    """Marks, invisible and bidirectional controls gone; look-alikes and styled letters mapped, case kept."""
    text = view.text.translate(FOLD)
    if text == view.text:
        return view
    return View("folded", text, Mapped(PieceMaker(view.text, FOLD), view.offsets))


# Keys of words: what two spellings of one word have in common.

_GAP, _SPACE, _STOP = ",", " ", "."


def _native(c: str) -> str:
    """The shape of a letter, read the same in both cases (В and в, Η and η), so that case never matters."""
    seen = shape(c)
    if seen == c:
        upper = c.upper()
        seen = shape(upper).casefold() if len(upper) == 1 else c
        if not (seen.isascii() and seen.isalpha()):
            seen = c
    return c if seen.isdigit() and not c.isdigit() else seen


def _key(c: str) -> str:
    if c in _HIDDEN and c not in _MARKS:
        return _GAP
    if c in _MARKS:
        return ""
    return "".join(_letter(x) for low in c.casefold() for x in _native(low).casefold())


def _letter(c: str) -> str:
    if unicodedata.category(c)[0] in "LNM":
        return c
    if c in SENTENCE_ENDS:
        return _STOP
    return _SPACE if c.isspace() else _GAP


def _leet(c: str) -> str:
    return "".join(DIGIT_LEET.get(x, "i" if x == "l" else x) for x in _key(c))


def _signed(c: str) -> str:
    return _SIGNS.get(c, "") or _key(c)


KEY = Table(_key)
"""Letters case-folded and by shape; `.` for a sentence end, space for white space, `,` for other marks."""
SIGNED = Table(_signed)
"""The same with `@`, `$`, `!` … read as letters."""
LEET = {ord(d): letter for d, letter in DIGIT_LEET.items()} | {ord("l"): "i"}
"""On keys: digits read as letters; l and i are one (1 is either)."""

BREAK = "\x01"
"""Stands between words of a key where no phrase may reach across."""


def key_words(text: str, table: dict[int, str] = KEY) -> list[str]:
    """The words of a text as keys, in order; `BREAK` after a sentence end and in gaps above eight characters."""
    keyed = text.translate(table)
    if ". " in keyed:
        keyed = keyed.replace(". ", " \x01 ")
    keyed = keyed.replace(".", " ").replace(",", " ")
    if "         " in keyed:
        keyed = keyed.replace("         ", " \x01       ")
    return keyed.split()


def fold_key(phrase: str) -> str:
    """The folded, case-folded form of a phrase: equal for two phrases that match the same texts.

    Words are joined by one space; a phrase of invisible characters gives "".
    """
    return " ".join(w for w in key_words(phrase.translate(VISIBLE)) if w != BREAK)


_PROSE = str.maketrans(
    dict.fromkeys("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \t\n\r.,;:!?'\"()-/")
)


def odd_signs(text: str) -> str:
    """The text without letters, digits and the marks of prose of ASCII: what may be a disguise. Usually empty."""
    return text.translate(_PROSE)


_SPACELESS = _spread(SPACELESS)


def is_spaceless(c: str) -> bool:
    """True for a character of a script written without spaces."""
    return c in _SPACELESS


def has_spaceless(text: str) -> bool:
    """Is there a character of a script written without spaces in the text?"""
    return not _SPACELESS.isdisjoint(text)
