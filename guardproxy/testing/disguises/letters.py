"""Other letters: case, styled alphabets, look-alikes, marks, leet, repeats."""

from __future__ import annotations

import json
import string
import unicodedata
from functools import cache
from importlib.resources import files
from random import Random

from guardproxy.testing.disguises.shapes import Disguise, Twist, each, table, whole

_LOW, _UP, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_MATHS = (
    "BOLD",
    "ITALIC",
    "BOLD ITALIC",
    "SCRIPT",
    "BOLD SCRIPT",
    "FRAKTUR",
    "DOUBLE-STRUCK",
    "BOLD FRAKTUR",
    "SANS-SERIF",
    "SANS-SERIF BOLD",
    "SANS-SERIF ITALIC",
    "SANS-SERIF BOLD ITALIC",
    "MONOSPACE",
)
_NAMED = {
    "circled": "CIRCLED LATIN SMALL LETTER {}",
    "circled capitals": "CIRCLED LATIN CAPITAL LETTER {}",
    "negative circled": "NEGATIVE CIRCLED LATIN CAPITAL LETTER {}",
    "squared": "SQUARED LATIN CAPITAL LETTER {}",
    "negative squared": "NEGATIVE SQUARED LATIN CAPITAL LETTER {}",
    "parenthesized": "PARENTHESIZED LATIN SMALL LETTER {}",
    "parenthesized capitals": "PARENTHESIZED LATIN CAPITAL LETTER {}",
    "regional indicators": "REGIONAL INDICATOR SYMBOL LETTER {}",
    "fullwidth": "FULLWIDTH LATIN SMALL LETTER {}",
    "fullwidth capitals": "FULLWIDTH LATIN CAPITAL LETTER {}",
    "small capitals": "LATIN LETTER SMALL CAPITAL {}",
    "superscripts": "MODIFIER LETTER SMALL {}",
    "capital superscripts": "MODIFIER LETTER CAPITAL {}",
    "subscripts": "LATIN SUBSCRIPT SMALL LETTER {}",
}
_FANCY = {
    "turned": (_LOW, "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz"),
    "asian style": (_LOW, "卂乃匚ᗪ乇千ム卄丨フҜㄥ爪几ㄖ卩Ɋ尺丂ㄒㄩᐯ山乂ㄚ乙"),
    "thai style": (_LOW, "ค๒ς๔єŦﻮђเןкɭ๓ภ๏קợгรՇยשฬאץչ"),
    "currency": (_LOW, "₳฿₵ĐɆ₣₲ⱧłJ₭Ⱡ₥₦Ø₱QⱤ₴₮ɄV₩ӾɎⱫ"),
    "faux russian": (_LOW, "дъcdёfgнijкlмиoрqяsтцvшxчz"),
    "syllabics": (_LOW, "ᗩᗷᑕᗪEᖴGᕼIᒍKᒪᗰᑎOᑭᑫᖇᔕTᑌᐯᗯ᙭Yᘔ"),
    "cherokee": (_LOW, "ᎪbᏟᎠᎬfᏀᎻᎥᎫᏦᏞmnᎾᏢqᏒᏚᎢuᏙᏔxᎩᏃ"),
    "lisu": (_LOW, "ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑqꓣꓢꓔꓴꓦꓪꓫꓬꓜ"),
    "greek": (_LOW, "αβςδεfghιjκlmηορqrsτυνωχγz"),
    "cyrillic": (_LOW, "аbсdеfgһіјкlmпорqrѕtuvwхуz"),
    "armenian": (_LOW, "aЬcԁeƒցհiյkӏmոօρգrꜱtսvաxყz"),
    "ligature capitals": (_LOW, "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘqʀꜱᴛᴜᴠᴡxʏᴢ"),
}
_LEET = {
    "vowels": table("aeio", "4310"),
    "digits": table("abegilostz", "4836110572"),
    "signs": table("aeiosh", "@€!0$#"),
    "signs and digits": table("abegilostxz", "@839!105+×2"),
}
_WIDE_LEET = {
    "bars": {"h": "|-|", "k": "|<", "b": "|3", "d": "|)", "n": "|\\|", "m": "|\\/|", "u": "|_|"},
    "slashes": {"a": "/\\", "v": "\\/", "w": "\\/\\/", "o": "()"},
    "brackets": {"h": "[-]", "d": "[)", "o": "[]", "k": "]<", "u": "(_)", "e": "[-"},
}
_MARKS = list(map(chr, (*range(0x300, 0x370), *range(0x1DC0, 0x1E00), *range(0x20D0, 0x20F1))))
_ENCLOSING = "\u20dd\u20de\u20df\u20e0\u20e2\u20e3"


