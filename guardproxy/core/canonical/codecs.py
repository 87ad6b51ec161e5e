"""One run of letters and signs → the text it encodes: base64, 32, 58, 85, hex, bits; forwards and backwards."""

from __future__ import annotations

import base64
import binascii
import string
from collections.abc import Callable
from functools import lru_cache

from guardproxy.core.canonical.cipher import ROTATIONS
from guardproxy.core.canonical.plausible import quality, readable, text_of

SHORTEST = 4
_SNIFF = 256
_MOST_UNPACKED = 1 << 17
_LONGEST_58 = 200
_B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_B58_VALUES = {c: i for i, c in enumerate(_B58)}
_HEX = frozenset(string.hexdigits)
_B32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567=")
_B64 = frozenset(string.ascii_letters + string.digits + "+/=-_")
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_B85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_STANDARD32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_EXTENDED = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HUMAN = "ybndrfg8ejkmcpqxot1uwisza345h769"
_FROM_STANDARD = str.maketrans(_STANDARD32, _EXTENDED)
_FROM_CROCKFORD = str.maketrans(_CROCKFORD, _EXTENDED)
_FROM_HUMAN = str.maketrans(_HUMAN, _EXTENDED)
_WHOLE_BYTES = frozenset({0, 2, 4, 5, 7})  # digits of five bits in the last group of forty
_NO_DIGIT = 0xFF
_WIDEST_WORD = (1 << 32) - 1


def _digit_values(alphabet: str) -> dict[int, int]:
    """ASCII character → its value as a digit, 255 for one that is none."""
    return {c: alphabet.find(chr(c)) % 256 for c in range(128)}


VALUES_85 = _digit_values(_B85)
VALUES_Z85 = _digit_values(_Z85)
VALUES_A85 = _digit_values("".join(map(chr, range(33, 33 + 85))))


class Budget:
    """Bounds the work: decoded text to four characters for each one in, views to two; 64 and 128 KiB at least.

    Attempts that fail are not charged: a long run is judged by its head, a short one costs its own length. What was
    made of a run or a chunk is kept: most come again in the next reading. `known`: run → what it decodes to;
    `hopeless`: run → the ways (`Way`) that need not be tried; `parts`: chunk → the runs in it; `turned`: chunk → what
    ROT47 makes of it.
    """

    __slots__ = ("hopeless", "known", "parts", "text", "turned", "views")

    def __init__(self, size: int) -> None:
        self.text = max(4 * size, 1 << 16)
        self.views = max(2 * size, 1 << 17)
        self.known: dict[str, list[tuple[str, str]]] = {}
        self.hopeless: dict[str, int] = {}
        self.parts: dict[str, list[tuple[int, int, str]]] = {}
        self.turned: dict[str, list[tuple[int, int, str]]] = {}

    def take(self, size: int) -> bool:
        """Pay for a decoded text; False when there is no more."""
        if size > self.text:
            return False
        self.text -= size
        return True

    def view(self, size: int) -> bool:
        """Pay for one more view; False when there is no more."""
        if size > self.views:
            return False
        self.views -= size
        return True


class Way:
    """Codecs and directions that `sift` judges beforehand, as bits."""

    BASE64 = 1
    BASE64_REVERSED = 2
    ROT13_BASE64 = 4
    BASE85 = 8
    BASE85_REVERSED = 16
    ASCII85 = 32
    Z85 = 64
    ALL_85 = 120


def decodings(run: str, budget: Budget) -> list[tuple[str, str]]:
    """`(codec, text)` for every codec under which the run is text, likeliest first."""
    known = budget.known.get(run)
    if known is None:
        known = budget.known[run] = _decodings(run, budget)
    return known


