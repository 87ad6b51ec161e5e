"""Bytes → text, when they are text."""

from __future__ import annotations

import bz2
import zlib
from collections import Counter
from collections.abc import Iterator

from guardproxy.core.canonical.fixed import fixed_bytes
from guardproxy.core.canonical.fold import FOLD, is_invisible

_ZLIB_AUTO = 47  # zlib or gzip header, detected
_SAMPLE = 1024
_BELIEVED = 0.6
_ENOUGH = 8  # bytes; below, chance passes for text
_HEADS = frozenset({b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x78\x5e", b"BZ"})
_TEXT = fixed_bytes(
    rb"(?:[\t-\r\x1c-\x7f]++|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})++"
)
"""UTF-8 without the controls that no text has."""
_LETTERS = bytes(b for b in range(128) if chr(b).isalpha() or b == 32)
_SIGNS = bytes(b for b in range(128) if chr(b).isprintable() or chr(b).isspace()) + bytes(range(0xC2, 0xF5))
_NO_SIGN = bytes(sorted(frozenset(range(256)) - frozenset(_SIGNS)))
_PLAIN = {cp: None for cp in range(128) if chr(cp).isalnum() or chr(cp) in " -'"}


def readable(text: str) -> bool:
    """True when every character is printable, white space, a mark or invisible, and some are letters or digits."""
    if not text:
        return False
    bare = text if text.isprintable() else "".join(c for c in text if not (c.isspace() or is_invisible(c)))
    if not bare.isprintable() or any(c < " " and not c.isspace() for c in text if is_invisible(c)):
        return False
    return any(c.isalnum() for c in bare)


def quality(text: str) -> float:
    """Share of letters, digits and spaces among what is seen, 0 … 1; one alphabet counts more than a mixture."""
    sample = text[:_SAMPLE]
    if not (sample.isascii() and sample.isprintable()):
        sample = sample.translate(FOLD)
    plain = len(sample) - len(sample.translate(_PLAIN))
    if sample.isascii():
        return plain / max(1, len(sample))
    blocks = Counter(_block(ord(c)) for c in sample if not c.isascii() and c.isalnum())
    other = max(blocks.values(), default=0) if len(sample) > 4 or len(blocks) == 1 else 0
    return (plain + 0.9 * other) / max(1, len(sample))


def _block(cp: int) -> int:
    """Letters used together: Han and kana are one block, Hangul another, else 256 code points."""
    if 0x3000 <= cp < 0xA000:
        return -1
    return -2 if 0xAC00 <= cp < 0xD800 else cp >> 8


def text_of(data: bytes, limit: int) -> str:
    """The text that bytes hold, or "". Tries compression, UTF-8, UTF-16, UTF-32; `limit` bounds what is unpacked."""
    if data[:2] in _HEADS:
        data = _unpacked(data, limit) or data
    if b"\0" not in data:
        if _TEXT.fullmatch(data):
            text = data.decode("utf-8-sig")
        else:
            text = _mostly(data) if len(data) >= _ENOUGH else ""
        if text and believable(text):
            return text
    if len(data) >= _ENOUGH or b"\0" in data:
        return next((r for r in _wide(data) if "\ufffd" not in r and believable(r)), "")
    return ""


def believable(text: str) -> bool:
    """Readable, and hardly so by chance: ASCII throughout, or mostly letters of one alphabet."""
    return readable(text) and (text.isascii() or quality(text) >= _BELIEVED)


def _unpacked(data: bytes, limit: int) -> bytes:
    try:
        if data[:2] in {b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x78\x5e"}:
            return zlib.decompressobj(_ZLIB_AUTO).decompress(data, limit)
        if data[:3] == b"BZh":
            return bz2.BZ2Decompressor().decompress(data, limit)
    except (zlib.error, OSError, ValueError, EOFError):
        return b""
    return b""


def _wide(data: bytes) -> Iterator[str]:
    """UTF-16 and UTF-32, which repeat their high bytes."""
    if len(data) % 2:
        return
    high, low = data[1::2], data[::2]
    few = max(2 if len(data) >= _ENOUGH else 1, len(high) // 8)
    if not len(data) % 4 and not data[3::4].strip(b"\0"):
        yield data.decode("utf-32-le", "replace")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        yield data.decode("utf-16", "replace")
    if len(set(high)) <= few:
        yield data.decode("utf-16-le", "replace")
    if len(set(low)) <= few:
        yield data.decode("utf-16-be", "replace")


def _mostly(data: bytes) -> str:
    """UTF-8 with a few broken bytes at the edges (a run cut or joined with a neighbour), or Latin-1; else ""."""
    signs = len(data.translate(None, _NO_SIGN))  # each sign has one such byte; a letter of ASCII is one
    if signs < 0.8 * len(data) or _is_utf8(data):
        return ""
    loose = data.decode("utf-8", "ignore")
    printable = sum(c.isprintable() or c.isspace() for c in loose)
    if printable >= 0.8 * len(data):
        return "".join(c if c.isprintable() or c.isspace() else " " for c in loose)
    letters = len(data) - len(data.translate(None, _LETTERS))
    return data.decode("latin-1") if letters >= 0.85 * len(data) else ""


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def text_of_numbers(values: list[int]) -> str:
    """Character codes → text: bytes of UTF-8 when they fit, else code points."""
    if any(v < 9 or v > 0x10FFFF or 0xD800 <= v <= 0xDFFF for v in values):
        return ""
    if max(values) < 256 and max(values) > 127:
        try:
            return bytes(values).decode("utf-8")
        except UnicodeDecodeError:
            pass
    text = "".join(map(chr, values))
    return text if believable(text) else ""
