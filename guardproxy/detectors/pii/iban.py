"""Bank account numbers after ISO 13616: country, check digits (mod 97), the country's structure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import re2
from stdnum import iban, numdb

from guardproxy.detectors.recogniser import Hit, Recogniser, about
from guardproxy.detectors.shape import chars, either, maybe, seq, times


@cache
def length_of(country: str) -> int:
    """Characters of an IBAN of that country by the SWIFT registry that python-stdnum carries; 0 if it has none."""
    (_, facts), *_ = numdb.get("iban").info(country)
    return 4 + sum(map(int, re2.findall("[0-9]+", facts["bban"]))) if "bban" in facts else 0


class Iban(Recogniser):
    """Upper case, in one piece or in groups with single blanks or hyphens; lower case in one piece."""

    info = about("pii.iban", "1", "privacy.pii", personal=True)
    needs = r"\b[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]"
    shape = either(
        seq(
            chars(r"\b[A-Z]"),
            chars("[A-Z]"),
            times(chars("[0-9]"), 2, 2),
            times(seq(maybe(chars("[ -]")), chars("[A-Z0-9]")), 11, 36),
        ),
        seq(chars(r"\b[a-z]"), chars("[a-z]"), times(chars("[0-9]"), 2, 2), times(chars("[a-z0-9]"), 11, 30)),
    )

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        size = length_of(text[start : start + 2].upper())
        letters = [at for at in range(start, end) if text[at].isalnum()]
        if not size or len(letters) < size:
            return
        until = letters[size - 1] + 1
        value = "".join(text[at] for at in letters[:size])
        if not text[until : until + 1].isalnum() and iban.is_valid(value, check_country=False):
            yield Hit(start, until, "bank account number")
