"""Keys, tokens and passwords in a text: by their known beginnings, by what they are assigned to, by entropy.

Values without an upper length (`token=…`, PEM blocks) have an anchor; once the anchor is there, a stream that goes
past the longest match waited for counts as a match (threats.md ST-05).
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator

from guardproxy.detectors.recogniser import Hit, Recogniser, about
from guardproxy.detectors.shape import anchored, any_case, chars, compiled, either, maybe, seq, times, word, words

_PREFIXED = {  # beginning → least length of what follows, at the issuer's publication
    "AKIA": 16, "ASIA": 16, "ghp_": 36, "gho_": 36, "ghu_": 36, "ghs_": 36, "ghr_": 36, "github_pat_": 40,
    "glpat-": 20, "sk-": 20, "sk_live_": 16, "sk_test_": 16, "rk_live_": 16, "rk_test_": 16, "whsec_": 24,
    "xoxb-": 20, "xoxp-": 20, "xoxa-": 20, "xoxr-": 20, "xoxs-": 20, "xapp-": 20, "AIza": 35, "ya29.": 20, "hf_": 30,
    "npm_": 36, "pypi-AgE": 40, "SG.": 40, "dop_v1_": 60, "shpat_": 32, "shpss_": 32, "gsk_": 40, "xai-": 40, "hvs.": 24,
    "dckr_pat_": 24, "lin_api_": 32, "figd_": 32, "rubygems_": 40, "tskey-": 20, "gp_": 32, "r8_": 30,
}  # fmt: skip
_EXACT = frozenset({"AKIA", "ASIA"})
_KEY_NAMES = words(
    "api_key", "api-key", "apikey", "api key", "secret_key", "secret-key", "secretkey", "access_key", "access-key",
    "accesskey", "client_secret", "client-secret", "clientsecret", "private_key", "account_key", "accountkey",
)  # fmt: skip
_TOKEN_NAMES = words("token", "password", "passwd", "passphrase", "pwd", "secret", "passwort", "contraseña")
_QUOTE = maybe(chars(r"[\"'\x60]"))
_BLANKS = times(chars(r"[ \t]"), 0, 3)
_ASSIGNED = seq(_QUOTE, _BLANKS, chars("[:=]"), maybe(chars("[=>]")), _BLANKS, _QUOTE)
_VALUE = times(chars(r"[^\s\"'\x60<>()\[\]{},;&|\\\x{2E80}-\x{10FFFF}]"), 0)
_OPAQUE = times(chars(r"[A-Za-z0-9_.~+/=-]"), 0)
_KEY_CHARS = times(chars("[A-Za-z0-9_.-]"), 0)

_PLACEHOLDER = compiled(
    r"(?i)(?:x{4,}|\*{3,}|\.{3,}|your|example|changeme|placeholder|redacted|dummy|insert|todo|environ|getenv|process\.env"
    r"|config\.|settings\.|self\.|none$|null$|true$|false$|undefined$|str$|string$|password$|secret$|token$|required$"
    r"|optional$|https?:)|^[$%{<]|_here$"
)


def entropy(value: str) -> float:
    """Shannon entropy of the characters, bits each: words about 3, random base64 of 32 characters about 4.5."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values()) if value else 0.0


def _random(value: str, least: int) -> bool:
    """Long enough, digits and letters mixed, no word for "put yours here"."""
    if len(value) < least or _PLACEHOLDER.search(value):
        return False
    return sum(c.isdigit() for c in value) >= 2 and any(c.isalpha() for c in value) and entropy(value) >= 2.8


def _issued(rest: str, prefix: str) -> bool:
    """Could this follow such a prefix? Amazon's ids are capitals and digits; elsewhere words in kebab case are not."""
    if prefix in _EXACT:
        return len(rest) == _PREFIXED[prefix] and rest.isalnum() and rest.isupper()
    longest = max(map(len, rest.replace("-", "_").replace(".", "_").split("_")))
    return longest >= 10 and _random(rest, _PREFIXED[prefix])


class ApiKey(Recogniser):
    """Keys with a known beginning, and random values assigned to something called a key."""

    info = about("secrets.api_key", "1", "security.secrets")
    needs = r"[A-Za-z0-9_.-]{16}"
    shape = either(
        anchored(seq(chars(r"\b"), words(*_PREFIXED)), _KEY_CHARS),
        anchored(seq(any_case(_KEY_NAMES), _ASSIGNED), _OPAQUE),
    )
    tail = _OPAQUE

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        value = text[start:end].rstrip(".-")
        prefix = max((p for p in _PREFIXED if value.startswith(p)), key=len, default="")
        if prefix:
            if _issued(value[len(prefix) :], prefix):
                yield Hit(start, start + len(value), "API key")
            return
        since = start + _after_sign(text[start:end])
        value = text[since:end].rstrip(".")
        if _random(value, 16) and entropy(value) >= 3.2:
            yield Hit(since, since + len(value), "API key")

    def overgrown(self, text: str, start: int, end: int) -> str | None:
        del text, start, end
        return "API key"