def _decodings(run: str, budget: Budget) -> list[tuple[str, str]]:
    letters = set(run)
    fitting = _fitting(letters)
    if not fitting:
        return []
    found: list[tuple[float, str, str]] = []
    digits = run.isdigit()  # other codecs make next to no text of digits alone
    monotone = len(run) > _SNIFF and len(letters) < _FEWEST_SIGNS  # bits may be, no other long text is
    last = 1 if monotone else _OF_DIGITS if digits else len(_CODECS)
    hopeless = budget.hopeless.get(run, 0)
    for number in _numbers_of(fitting):
        if number >= last:
            break
        name, _, decode = _CODECS[number]
        if not hopeless & _WAYS.get(name, 0):
            _try(run, name, decode, budget, found)
        if name in _BOTH_WAYS and not hopeless & _WAYS.get(name + "-reversed", 0):
            _try(run[::-1], name + "-reversed", decode, budget, found, run)
    if not found and not digits and not monotone and fitting & _FITS_64 and not hopeless & Way.ROT13_BASE64:
        text = _attempt(run.translate(ROTATIONS[13]), _base64, budget)
        if text:
            found.append((quality(text), "rot13-base64", text))
    found.sort(key=lambda f: -f[0])
    return [(name, text) for _, name, text in found]


def _try(
    given: str,
    name: str,
    decode: Callable[[str], bytes],
    budget: Budget,
    found: list[tuple[float, str, str]],
    run: str = "",
) -> None:
    """One codec, one direction; `run`: what was turned round, if it was."""
    text = _attempt(given, decode, budget)
    if text and text != (run or given):
        worth = quality(text)
        if worth >= (_SHORT_WORTH if len(text) < _SHORT_TEXT else 0.01):
            found.append((worth + (0 if run else 0.05), name, text))


def has_64(run: str) -> bool:
    """Does the run fit base64? All alphabets but those to the base of 85 are part of it."""
    return _B64.issuperset(run)


def _fitting(letters: set[str]) -> int:
    """The codecs whose alphabet has all the letters, as bits by their place in the table."""
    fitting = _EVERY
    for letter in letters:
        fitting &= _FITS.get(letter, 0)
    return fitting


@lru_cache(maxsize=1024)
def _numbers_of(fitting: int) -> tuple[int, ...]:
    return tuple(n for n in range(len(_CODECS)) if fitting >> n & 1)


def _attempt(run: str, decode: Callable[[str], bytes], budget: Budget) -> str:
    if len(run) > _SNIFF and not _promising(run, decode):
        return ""
    try:
        data = decode(run)
    except (ValueError, binascii.Error, OverflowError):
        return ""
    text = text_of(data, min(budget.text, _MOST_UNPACKED))
    return text if text and budget.take(len(text)) else ""


def _promising(run: str, decode: Callable[[str], bytes]) -> bool:
    """Does the head of a long run look like text or a compressed stream?"""
    try:
        head = decode(run[:160])
    except (ValueError, binascii.Error, OverflowError):
        return False
    if head[:2] in {b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"BZ"}:
        return True
    body = head[: len(head) - 8] or head
    return bool(text_of(body, _SNIFF) or text_of(body[:-1], _SNIFF) or text_of(body[:-2], _SNIFF))


def _base64(run: str) -> bytes:
    body = run.replace("-", "+").replace("_", "/").replace("=", "")
    if len(body) % 4 == 1:
        body = body[:-1]
    return binascii.a2b_base64(body + "=" * (-len(body) % 4))


def _base32(run: str) -> bytes:
    return _fives_of_bits(run.upper(), _FROM_STANDARD)


def _base32hex(run: str) -> bytes:
    return _fives_of_bits(run.upper(), {})


def _crockford(run: str) -> bytes:
    return _fives_of_bits(run.upper(), _FROM_CROCKFORD)


def _human32(run: str) -> bytes:
    return _fives_of_bits(run, _FROM_HUMAN)


def _fives_of_bits(run: str, digits: dict[int, int]) -> bytes:
    """Digits of five bits; `digits`: what each is to `int`. Raises `ValueError` for a length that no bytes have."""
    body = run.rstrip("=")
    if "=" in body or len(body) % 8 not in _WHOLE_BYTES:
        raise ValueError
    size = len(body) * 5 // 8
    return (int(body.translate(digits), 32) >> len(body) * 5 - 8 * size).to_bytes(size, "big") if body else b""


def _decimal(run: str) -> bytes:
    """Three digits a byte."""
    return _triples(run, 10)


def _octal(run: str) -> bytes:
    return _triples(run, 8)


def _triples(run: str, base: int) -> bytes:
    if len(run) % 3 or len(run) < 12:
        raise ValueError
    return bytes(int(run[i : i + 3], base) for i in range(0, len(run), 3))


