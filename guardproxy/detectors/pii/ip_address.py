"""IPv4 and IPv6 addresses of hosts. Loopback, unspecified, netmasks and version numbers are none."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from guardproxy.detectors.recogniser import Hit, Recogniser, about, context, left_of
from guardproxy.detectors.shape import chars, either, seq, times, word

_HEX = "[0-9A-Fa-f]"
_ADDRESS = context(
    r"\bip", "address", "host", "server", "ping", "dns", "gateway", "subnet", "connect", "router", "adresse"
)
_VERSION = context(r"(?:\bv|version|release|build|firmware|upgraded?|section|chapter|clause|article|oid)[ .:=-]{0,3}\z")


class IpAddress(Recogniser):
    """Four decimal parts up to 255, or a valid IPv6 text form that starts with hexadecimal digits."""

    info = about("pii.ip_address", "1", "privacy.pii", personal=True)
    needs = r"[0-9]\.[0-9]|:[0-9A-Fa-f]{0,4}:"
    shape = either(
        seq(
            chars(r"\b[0-9]"),
            times(chars("[0-9]"), 0, 2),
            times(seq(word("."), times(chars("[0-9]"), 1, 3)), 3, 12),
        ),
        seq(
            chars(rf"\b{_HEX}"),
            times(chars(_HEX), 0, 3),
            times(seq(word(":"), times(chars(_HEX), 0, 4)), 2, 8),
        ),
    )

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        before, after = text[start - 1 : start] if start else "", text[end : end + 1]
        if before.isalnum() or before in tuple("._:-") or after.isalnum() or after == "_":
            return
        value = text[start:end]
        personal = _v6(value) if ":" in value else _v4(value, left_of(text, start))
        if personal:
            yield Hit(start, end - (value.endswith(":") and not value.endswith("::")), "IP address")


def _v4(value: str, before: str) -> bool:
    try:
        address = IPv4Address(value)
    except AddressValueError:
        return False
    if address.is_loopback or address.is_unspecified or value.startswith(("255.", "0.")):
        return False
    if _VERSION.search(before):
        return False
    small = all(len(part) == 1 for part in value.split("."))
    return not small or bool(_ADDRESS.search(before))


def _v6(value: str) -> bool:
    if not any(char.isdigit() for char in value):
        return False
    try:
        address = IPv6Address(value if value.endswith("::") else value.rstrip(":"))
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)
