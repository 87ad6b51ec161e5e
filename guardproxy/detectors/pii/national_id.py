"""National identity, tax and social security numbers.

Where the check digits are weak (one digit in ten passes by chance) or missing, a word that names the number must
stand to the left. Rules and check digits are python-stdnum's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import re2
from stdnum.br import cpf
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.us import ssn

from guardproxy.detectors.pii.digits import groups
from guardproxy.detectors.recogniser import Hit, Recogniser, about, context, left_of, whole
from guardproxy.detectors.shape import chars, compiled, either, maybe, seq, times


def _always(value: str) -> bool:
    """The form alone decides; there is no check digit."""
    return bool(value)


@dataclass(frozen=True, slots=True)
class Kind:
    """One country's number: how many digits, the forms it is written in, its check, the words that must name it.

    No words: the check digits are strong, or the form is like nothing else.
    """

    digits: int
    label: str
    forms: re2._Regexp
    valid: Callable[[str], bool]
    named: re2._Regexp | None = None


_SOCIAL = context("ssn", r"social\W{0,2}sec", r"soc\W{0,2}sec", r"tax(?:payer)?\W{0,2}id", "itin")
_INSURANCE = context("insurance", "nino", r"\bni\b")

KINDS = (
    Kind(9, "social security number", compiled(r"[0-9]{3}[ .-]?[0-9]{2}[ .-]?[0-9]{4}"), ssn.is_valid, _SOCIAL),
    Kind(11, "tax number", compiled(r"[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}"), idnr.is_valid,
         context("steuer", r"\btax\b", "idnr", r"\btin\b", "identifikationsn")),
    Kind(15, "social security number", compiled(r"[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}"),
         nir.is_valid),
    Kind(8, "identity card number", compiled(r"[0-9]{8}-?[A-Z]"), dni.is_valid),
    Kind(7, "identity card number", compiled(r"[XYZ]-?[0-9]{7}-?[A-Z]"), nie.is_valid),
    Kind(0, "tax number", compiled(r"[A-Z]{6}[0-9L-V]{2}[A-Z][0-9L-V]{2}[A-Z][0-9L-V]{3}[A-Z]"), codicefiscale.is_valid),
    Kind(9, "citizen number", compiled(r"[0-9]{9}|[0-9]{4}[ .][0-9]{2}[ .][0-9]{3}|[0-9]{3}[ .][0-9]{3}[ .][0-9]{3}"), bsn.is_valid,
         context(r"\bbsn\b", "burgerservice", "sofinummer", "citizen service")),
    Kind(11, "identity number", compiled(r"[0-9]{11}"), pesel.is_valid, context("pesel")),
    Kind(11, "tax number", compiled(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"), cpf.is_valid),
    Kind(11, "tax number", compiled(r"[0-9]{11}|[0-9]{9}-[0-9]{2}"), cpf.is_valid, context(r"\bcpf\b")),
    Kind(12, "identity number", compiled(r"[0-9]{4}([ -]?)[0-9]{4}[ -]?[0-9]{4}"), aadhaar.is_valid,
         context("aadha+r", "uidai", r"\buid\b", "आधार")),
    Kind(18, "identity card number", compiled(r"[1-9][0-9]{16}[0-9X]"), ric.is_valid),
    Kind(13, "identity number", compiled(r"[0-9]{6}-[0-9]{7}"), rrn.is_valid),
    Kind(6, "national insurance number", compiled(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] [0-9]{2} [0-9]{2} [0-9]{2} [A-D]"), _always),
    Kind(6, "national insurance number", compiled(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"), _always,
         _INSURANCE),
)  # fmt: skip
_NAMELESS = tuple(kind for kind in KINDS if kind.named is None)
_ANY_NAME = context(*(kind.named.pattern for kind in KINDS if kind.named))
_FEWEST, _MOST_GROUPS, _LONGEST = 8, 7, 24
_UNMARKED = str.maketrans("", "", " .-")
_MARK = maybe(chars("[ .-]"))
_DIGIT = chars("[0-9]")
_BLANK = maybe(chars(" "))
_PAIR = times(_DIGIT, 2, 2)


class NationalId(Recogniser):
    """US, UK, DE, FR, ES, IT, NL, PL, BR, IN, CN and KR numbers."""

    info = about("pii.national_id", "1", "privacy.pii", personal=True)
    needs = r"[0-9]{2}[A-Z0-9 .-]{0,4}[0-9]"
    shape = either(
        seq(
            chars(r"\b[0-9]"),
            times(seq(_MARK, _DIGIT), 4, 24),
            maybe(seq(chars("[AB]"), times(seq(_MARK, _DIGIT), 8, 8))),
            maybe(seq(maybe(chars("-")), chars("[A-Z]"))),
        ),
        seq(chars(r"\b[XYZ]"), maybe(chars("-")), times(_DIGIT, 7, 7), maybe(chars("-")), chars("[A-Z]")),
        seq(
            chars(r"\b[A-Z]"), times(chars("[A-Z]"), 5, 5), times(chars("[0-9A-Z]"), 9, 9), chars("[A-Z]"),
        ),
        seq(chars(r"\b[A-Z]"), chars("[A-Z]"), times(seq(_BLANK, _PAIR), 3, 3), _BLANK, chars("[A-D]")),
    )  # fmt: skip

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        before = left_of(text, start)
        kinds = _named(before)
        done = start
        for since, until in _readings(text, start, end, frozenset(kind.digits for kind in kinds)):
            if since < done or not whole(text, since, until):
                continue
            value = text[since:until]
            kind = next((k for k in kinds if k.forms.fullmatch(value) and k.valid(value.translate(_UNMARKED))), None)
            if kind:
                yield Hit(since, until, kind.label)
                done = until


def _named(before: str) -> tuple[Kind, ...]:
    """The kinds that need no name, and those that the text to the left names."""
    if not _ANY_NAME.search(before):
        return _NAMELESS
    return tuple(kind for kind in KINDS if kind.named is None or kind.named.search(before))


def _readings(text: str, start: int, end: int, digits: frozenset[int]) -> Iterator[tuple[int, int]]:
    """The stretch itself, then its runs of groups with a number of digits that counts: numbers stand side by side."""
    if end - start <= _LONGEST:
        yield start, end
    if any("A" <= char <= "Z" for char in text[start : end - 2]):
        return
    parts = groups(text, start, end)
    most = max(digits)
    for first in range(len(parts)):
        size = 0
        for part in parts[first : first + _MOST_GROUPS]:
            size += len(part.digits)
            if size in digits and size > _FEWEST and (part is not parts[-1] or first):
                yield parts[first].start, part.end
            if size >= most:
                break
