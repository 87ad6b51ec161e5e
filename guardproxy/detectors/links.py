"""Links and images that lead to hosts the operator did not list.

A model that was talked into it can carry text out as `![x](http://elsewhere/?q=…)`: the reader's client fetches the
picture and with it the query. So a link counts whole, from its scheme to its last character, in Markdown, HTML,
reference definitions and bare text alike, and a stream holds it until it has ended (threats.md ST-13).

Hazard: `custom.foreign_link`. No hazard rule can select it, only a rule that names the detector: the links of an
ordinary answer must not fall under "secrets" or "personal data" because the list of hosts is short.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from guardproxy.detectors.recogniser import Hit, Recogniser, about
from guardproxy.detectors.shape import anchored, any_case, chars, either, maybe, seq, times, word, words

_SLASHES = times(chars(r"[/\\]"), 1, 3)
_CHARS = r"\s<>\"'\x60)\]}|"
_BEYOND_DOT = r"\x{2E80}-\x{3001}\x{3003}-\x{FF60}\x{FF62}-\x{10FFFF}"
_HOST = times(chars(rf"[^{_CHARS}/\\?#{_BEYOND_DOT}]"), 0)
_PATH = times(chars(rf"[^{_CHARS}\x{{2E80}}-\x{{10FFFF}}]"), 0)
"""Links end where ideographs begin: those languages put no blank after a link. Their full stop is a dot in hosts."""
_URL = seq(_HOST, maybe(seq(chars(r"[/\\?#]"), _PATH)))
_QUOTING = either(words("](", "]:", '="', "='"), any_case(words("src=", "href=", "url(")))
_DOTS = str.maketrans({"。": ".", "｡": "."})
_END_MARKS = ".,;:!?*_~。｡"


class ForeignHost(Recogniser):
    """`allowed`: host names; `*.example.org` (or `.example.org`) allows every name below it, not itself."""

    info = about("links.foreign_host", "1", "custom.foreign_link")
    needs = r"[\\/]{2}|:[\\/]|(?i:www)\."
    shape = either(
        anchored(seq(any_case(words("https", "http", "ftps", "ftp", "wss", "ws")), word(":"), _SLASHES), _URL),
        anchored(seq(_QUOTING, times(chars(r"[ \"'<]"), 0, 2), times(chars(r"[/\\]"), 2, 2)), _URL),
        anchored(seq(chars(r"\b[wW]"), chars("[wW]"), chars("[wW]"), word(".")), _URL),
    )
    tail = _PATH

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        super().__init__()
        names = [_plain(name) for name in allowed]
        self._exact = frozenset(n for n in names if not n.startswith(("*", ".")))
        self._below = tuple("." + n.lstrip("*.") for n in names if n.startswith(("*", ".")))

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        stretch = text[start:end].rstrip(_END_MARKS)
        lead = _lead(stretch)
        host = _host(stretch[lead:])
        cut = text[end : end + 1] >= "\u2e80" and not _complete(stretch[lead:])
        if (host or cut) and (cut or not self.allows(host)):
            scheme = stretch[:lead].removesuffix(":").isalpha()
            yield Hit(start + (0 if scheme else lead), start + len(stretch), "link")

    def overgrown(self, text: str, start: int, end: int) -> str | None:
        stretch = text[start:end]
        rest = stretch[_lead(stretch) :]
        return None if _complete(rest) and self.allows(_host(rest)) else "link"

    def allows(self, host: str) -> bool:
        """Is this host, in plain lower-case form, in the list?"""
        return host in self._exact or host.endswith(self._below)


def _lead(stretch: str) -> int:
    """Offset of the slashes after the scheme, or of the host in `www.…`."""
    if stretch[:4].lower() == "www.":
        return 0
    return next((at for at, char in enumerate(stretch) if char in "/\\"), len(stretch))


def _complete(rest: str) -> bool:
    """Has the host ended?"""
    return any(mark in rest.lstrip("/\\") for mark in "/?#\\")


def _host(rest: str) -> str:
    r"""The host a browser would ask: what stands before the first `/`, `?`, `#` or `\\`, after the last `@`."""
    authority = rest.lstrip("/\\")
    for mark in "/?#\\":
        authority = authority.partition(mark)[0]
    host = authority.rpartition("@")[2]
    if not host.startswith("["):
        host = host.partition(":")[0]
    return _plain(host)


def _plain(host: str) -> str:
    return unicodedata.normalize("NFKC", unquote(host)).translate(_DOTS).lower().strip().rstrip(".")


def all_detectors(allowed: Iterable[str] = ()) -> tuple[Recogniser, ...]:
    """The one detector of this file, for a list of hosts."""
    return (ForeignHost(allowed),)
