"""Escapes that stand for one character each."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable
from random import Random
from urllib.parse import quote

from guardproxy.testing.disguises.shapes import Disguise, Twist, whole


def _bytes(form: str) -> Callable[[str], str]:
    return lambda c: "".join(form.format(b) for b in c.encode())


def _units(form: str) -> Callable[[str], str]:
    raw = "utf-16-be"
    return lambda c: "".join(
        form.format(int.from_bytes(c.encode(raw)[i : i + 2])) for i in range(0, len(c.encode(raw)), 2)
    )


def _point(form: str) -> Callable[[str], str]:
    return lambda c: form.format(ord(c))


_FORMS: dict[str, Callable[[str], str]] = {
    "\\u0062": _units("\\u{:04x}"),
    "\\u0062, upper case": _units("\\u{:04X}"),
    "\\\\u0062": _units("\\\\u{:04x}"),
    "\\u{62}": _point("\\u{{{:x}}}"),
    "\\u{000062}": _point("\\u{{{:06x}}}"),
    "\\U00000062": _point("\\U{:08x}"),
    "\\x62": _bytes("\\x{:02x}"),
    "\\x62, upper case": _bytes("\\x{:02X}"),
    "\\\\x62": _bytes("\\\\x{:02x}"),
    "\\x{62}": _point("\\x{{{:x}}}"),
    "\\142": _bytes("\\{:03o}"),
    "\\0142": _bytes("\\0{:03o}"),
    "\\o{142}": _point("\\o{{{:o}}}"),
    "\\N{…}": lambda c: f"\\N{{{unicodedata.name(c)}}}",
    "\\62 (CSS)": _point("\\{:x} "),
    "\\000062 (CSS)": _point("\\{:06x}"),
    "%62": _bytes("%{:02x}"),
    "%6C": _bytes("%{:02X}"),
    "%2562": _bytes("%25{:02x}"),
    "%252562": _bytes("%2525{:02x}"),
    "%u0062": _units("%u{:04x}"),
    "&#98;": _point("&#{};"),
    "&#98 without semicolon": _point("&#{}"),
    "&#0000098;": _point("&#{:07};"),
    "&#x62;": _point("&#x{:x};"),
    "&#X062;": _point("&#X{:03X};"),
    "&#x62 without semicolon": _point("&#x{:x}"),
    "&amp;#98;": _point("&amp;#{};"),
    "U+0062": _point("U+{:04X} "),
    "u+0062": _point("u+{:04x} "),
    "U+0062, side by side": _point("U+{:04X}"),
    "=62": _bytes("={:02X}"),
    "=62, lower case": _bytes("={:02x}"),
    "0x62": _bytes("0x{:02x} "),
    "0x62, commas": _bytes("0x{:02x}, "),
    "0x62, side by side": _bytes("0x{:02x}"),
    "0b01100010": _bytes("0b{:08b} "),
    "0o142": _bytes("0o{:o} "),
    "chr(98)": lambda c: f"chr({ord(c)}) + ",
    "chr(0x62)": lambda c: f"chr(0x{ord(c):x})+",
    "CHAR(98)": lambda c: f"CHAR({ord(c)}) || ",
    "[char]98": lambda c: f"[char]{ord(c)}+",
    "<0x62>": _bytes("<0x{:02X}>"),
    "{98}": _point("{{{}}}"),
}


def _written(change: Callable[[str], str], share: float) -> Twist:
    """The escape for a share of the characters, one at least."""

    def twist(chance: Random, phrase: str) -> str:
        sure = chance.randrange(len(phrase))
        return "".join(change(c) if i == sure or chance.random() < share else c for i, c in enumerate(phrase)).strip(
            " +|,"
        )

    return twist


def _soft_lines(phrase: str) -> str:
    half = len(phrase) // 2
    return f"{phrase[:half]}=\n{phrase[half:]}"


_WHOLE: dict[str, Callable[[str], str]] = {
    "percent, all": lambda p: "".join(f"%{b:02X}" for b in p.encode()),
    "percent, form": lambda p: quote(p).replace("%20", "+"),
    "quoted-printable, soft line ends": _soft_lines,
    "JSON string": lambda p: json.dumps({"q": "".join(f"\\u{ord(c):04x}" for c in p)}),
    "bytes literal": lambda p: "b'" + "".join(f"\\x{b:02x}" for b in p.encode()) + "'",
    "encoded word, B": lambda p: f"=?UTF-8?B?{base64.b64encode(p.encode()).decode()}?=",
    "encoded word, Q": lambda p: "=?utf-8?q?" + "".join(f"={b:02X}" for b in p.encode()) + "?=",
    "fromCharCode": lambda p: f"String.fromCharCode({', '.join(str(ord(c)) for c in p)})",
    "fromCharCode, hex": lambda p: f"String.fromCharCode({','.join(hex(ord(c)) for c in p)})",
    "map of chr": lambda p: f"''.join(map(chr, {[ord(c) for c in p]}))",
    "bytes of a list": lambda p: f"bytes({list(p.encode())}).decode()",
    "printf": lambda p: "printf '" + "".join(f"\\{b:03o}" for b in p.encode()) + "'",
    "unescape": lambda p: 'unescape("' + "".join(f"%u{ord(c):04x}" for c in p) + '")',
}
_APART = frozenset(
    {"U+0062", "u+0062", "0x62", "0x62, commas", "0b01100010", "0o142", "chr(98)", "chr(0x62)", "CHAR(98)"}
)
"""Forms that stand for all characters or for none."""
_WHOLE_ONLY = _APART | {"[char]98", "U+0062, side by side", "0x62, side by side", "\\62 (CSS)", "{98}"}

DISGUISES: tuple[Disguise, ...] = (
    *(Disguise("escapes, all characters", name, _written(change, 1.0), latin=False) for name, change in _FORMS.items()),
    *(
        Disguise("escapes, some characters", name, _written(change, 0.4))
        for name, change in _FORMS.items()
        if name not in _WHOLE_ONLY
    ),
    *(Disguise("escapes in programs", name, whole(change)) for name, change in _WHOLE.items()),
)