class PrivateKey(Recogniser):
    """PEM and PGP private keys, whole or cut off; line ends may be real, escaped or blanks."""

    info = about("secrets.private_key", "1", "security.secrets")
    needs = "PRIVATE KEY"
    _end = either(chars(r"[ \t\r\n]"), word("\\n"), word("\\r"))
    _ends = times(_end, 1)
    _base64 = chars("[A-Za-z0-9+/=]")
    _header = seq(times(chars("[A-Za-z-]"), 3), word(": "), times(chars(r"[^\r\n]"), 0), _ends)
    _lines = times(seq(times(_base64, 16), _ends), 0)
    _last = maybe(seq(times(_base64, 1, 15), _ends))
    _footer = maybe(seq(word("-----END "), times(chars("[A-Z ]"), 0, 40), word("-----")))
    shape = anchored(
        seq(
            word("-----BEGIN "),
            times(chars("[A-Z0-9 ]"), 0, 24),
            word("PRIVATE KEY"),
            maybe(word(" BLOCK")),
            word("-----"),
        ),
        seq(_ends, times(_header, 0), _lines, times(_base64, 0), _last, _footer),
    )
    tail = seq(times(_base64, 0), times(_end, 0), _lines, times(_base64, 0), _last, _footer)

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        body = text[start:end].partition("KEY")[2]
        if sum(char.isalnum() for char in body.partition("-----END")[0]) >= 24:
            yield Hit(start, start + len(text[start:end].rstrip()), "private key")

    def overgrown(self, text: str, start: int, end: int) -> str | None:
        del text, start, end
        return "private key"


class Token(Recogniser):
    """JSON web tokens, bearer and basic credentials, passwords that are assigned or stand in a connection string."""

    info = about("secrets.token", "1", "security.secrets")
    needs = r"eyJ|[:=]|(?i:bearer)"
    shape = either(
        anchored(word(r"eyJ"), _KEY_CHARS),
        anchored(seq(any_case(words("bearer", "basic")), times(chars(" "), 1, 2)), _OPAQUE),
        anchored(seq(any_case(_TOKEN_NAMES), _ASSIGNED), _VALUE),
        anchored(
            word("://"),
            seq(times(chars(r"[^\s/:@\"'<>]"), 0), word(":"), times(chars(r"[^\s/@\"'<>]"), 0), word("@")),
        ),
    )
    tail = _VALUE

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        stretch = text[start:end]
        if stretch.startswith("eyJ"):
            parts = stretch.rstrip(".").split(".")
            if len(parts) >= 2 and len(parts[0]) >= 12 and len(parts[1]) >= 12:
                yield Hit(start, start + len(stretch.rstrip(".")), "access token")
        elif stretch.startswith("://"):
            yield from _in_url(stretch, start)
        elif stretch[:6].lower() == "bearer" or stretch[:5].lower() == "basic":
            value = stretch.split(" ", 1)[1].strip().rstrip(".")
            if _random(value, 16) or (stretch[:5].lower() == "basic" and _user_and_password(value)):
                since = start + stretch.index(value)
                yield Hit(since, since + len(value), "access token")
        else:
            yield from _assigned(stretch, start)

    def overgrown(self, text: str, start: int, end: int) -> str | None:
        stretch = text[start:end]
        if stretch.startswith("eyJ"):
            return "access token" if "." in stretch else None
        if stretch.startswith("://"):
            return "password" if ":" in stretch[3:] else None
        return "access token"


def _user_and_password(value: str) -> bool:
    """Is this the base64 of `user:password`?"""
    try:
        return len(value) >= 8 and b":" in b64decode(value, validate=True)
    except binascii.Error:
        return False


def _after_sign(stretch: str) -> int:
    """Offset of the value in `name = "value`."""
    sign = min(at for at in (stretch.find(":"), stretch.find("="), len(stretch)) if at >= 0)
    while sign < len(stretch) and stretch[sign] in ":=> \t\"'`":
        sign += 1
    return sign


def _assigned(stretch: str, start: int) -> Iterator[Hit]:
    since = _after_sign(stretch)
    value = stretch[since:].rstrip(".:!?")
    if len(value) < 6 or _PLACEHOLDER.search(value):
        return
    password = stretch[:2].lower() in ("pa", "pw", "co")
    sign = stretch[:since]
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    plain = password and ("=" in sign or '"' in sign or "'" in sign)
    if (mixed and (password or len(value) >= 8)) or plain or (len(value) >= 20 and entropy(value) >= 3.5):
        yield Hit(start + since, start + since + len(value), "password" if password else "access token")


def _in_url(stretch: str, start: int) -> Iterator[Hit]:
    user, _, rest = stretch[3:].partition(":")
    password, at, _ = rest.partition("@")
    if at and len(password) >= 3 and not _PLACEHOLDER.search(password):
        since = start + 3 + len(user) + 1
        yield Hit(since, since + len(password), "password")


def all_detectors() -> tuple[Recogniser, ...]:
    """One of each."""
    return (ApiKey(), PrivateKey(), Token())
