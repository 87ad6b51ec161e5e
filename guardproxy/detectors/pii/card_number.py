"""Payment card numbers: issuer prefix and length, Luhn check digit, the groups that are printed on cards."""

from __future__ import annotations

from collections.abc import Iterator

from stdnum import luhn

from guardproxy.detectors.pii.digits import SEPARATOR, Group, groups, inside_account
from guardproxy.detectors.recogniser import Hit, Recogniser, about, context, left_of
from guardproxy.detectors.shape import chars, maybe, seq, times

_ISSUERS = (  # first digits from … to, lengths; issuers' published ranges
    (34, 34, (15,)), (37, 37, (15,)),                                   # American Express
    (4, 4, (13, 16, 19)),                                               # Visa
    (51, 55, (16,)), (2221, 2720, (16,)),                               # Mastercard
    (6011, 6011, (16, 19)), (644, 649, (16, 19)), (65, 65, (16, 19)),   # Discover
    (3528, 3589, (16, 19)),                                             # JCB
    (300, 305, (14,)), (36, 36, (14,)), (38, 39, (14,)),                # Diners Club
    (62, 62, (16, 17, 18, 19)),                                         # UnionPay
    (5018, 5018, (16, 18, 19)), (5020, 5020, (16,)), (5038, 5038, (16,)), (6304, 6304, (16, 18, 19)),  # Maestro
    (6759, 6759, (16, 18, 19)), (6761, 6763, (16, 18, 19)), (2200, 2204, (16, 19)), (60, 60, (16,)),  # Maestro, Mir, RuPay
)  # fmt: skip
_PRINTED = ((4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 13), (4, 4, 4, 3))
_SHORTEST, _SHORTEST_GROUP = 13, 4
_OTHER_NUMBERS = context(r"(?:order|tracking|invoice|serial|part|isbn|imei|parcel|shipment|ticket)[a-z .:#]{0,12}\z")


class CardNumber(Recogniser):
    """13 to 19 digits in one piece or in the printed groups."""

    info = about("pii.card_number", "1", "privacy.pii", personal=True)
    needs = r"[0-9](?:[ \-.\x{AD}\x{200B}-\x{200D}\x{2060}\x{FEFF}]?[0-9]){12}"
    shape = seq(chars(r"\b[0-9]"), times(seq(maybe(SEPARATOR), chars("[0-9]")), 12, 34))

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        if text[start - 1 : start].isalpha() or text[end : end + 1].isalnum():
            return
        if inside_account(left_of(text, start)):
            return
        parts = groups(text, start, end)
        at = 0
        while at < len(parts):
            if len(parts[at].digits) < _SHORTEST_GROUP:
                at += 1
                continue
            size = next((n for n in (5, 4, 3, 2, 1) if _printed(parts[at : at + n], n)), 0)
            found = parts[at : at + size]
            if size and not (size == 1 and _OTHER_NUMBERS.search(left_of(text, found[0].start))):
                yield Hit(found[0].start, found[-1].end, "card number")
                at += size
            else:
                at += 1


def _printed(parts: list[Group], size: int) -> bool:
    lengths = tuple(len(p.digits) for p in parts)
    if len(parts) != size or (lengths not in _PRINTED if size > 1 else lengths[0] < _SHORTEST):
        return False
    if len({p.separator for p in parts[1:]}) > 1 or parts[0].separator == ".":
        return False  # after a dot: the fraction of a number
    digits = "".join(p.digits for p in parts)
    return _issued(digits) and len(set(digits)) > 1 and luhn.is_valid(digits)


def _issued(digits: str) -> bool:
    return any(
        len(digits) in lengths and low <= int(digits[: len(str(low))]) <= high for low, high, lengths in _ISSUERS
    )
