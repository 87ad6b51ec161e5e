"""`data:` URLs: text inside is decoded and looked at, anything else is a thing no text detector can read.

text_of_data_url(url: str) -> str | None     the text, None when it is no readable text
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64
from urllib.parse import unquote_to_bytes

_READABLE_CHARSETS = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})


def is_data_url(url: str) -> bool:
    """True for `data:` in any case, with white space before it."""
    return url.lstrip()[:5].lower() == "data:"


def text_of_data_url(url: str) -> str | None:
    """The text of a `data:text/*` URL (RFC 2397; no media type means text/plain); None for all others."""
    head, comma, payload = url.strip()[5:].partition(",")
    media, *parameters = [piece.strip().lower() for piece in head.split(";")]
    charset = next((p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")), "")
    if not comma or charset not in _READABLE_CHARSETS or not (media.startswith("text/") or media == ""):
        return None
    try:
        raw = unquote_to_bytes(payload)
        if "base64" in parameters:
            raw = b64decode(b"".join(raw.split()) + b"==", altchars=b"-_") if b"-" in raw or b"_" in raw else _b64(raw)
        return raw.decode("utf-8")
    except (BadBase64, UnicodeDecodeError):
        return None


def _b64(raw: bytes) -> bytes:
    squeezed = b"".join(raw.split())
    return b64decode(squeezed + b"=" * (-len(squeezed) % 4), validate=True)
