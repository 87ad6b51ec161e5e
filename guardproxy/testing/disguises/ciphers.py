"""Letter for letter, alphabets of signs and words, orders: ROT13 and kin, Morse, NATO, Braille, pig latin, reversal."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

from guardproxy.testing.disguises.shapes import Disguise, Twist, each, table, whole

_LOW, _UP, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_MORSE = dict(
    zip(
        _LOW + _DIGITS + "-",
        (
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
            "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. -....-"
        ).split(),
        strict=True,
    )
)
_NATO = (
    "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey xray yankee zulu"
).split()
_VARIANTS = {"alfa": "Alpha", "juliett": "Juliet", "whiskey": "Whisky", "xray": "X-ray"}
_OLD_NAMES = (
    "able baker charlie dog easy fox george how item jig king love mike nan oboe peter queen roger sugar tare uncle "
    "victor william xray yoke zebra"
).split()
_BRAILLE = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵"
_VOWELS = "aeiou"
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def rotated(by: int) -> Callable[[str], str]:
    """Caesar, keeping case."""
    to = str.maketrans(_LOW + _UP, _LOW[by:] + _LOW[:by] + _UP[by:] + _UP[:by])
    return lambda phrase: phrase.translate(to)


def _morse(dot: str, dash: str, letter: str, word: str) -> Callable[[str], str]:
    signs = str.maketrans({".": dot, "-": dash})
    return lambda p: word.join(
        letter.join(_MORSE[c].translate(signs) for c in w if c in _MORSE) for w in p.lower().split()
    )


def _spelled(names: list[str], sign: str, change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda p: sign.join(change(names[_LOW.index(c)]) for c in p.lower() if c in _LOW)


def _as_in(form: str) -> Callable[[str], str]:
    return lambda p: ", ".join(form.format(c.upper(), _NATO[_LOW.index(c)].title()) for c in p.lower() if c in _LOW)


def _braille(lead: str, space: str) -> Callable[[str], str]:
    to = table(_LOW, _BRAILLE)
    return lambda p: lead + p.lower().translate(to).replace(" ", space)


def _pig(vowel_end: str, sign: str) -> Callable[[str], str]:
    def word(w: str) -> str:
        if w[0] in _VOWELS:
            return w + sign + vowel_end
        first = next((i for i, c in enumerate(w) if c in _VOWELS or (i and c == "y")), 0)
        return f"{w[first:]}{sign}{w[:first]}ay"

    return lambda p: " ".join(word(w) for w in p.lower().split())


def _numbered(sign: str, word: str, form: str = "{}") -> Callable[[str], str]:
    return lambda p: word.join(sign.join(form.format(_LOW.index(c) + 1) for c in w) for w in p.lower().split())


def _keyed(key: str) -> Callable[[str], str]:
    def change(phrase: str) -> str:
        shifts = [_LOW.index(c) for c in key]
        return "".join(rotated(shifts[i % len(key)])(c) for i, c in enumerate(phrase))

    return change


def _beside(c: str) -> str:
    row = next((r for r in _ROWS if c in r), "")
    return row[(row.index(c) + 1) % len(row)] if row else c


def _bacon(phrase: str) -> str:
    return " ".join(f"{_LOW.index(c):05b}".replace("0", "A").replace("1", "B") for c in phrase if c in _LOW)


def _tapped(phrase: str) -> str:
    square = _LOW.replace("k", "")
    cells = (divmod(square.index("c" if c == "k" else c), 5) for c in phrase if c in _LOW)
    return " ".join(f"{'.' * (row + 1)} {'.' * (column + 1)}" for row, column in cells)


def _fence(phrase: str) -> str:
    return phrase[::2] + phrase[1::2]


def _shuffled(chance: Random, phrase: str) -> str:
    words = phrase.split()
    chance.shuffle(words)
    return " ".join(words) if len(words) > 1 and words != phrase.split() else " ".join(w[1:] + w[0] for w in words)


def _typed(chance: Random, phrase: str) -> str:
    word = max(phrase.split(), key=len)
    at = chance.randrange(1, len(word) - 1)
    wrong = chance.choice((word[:at] + word[at + 1 :], word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]))
    return phrase.replace(word, wrong)


def _padded(sign: str) -> Twist:
    return each(lambda c: c + sign if c != " " else c)


_CIPHERS: dict[str, Callable[[str], str]] = {
    **{f"ROT{by}": rotated(by) for by in range(1, 26)},
    "ROT13 and ROT5": lambda p: rotated(13)(p).translate(table(_DIGITS, _DIGITS[5:] + _DIGITS[:5])),
    "ROT47": lambda p: "".join(chr(33 + (ord(c) + 14) % 94) if "!" <= c <= "~" else c for c in p),
    "Atbash": lambda p: p.translate(table(_LOW + _UP, _LOW[::-1] + _UP[::-1])),
}
_ORDERS: dict[str, Callable[[str], str]] = {
    "letters of the whole": lambda p: p[::-1],
    "letters of each word": lambda p: " ".join(w[::-1] for w in p.split()),
    "with a mark between": lambda p: ".".join(p.replace(" ", "")[::-1]),
    "letters spaced": lambda p: " ".join(p.replace(" ", "")[::-1]),
}
_SIGNS: dict[str, Callable[[str], str]] = {
    "Morse, dots": _morse("·", "−", " ", " / "),
    "Morse, bullets": _morse("•", "–", " ", " / "),
    "Morse, long strokes": _morse(".", "—", " ", "   "),
    "Morse, low line": _morse(".", "_", " ", " / "),
    "Morse, bars": _morse(".", "-", " ", " | "),
    "Morse, slashes": _morse(".", "-", "/", "//"),
    "Morse, wide": _morse(".", "-", "  ", "    "),
    "Morse, commas": _morse(".", "-", ", ", " / "),
    "Morse, lines": _morse(".", "-", "\n", "\n\n"),
    "Morse, bars between letters": _morse(".", "-", "|", " "),
    "Morse, emoji": _morse("🔴", "➖", " ", " / "),
    "Morse, black and white": _morse("●", "▬", " ", "   "),
    "NATO, small": _spelled(_NATO, " ", str.lower),
    "NATO, title": _spelled(_NATO, " ", str.title),
    "NATO, upper": _spelled(_NATO, " ", str.upper),
    "NATO, hyphens": _spelled(_NATO, "-", str.title),
    "NATO, commas": _spelled(_NATO, ", ", str.title),
    "NATO, commas alone": _spelled(_NATO, ",", str.lower),
    "NATO, slashes": _spelled(_NATO, " / ", str.lower),
    "NATO, dots": _spelled(_NATO, ". ", str.title),
    "NATO, lines": _spelled(_NATO, "\n", str.title),
    "NATO, points": _spelled(_NATO, "\n- ", str.title),
    "NATO, other spellings": _spelled(_NATO, " ", lambda w: _VARIANTS.get(w, w.title())),
    "NATO, B as in Bravo": _as_in("{} as in {}"),
    "NATO, B for Bravo": _as_in("{} for {}"),
    "NATO, camel case": _spelled(_NATO, "", str.title),
    "Braille": _braille("", " "),
    "Braille, blank cells": _braille("", "\u2800"),
    "Braille, capital sign": _braille("⠠", " "),
    "pig latin, way": _pig("way", ""),
    "pig latin, ay": _pig("ay", ""),
    "pig latin, yay": _pig("yay", ""),
    "pig latin, hay": _pig("hay", ""),
    "pig latin, hyphens": _pig("way", "-"),
    "letter numbers, hyphens": _numbered("-", " "),
    "letter numbers, spaces": _numbered(" ", " / "),
    "letter numbers, commas": _numbered(", ", "; "),
    "letter numbers, dots": _numbered(".", " "),
    "letter numbers, slashes": _numbered("/", " "),
    "letter numbers, two digits": _numbered(" ", "  ", "{:02}"),
    "letter numbers, brackets": _numbered("", " ", "[{}]"),
}
_OPEN: dict[str, Twist] = {
    "Vigenère": whole(_keyed("lemon")),
    "affine": whole(lambda p: "".join(_LOW[(5 * _LOW.index(c) + 8) % 26] if c in _LOW else c for c in p)),
    "random substitution": lambda chance, p: p.translate(table(_LOW, "".join(chance.sample(_LOW, 26)))),
    "next key of the keyboard": each(_beside),
    "ROT13, reversed": whole(lambda p: rotated(13)(p)[::-1]),
    "Bacon": whole(_bacon),
    "Morse of nought and one": whole(_morse("0", "1", " ", " / ")),
    "Morse of dit and dah": whole(_morse("dit ", "dah ", ", ", " / ")),
    "tap code": whole(_tapped),
    "rail fence": whole(_fence),
    "old spelling alphabet": whole(_spelled(_OLD_NAMES, " ", str.title)),
    "order of words": _shuffled,
    "a letter missing or swapped": _typed,
    "vowels left out": whole(
        lambda p: " ".join("".join(c for i, c in enumerate(w) if not i or c not in _VOWELS) for w in p.split())
    ),
    "an x behind each letter": _padded("x"),
    "a letter before the word": whole(lambda p: "x" + p),
    "first letters of lines": whole(lambda p: "\n".join(f"{c.upper()}alm day" for c in p if c != " ")),
}

DISGUISES: tuple[Disguise, ...] = (
    *(Disguise("ciphers", n, whole(c), lettered=n not in {"ROT47", "ROT13"}) for n, c in _CIPHERS.items()),
    *(Disguise("orders", name, whole(change), latin=False) for name, change in _ORDERS.items()),
    *(
        Disguise(f"signs and words, {n.partition(',')[0]}", n.partition(", ")[2] or "plain", whole(c), lettered=True)
        for n, c in _SIGNS.items()
    ),
    *(Disguise("open", name, twist, lettered=True, promised=False) for name, twist in _OPEN.items()),
)
