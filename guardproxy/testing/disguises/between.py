"""Something between the letters, or their order: invisible signs, bidirectional controls, erasures, gaps."""

from __future__ import annotations

import unicodedata
from random import Random

from guardproxy.testing.disguises.shapes import Disguise, Twist, whole

_SPACES = " \t\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_SIGNS = "·•‣◦∙⋅–—…→⇒★☆♥♦●○■□▪▫✓✗†‡§¶¦¬°´¨¸~〜・、。｜／＿－∗⁎"
_EMOJI = ("✨", "🔥", "😀", "👍", "🎉", "🚀", "🌸", "❤️", "🤖", "👀")
_SEVERAL = ("--", "..", " - ", ", ", " . ", " | ", "...", " / ", "\n\n", "  ", "::", "-_-", " * ", "~~~", " + ", "; ")
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c"
    "\u202d\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3164"
    "\ufe00\ufe01\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffa\ufffb\ufffc\U0001bca0\U0001d173\U0001d17a\U000e0001\U000e0041"
    "\U000e007f\U000e0100\U000e01ef"
)
_CONTROLS = "\0\x01\x02\x1b\x1f\x80\x8d\x9f"
_ANSI = ("\x1b[0m", "\x1b[31m", "\x1b[1;32m", "\x1b[K", "\x1b[38;5;12m")


def _name(c: str) -> str:
    return unicodedata.name(c[0], f"U+{ord(c[0]):04X}").lower() if len(c) <= 2 else repr(c)


def between(sign: str) -> Twist:
    """The sign between all letters of each word; between words a gap of its own kind."""
    return whole(lambda phrase: sign.join(phrase.replace(" ", "") if sign.strip() else phrase))


def _some(signs: str, most: int) -> Twist:
    """One to `most` of the signs behind some of the letters."""

    def twist(chance: Random, phrase: str) -> str:
        out = [c + "".join(chance.choice(signs) for _ in range(chance.randint(0, most))) for c in phrase[:-1]]
        out[0] += chance.choice(signs)
        return "".join(out) + phrase[-1]

    return twist


def _varied(signs: str) -> Twist:
    """Another sign in each gap."""
    return lambda chance, phrase: "".join(c + chance.choice(signs) for c in phrase[:-1]) + phrase[-1]


def _worded(sign: str) -> Twist:
    """The sign between letters, a wide gap between words."""
    return whole(lambda phrase: ("   " if sign == " " else " ").join(sign.join(w) for w in phrase.split()))


def _override(chance: Random, phrase: str) -> str:
    """Halves, of which one is written backwards under an override."""
    cut = chance.randint(1, len(phrase) - 1)
    return f"{phrase[:cut]}\u202e{phrase[cut:][::-1]}\u202c"


def _nested_override(chance: Random, phrase: str) -> str:
    """Boucher et al.: two letters swapped by nested overrides."""
    at = chance.randrange(len(phrase) - 1)
    a, b = phrase[at], phrase[at + 1]
    return f"{phrase[:at]}\u202d\u2066\u202e\u2066{b}\u2069\u202d\u2066{a}\u2069\u202c\u2069\u202c{phrase[at + 2 :]}"


def _erased(erase: str, most: int) -> Twist:
    def twist(chance: Random, phrase: str) -> str:
        out = ""
        for c in phrase:
            wrong = chance.randint(0, most)
            out += c + "".join(chance.choice("qxzj7") for _ in range(wrong)) + erase * wrong
        return out

    return twist


def _overwritten(chance: Random, phrase: str) -> str:
    return chance.choice(("nothing to see", "a calm line", "weather")) + "\r" + phrase


def _hyphened(sign: str) -> Twist:
    def twist(chance: Random, phrase: str) -> str:
        words = phrase.split(" ")
        at = max(range(len(words)), key=lambda i: len(words[i]))
        cut = chance.randint(2, max(2, len(words[at]) - 2))
        return " ".join([*words[:at], words[at][:cut] + sign + words[at][cut:], *words[at + 1 :]])

    return twist


def _camel(phrase: str) -> str:
    return "".join(w.capitalize() for w in phrase.split())


def _with(sign: str) -> Twist:
    return whole(lambda phrase: phrase.replace(" ", sign))


def _coloured(chance: Random, phrase: str) -> str:
    """Escape sequences of a terminal between the letters."""
    return "".join(chance.choice(_ANSI) + c for c in phrase) + _ANSI[0]


_WORDED = (" ", ".", "-", "_", "·", "*", "\u2009")
_BREAKS = {"hyphen": "-", "soft hyphen": "\u00ad", "hyphen at a line end": "-\n", "non-breaking hyphen": "\u2011"}
_BIDI: dict[str, Twist] = {
    "all under an override": whole(lambda p: f"\u202e{p[::-1]}\u202c"),
    "an override never ended": whole(lambda p: f"\u202e{p[::-1]}"),
    "an override inside an isolate": whole(lambda p: f"\u2066\u202e{p[::-1]}\u202c\u2069"),
    "one half under an override": _override,
    "two letters swapped by overrides": _nested_override,
    "an isolate around it": whole(lambda p: f"\u2067{p}\u2069"),
    "an embedding around each letter": whole(lambda p: "".join(f"\u202a{c}\u202c" for c in p)),
    "marks between": _some("\u200e\u200f\u061c", 2),
}
_ERASURES: dict[str, Twist] = {
    "backspaces": _erased("\b", 1),
    "several backspaces": _erased("\b", 3),
    "deletes": _erased("\x7f", 1),
    "^H": _erased("^H", 1),
    "overwritten line": _overwritten,
    "terminal colours": _coloured,
}

DISGUISES: tuple[Disguise, ...] = (
    *(Disguise("invisible signs", _name(c), _some(c, 1), latin=False) for c in _UNSEEN + _CONTROLS),
    *(Disguise("invisible signs", f"up to {n} of all", _some(_UNSEEN, n), latin=False) for n in (1, 3, 9)),
    *(Disguise("bidirectional controls", name, twist, latin=False) for name, twist in _BIDI.items()),
    *(Disguise("erasures", name, twist) for name, twist in _ERASURES.items()),
    *(Disguise("gaps between letters", _name(c), between(c), latin=False) for c in _SPACES + _MARKS + _SIGNS),
    *(Disguise("gaps between letters", ascii(s)[1:-1], between(s), latin=False) for s in (*_SEVERAL, *_EMOJI)),
    *(
        Disguise("gaps between letters", f"another of {n}", _varied(s))
        for n, s in (("spaces", _SPACES), ("marks", _SIGNS))
    ),
    Disguise("gaps between letters", "another ASCII mark each", _varied("-._*|/,:~+")),
    *(Disguise("gaps between letters", f"words apart, {_name(s)}", _worded(s)) for s in _WORDED),
    *(Disguise("words cut", name, _hyphened(sign), lettered=True) for name, sign in _BREAKS.items()),
    Disguise("words joined", "camel case", whole(_camel), lettered=True, least_words=2),
    Disguise("words joined", "hashtag", whole(lambda p: "#" + _camel(p)), lettered=True, least_words=2),
    *(Disguise("words joined", repr(s), _with(s), lettered=True, least_words=2) for s in "_-./+,|:"),
    Disguise("words joined", "nothing between", whole(lambda p: p.replace(" ", "")), lettered=True, least_words=3),
)