def _hex(run: str) -> bytes:
    return bytes.fromhex(run)


def _base58(run: str) -> bytes:
    if not 8 <= len(run) <= _LONGEST_58:
        raise ValueError
    value = 0
    for c in run:
        value = value * 58 + _B58_VALUES[c]
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _base85(run: str) -> bytes:
    return _fives(run, VALUES_85)


def _ascii85(run: str) -> bytes:
    body = run.removeprefix("<~").removesuffix("~>")
    if "z" in body:  # stands for four zero bytes
        return base64.a85decode(body)
    return _fives(body, VALUES_A85)


def _z85(run: str) -> bytes:
    if len(run) % 5:
        raise ValueError
    return _fives(run, VALUES_Z85).rstrip(b"\0")


def _fives(run: str, values: dict[int, int]) -> bytes:
    """Five digits to the base of 85 are four bytes; the last group may be shorter. Raises `ValueError`."""
    digits = run.translate(values).encode("latin-1")
    if _NO_DIGIT in digits:
        raise ValueError
    missing = -len(digits) % 5
    row = iter(digits + b"\x54" * missing)
    words = [(((a * 85 + b) * 85 + c) * 85 + d) * 85 + e for a, b, c, d, e in zip(row, row, row, row, row, strict=True)]
    if words and max(words) > _WIDEST_WORD:
        raise ValueError
    data = b"".join([w.to_bytes(4, "big") for w in words])
    return data[: len(data) - missing] if missing else data


def _bits(run: str) -> bytes:
    for width in (8, 7):
        if len(run) % width == 0:
            data = bytes(int(run[i : i + width], 2) for i in range(0, len(run), width))
            if readable(data.decode("utf-8", "ignore")):
                return data
    raise ValueError


def _utf7(run: str) -> bytes:
    if "+" not in run[:-1]:
        raise ValueError
    return run.encode("ascii").decode("utf-7").encode("utf-8", "ignore")


def _punycode(run: str) -> bytes:
    if not run.lower().startswith("xn--"):
        raise ValueError
    return run[4:].encode("ascii").decode("punycode").encode()


_OF_DIGITS = 4
_FEWEST_SIGNS = 6
_SHORT_TEXT, _SHORT_WORTH = 8, 0.75  # a few signs are readable by chance; letters and digits seldom are
_BOTH_WAYS = frozenset({"binary", "hex", "base32", "base64", "base85"})
_CODECS: tuple[tuple[str, frozenset[str], Callable[[str], bytes]], ...] = (
    ("binary", frozenset("01"), _bits),
    ("hex", _HEX, _hex),
    ("decimal", frozenset(string.digits), _decimal),
    ("octal", frozenset(string.octdigits), _octal),
    ("base32", _B32, _base32),
    ("base32", frozenset(c.lower() for c in _B32), _base32),
    ("base32hex", frozenset(_EXTENDED + "="), _base32hex),
    ("base32hex", frozenset(_EXTENDED.lower() + "="), _base32hex),
    ("base32", frozenset(_CROCKFORD), _crockford),
    ("base32", frozenset(_CROCKFORD.lower()), _crockford),
    ("base32", frozenset(_HUMAN), _human32),
    ("base64", _B64, _base64),
    ("base58", frozenset(_B58), _base58),
    ("base85", frozenset(_B85), _base85),
    ("ascii85", frozenset(map(chr, range(33, 127))), _ascii85),
    ("z85", frozenset(_Z85), _z85),
    ("utf7", _B64, _utf7),
    ("punycode", _B64, _punycode),
)
_EVERY = (1 << len(_CODECS)) - 1
_FITS = {
    c: sum(1 << n for n, (_, alphabet, _) in enumerate(_CODECS) if c in alphabet)
    for c in frozenset().union(*(alphabet for _, alphabet, _ in _CODECS))
}
_FITS_64 = 1 << next(n for n, (name, _, _) in enumerate(_CODECS) if name == "base64")
_WAYS = {
    "base64": Way.BASE64,
    "base64-reversed": Way.BASE64_REVERSED,
    "base85": Way.BASE85,
    "base85-reversed": Way.BASE85_REVERSED,
    "ascii85": Way.ASCII85,
    "z85": Way.Z85,
}
