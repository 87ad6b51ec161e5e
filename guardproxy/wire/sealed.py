"""Strings that only the model's maker can read: signatures, encrypted results (Anthropic's and the Responses surface).

is_sealed(text) -> bool     true for base64 of bytes that are no text
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64

_URL_SAFE = str.maketrans("-_", "+/")
SHORTEST = 24
"""Fewer bytes could be no UTF-8 by chance although somebody chose the letters."""


def is_sealed(text: str) -> bool:
    """True when nobody but the sealer can read anything out of it: neither the letters nor what they stand for."""
    if len(text) < SHORTEST or not text.isascii():
        return False
    try:
        raw = b64decode(text.translate(_URL_SAFE) + "=" * (-len(text) % 4), validate=True)
    except BadBase64:
        return False
    return not _is_text(raw) and _is_random(text)


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_random(text: str) -> bool:
    """Letters of sealed bytes are of all sorts; words written without spaces are mostly of one."""
    body = text.rstrip("=")
    lower = sum(c.islower() for c in body)
    return 0.2 * len(body) < lower < 0.65 * len(body) and any(c.isdigit() for c in body)
