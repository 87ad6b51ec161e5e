"""Alphabets for bytes: base64 and its kin, hexadecimal, bits, lists of numbers, hidden carriers."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import string
import zlib
from collections.abc import Callable
from random import Random

from guardproxy.testing.disguises.shapes import Disguise, Twist, whole

_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_B64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_B85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_B45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _b32(data: bytes) -> str:
    return base64.b32encode(data).decode()


def _other32(alphabet: str) -> Callable[[str], str]:
    to = str.maketrans(_STANDARD, alphabet)
    return lambda p: _b32(p.encode()).rstrip("=").translate(to)


def _of_base(alphabet: str) -> Callable[[str], str]:
    def change(phrase: str) -> str:
        value, out = int.from_bytes(phrase.encode()), ""
        while value:
            value, digit = divmod(value, len(alphabet))
            out = alphabet[digit] + out
        return out

    return change


def _base45(phrase: str) -> str:
    data, out = phrase.encode(), ""
    for i in range(0, len(data), 2):
        value = int.from_bytes(data[i : i + 2])
        for _ in range(len(data[i : i + 2]) + 1):
            value, digit = divmod(value, 45)
            out += _B45[digit]
    return out


def _uu(phrase: str) -> str:
    return "begin 644 f\n" + binascii.b2a_uu(phrase.encode()).decode() + "`\nend"


def _grouped(text: str, size: int, sign: str) -> str:
    return sign.join(text[i : i + size] for i in range(0, len(text), size))


def _cut(encode: Callable[[str], str], sizes: tuple[int, ...], signs: tuple[str, ...]) -> Twist:
    """The encoded text in groups of a random size, a random sign between."""
    return lambda chance, phrase: _grouped(encode(phrase), chance.choice(sizes), chance.choice(signs))


def _plain64(phrase: str) -> str:
    return _b64(phrase.encode())


def _hex(phrase: str) -> str:
    return phrase.encode().hex()


def _nested(most: int) -> Twist:
    def twist(chance: Random, phrase: str) -> str:
        text = phrase
        for _ in range(most):
            text = chance.choice((_plain64, _hex, lambda p: _b32(p.encode())))(text)
        return text

    return twist


def _numbered(form: str, sign: str) -> Callable[[str], str]:
    return lambda phrase: sign.join(form.format(b) for b in phrase.encode())


_BASE64: dict[str, Callable[[str], str]] = {
    "standard": _plain64,
    "no padding": lambda p: _plain64(p).rstrip("="),
    "URL alphabet": lambda p: base64.urlsafe_b64encode(p.encode()).decode(),
    "URL alphabet, no padding": lambda p: base64.urlsafe_b64encode(p.encode()).decode().rstrip("="),
    "UTF-16": lambda p: _b64(p.encode("utf-16-le")),
    "UTF-16, big end": lambda p: _b64(p.encode("utf-16-be")),
    "UTF-16, mark": lambda p: _b64(p.encode("utf-16")),
    "UTF-32": lambda p: _b64(p.encode("utf-32-le")),
    "gzip": lambda p: _b64(gzip.compress(p.encode(), mtime=0)),
    "zlib": lambda p: _b64(zlib.compress(p.encode())),
    "bzip2": lambda p: _b64(bz2.compress(p.encode())),
    "bare deflate": lambda p: _b64(zlib.compress(p.encode(), wbits=-15)),
    "data URI": lambda p: f"data:text/plain;charset=utf-8;base64,{_plain64(p)}",
    "reversed": lambda p: _plain64(p)[::-1],
    "of the reversed": lambda p: _plain64(p[::-1]),
    "in a call": lambda p: f"atob('{_plain64(p)}')",
    "in a command": lambda p: f"echo {_plain64(p)}|base64 -d",
    "escaped": lambda p: "".join(f"%{b:02x}" for b in _plain64(p).encode()),
    "of a sentence": lambda p: _plain64(f"please tell me about {p} and more"),
    "case swapped": lambda p: _plain64(p).swapcase(),
    "rot13": lambda p: _plain64(p).translate(
        str.maketrans(_B64, _B64[13:26] + _B64[:13] + _B64[39:52] + _B64[26:39] + _B64[52:])
    ),
}
_BASE32: dict[str, Callable[[str], str]] = {
    "standard": lambda p: _b32(p.encode()),
    "no padding": lambda p: _b32(p.encode()).rstrip("="),
    "lower case": lambda p: _b32(p.encode()).lower(),
    "lower case, no padding": lambda p: _b32(p.encode()).lower().rstrip("="),
    "hex alphabet": _other32("0123456789ABCDEFGHIJKLMNOPQRSTUV"),
    "hex alphabet, lower case": _other32("0123456789abcdefghijklmnopqrstuv"),
    "hex alphabet, padding": lambda p: base64.b32hexencode(p.encode()).decode(),
    "Crockford": _other32("0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
    "z-base-32": _other32("ybndrfg8ejkmcpqxot1uwisza345h769"),
}
_HEX: dict[str, Callable[[str], str]] = {
    "lower case": _hex,
    "upper case": lambda p: _hex(p).upper(),
    "one 0x before": lambda p: "0x" + _hex(p),
    "X'…'": lambda p: f"X'{_hex(p)}'",
    "h behind": lambda p: " ".join(f"{b:02x}h" for b in p.encode()),
    "backwards": lambda p: _hex(p)[::-1],
    "UTF-16": lambda p: p.encode("utf-16-be").hex(),
    "dump": lambda p: f"00000000: {p.encode().hex(' ', -2)}",
    "dump with text": lambda p: f"00000000  {p.encode().hex(' ')}  |{'.' * len(p)}|",
}
_BASE85: dict[str, Callable[[str], str]] = {
    "RFC 1924": lambda p: base64.b85encode(p.encode()).decode(),
    "Ascii85": lambda p: base64.a85encode(p.encode()).decode(),
    "Ascii85, Adobe": lambda p: base64.a85encode(p.encode(), adobe=True).decode(),
    "Z85": lambda p: base64.b85encode(p.encode(), pad=True).decode().translate(str.maketrans(_B85, _Z85)),
}
_OTHER: dict[str, Callable[[str], str]] = {
    "base58": _of_base(_B58),
    "base58, Flickr": _of_base("123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"),
    "base62": _of_base(string.digits + string.ascii_uppercase + string.ascii_lowercase),
    "base45": _base45,
    "base36": _of_base(string.digits + string.ascii_lowercase),
    "uuencode": _uu,
    "UTF-7": lambda p: "+" + _b64(p.encode("utf-16-be")).rstrip("=") + "-",
    "one number": lambda p: str(int.from_bytes(p.encode())),
}
_NUMBERS = {
    "decimal, spaces": ("{}", " "),
    "decimal, commas": ("{}", ","),
    "decimal, commas and spaces": ("{}", ", "),
    "decimal, semicolons": ("{}", ";"),
    "decimal, bars": ("{}", "|"),
    "decimal, hyphens": ("{}", "-"),
    "decimal, lines": ("{}", "\n"),
    "decimal, dots": ("{}", "."),
    "decimal, three digits": ("{:03}", " "),
    "decimal, three digits side by side": ("{:03}", ""),
    "decimal, slashes": ("{}", "/"),
    "octal, spaces": ("{:o}", " "),
    "octal, three digits": ("{:03o}", " "),
    "octal, commas": ("{:o}", ", "),
    "octal, three digits side by side": ("{:03o}", ""),
    "bits, spaces": ("{:08b}", " "),
    "bits, side by side": ("{:08b}", ""),
    "bits, commas": ("{:08b}", ","),
    "bits, hyphens": ("{:08b}", "-"),
    "bits, lines": ("{:08b}", "\n"),
    "bits, bars": ("{:08b}", " | "),
    "seven bits": ("{:07b}", " "),
    "seven bits side by side": ("{:07b}", ""),
    "bits, no leading zeros": ("{:b}", " "),
    "bits, underscores": ("{:08b}", "_"),
}
_CUTS: dict[str, tuple[Callable[[str], str], tuple[int, ...], tuple[str, ...]]] = {
    "base64 in groups": (_plain64, (4, 5, 6, 8, 10), (" ", "  ")),
    "base64 over lines": (_plain64, (4, 6, 8, 12), ("\n", "\r\n", "\n    ")),
    "base64, quoted lines": (_plain64, (8, 12), ("\n> ",)),
    "base64, marks between": (_plain64, (4, 6, 8), ("-", ".", ",", "|", ":", "\u200b")),
    "base64, strings joined": (_plain64, (4, 8), ('" + "', "' + '", '"\n"')),
    "base32 in groups": (lambda p: _b32(p.encode()).rstrip("="), (4, 5, 8), (" ", "-", "\n")),
    "hex in groups": (_hex, (2, 4, 8, 16), (" ", "\n", "  ")),
    "hex, marks between": (_hex, (2, 4), (":", "-", ".", ",", ", ", "_", "/", "|", ";", " : ")),
    "bits in groups": (_numbered("{:08b}", ""), (4, 8, 16), (" ", "\n")),
}


def _base3(phrase: str) -> str:
    def digits(value: int) -> str:
        return (digits(value // 3) if value > 2 else "") + str(value % 3)

    return " ".join(digits(b) for b in phrase.encode())


def _zero_width(zero: str, one: str, parting: str) -> Callable[[str], str]:
    bits = str.maketrans({"0": zero, "1": one})
    return lambda p: "see" + parting.join(f"{b:08b}".translate(bits) for b in p.encode()) + " this"


_HIDDEN: dict[str, Callable[[str], str]] = {
    "tag characters": lambda p: "so" + "".join(chr(0xE0000 + ord(c)) for c in p) + " it is",
    "tag characters behind a flag": lambda p: "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in p) + "\U000e007f",
    "variation selectors": lambda p: "😊" + "".join(chr(0xE0100 + b - 16) for b in p.encode()),
    "variation selectors behind a letter": lambda p: "a" + "".join(chr(0xE0100 + b - 16) for b in p.encode()) + " b",
    "zero-width bits": _zero_width("\u200b", "\u200c", ""),
    "zero-width bits, parted": _zero_width("\u200c", "\u200d", "\u200b"),
    "zero-width bits, other signs": _zero_width("\u2060", "\ufeff", ""),
    "zero-width bits, math signs": _zero_width("\u2062", "\u2064", "\u2063"),
}

_UNKNOWN64 = ("bare deflate", "case swapped")

DISGUISES: tuple[Disguise, ...] = (
    *(Disguise("base64", name, whole(change)) for name, change in _BASE64.items() if name not in _UNKNOWN64),
    *(Disguise("base32", name, whole(change)) for name, change in _BASE32.items()),
    *(Disguise("base16", name, whole(change)) for name, change in _HEX.items()),
    *(Disguise("base85", name, whole(change)) for name, change in _BASE85.items()),
    *(Disguise("other bases", name, whole(_OTHER[name])) for name in ("base58", "UTF-7")),
    *(
        Disguise("unknown codes", name, whole(_OTHER[name]), promised=False)
        for name in _OTHER
        if name not in {"base58", "UTF-7"}
    ),
    *(Disguise("encoded and cut", name, _cut(*given)) for name, given in _CUTS.items()),
    *(Disguise("lists of numbers", n, whole(_numbered(f, s))) for n, (f, s) in _NUMBERS.items()),
    *(Disguise("encoded twice and thrice", f"{n} deep", _nested(n)) for n in (2, 3)),
    *(Disguise("hidden carriers", name, whole(change)) for name, change in _HIDDEN.items()),
    Disguise("unknown codes", "numbers to the base of three", whole(_base3), promised=False),
    *(Disguise("unknown codes", f"base64, {name}", whole(_BASE64[name]), promised=False) for name in _UNKNOWN64),
)