@cache
def look_alikes() -> dict[str, str]:
    """ASCII letter → characters that Unicode's confusables name for it, other than what NFKC resolves."""
    source = files("guardproxy.testing.disguises").joinpath("confusables.json")
    return dict(json.loads(source.read_text(encoding="utf-8")))


def _character(name: str, fallback: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return fallback


def _named(pattern: str) -> Twist:
    return each(lambda c: _character(pattern.format(c.upper()), c) if c in _LOW + _UP else c)


def _mathematical(style: str) -> Twist:
    def change(c: str) -> str:
        if c in _DIGITS:
            number = unicodedata.name(c).removeprefix("DIGIT ")
            return _character(f"MATHEMATICAL {style} DIGIT {number}", c)
        kind = "CAPITAL" if c in _UP else "SMALL"
        return _character(f"MATHEMATICAL {style} {kind} {c.upper()}", c) if c in _LOW + _UP else c

    return each(change)


def _fancy(plain: str, written: str) -> Twist:
    both = table(plain, written) | {ord(a.upper()): b for a, b in zip(plain, written, strict=True)}
    return whole(lambda phrase: phrase.translate(both))


def _random_case(chance: Random, phrase: str) -> str:
    return "".join(chance.choice((c.lower(), c.upper())) for c in phrase)


def _like(share: float) -> Twist:
    def twist(chance: Random, phrase: str) -> str:
        known = look_alikes()
        places = [i for i, c in enumerate(phrase) if c in known]
        picked = set(chance.sample(places, max(1, int(len(places) * share))) if places else ())
        return "".join(chance.choice(known[c]) if i in picked else c for i, c in enumerate(phrase))

    return twist


def _marked(least: int, most: int, marks: str | list[str]) -> Twist:
    def twist(chance: Random, phrase: str) -> str:
        return "".join(
            c + "".join(chance.choice(marks) for _ in range(chance.randint(least, most))) if c.isalnum() else c
            for c in phrase
        )

    return twist


@cache
def _accented() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for cp in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        bare = unicodedata.normalize("NFD", chr(cp))
        if len(bare) > 1 and bare[0] in _LOW + _UP:
            found.setdefault(bare[0], []).append(chr(cp))
    return found


def _with_accents(chance: Random, phrase: str) -> str:
    return "".join(chance.choice(_accented().get(c, [c])) for c in phrase)


def _leet(signs: dict[int, str], share: float) -> Twist:
    def twist(chance: Random, phrase: str) -> str:
        return "".join(
            signs[ord(c.lower())] if ord(c.lower()) in signs and chance.random() < share else c for c in phrase
        )

    return twist


def _wide_leet(signs: dict[str, str]) -> Twist:
    return each(lambda c: signs.get(c.lower(), c))


def _repeated(most: int) -> Twist:
    """One letter at least stands more than twice, as in `sooo`: what a reader sees as stretched."""

    def twist(chance: Random, phrase: str) -> str:
        out = [c * chance.choice((1, 1, 2, most)) if c.isalpha() else c for c in phrase]
        at = next(i for i, c in enumerate(phrase) if c.isalpha())
        out[at] = phrase[at] * most
        return "".join(out)

    return twist


DISGUISES: tuple[Disguise, ...] = (
    Disguise("case", "upper", whole(str.upper), latin=False),
    Disguise("case", "title", whole(str.title), latin=False),
    Disguise("case", "swapped", whole(str.swapcase), latin=False),
    Disguise("case", "random", _random_case, latin=False),
    *(Disguise("styled letters", f"mathematical {s.lower()}", _mathematical(s)) for s in _MATHS),
    *(Disguise("styled letters", name, _named(pattern)) for name, pattern in _NAMED.items()),
    *(Disguise("styled letters", name, _fancy(*both)) for name, both in _FANCY.items()),
    *(Disguise("look-alikes", f"{s:.0%} of the letters", _like(s)) for s in (0.01, 0.3, 0.6, 1.0)),
    Disguise("marks", "accented letters", _with_accents),
    *(Disguise("marks", f"{n} of all ranges a letter", _marked(n, n, _MARKS), latin=False) for n in (1, 2, 4, 8, 16)),
    Disguise("marks", "struck through", _marked(1, 1, "\u0335\u0336\u0337\u0338"), latin=False),
    Disguise("marks", "enclosed", _marked(1, 1, _ENCLOSING), latin=False),
    *(
        Disguise("leet", f"{name}, {share:.0%}", _leet(signs, share), lettered=True)
        for name, signs in _LEET.items()
        for share in (0.3, 0.6, 1.0)
    ),
    *(Disguise("leet of several signs", name, _wide_leet(signs), lettered=True) for name, signs in _WIDE_LEET.items()),
    *(Disguise("repeats", f"up to {n}", _repeated(n), lettered=True) for n in (3, 5, 9)),
)
