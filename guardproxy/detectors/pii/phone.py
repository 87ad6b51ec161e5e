"""Telephone numbers by libphonenumber's number plans.

International form (`+…`) is enough by itself. A national form needs either the clear look of a telephone number in
its country, or a word such as "call" or "Telefon" to the left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import phonenumbers
from phonenumbers import NumberParseException

from guardproxy.detectors.pii.digits import inside_account
from guardproxy.detectors.recogniser import Hit, Recogniser, about, context, left_of
from guardproxy.detectors.shape import chars, compiled, either, maybe, seq, times

REGIONS = ("US", "GB", "DE", "FR", "ES")
_FEWEST, _MOST = 8, 15
"""Digits of an international number (ITU-T E.164)."""
_TRIES = 4
"""How many groups at the end may turn out to be another number's."""
_NEAR = 48
"""Characters to the left in which a naming word counts."""

_INTERNATIONAL = compiled(r"(?:\+|\b00) ?\(?[1-9][0-9 ().\-/]{5,22}[0-9]")
_CLEAR = {
    "US": compiled(
        r"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-]|[2-9][0-9]{2}[.\-/][2-9][0-9]{2}[.-])[0-9]{4}"
    ),
    "GB": compiled(r"\(?0[12378][0-9]{1,3}\)?[ -][0-9]{3,4}[ -]?[0-9]{3,4}"),
    "DE": compiled(r"\(?0[1-9][0-9]{1,4}\)?[ ]?[/ -][ ]?[1-9][0-9]{3,8}(?:[ -][0-9]{1,4})?"),
    "FR": compiled(r"0[1-9](?: [0-9]{2}){4}|0[1-9](?:\.[0-9]{2}){4}|0[1-9](?:-[0-9]{2}){4}"),
}
_NAMED = context(
    "phone", "telephon", r"\btel\b", r"\bcall", "mobile", r"\bcell", r"\bfax", r"\btext\b", "whatsapp", r"\bsms\b",
    "contact", "hotline", "reach (?:me|us|him|her|them)", r"\bdial", "ring (?:me|us)", "telefon", "handy", "mobil",
    "rufnummer", "anruf", "ruf mich", "tél", "appele", "portable", "teléfono", "móvil", "llám", "my number", "signal",
)  # fmt: skip
_OTHER = context(
    r"(?:order|invoice|ticket|account|tracking|serial|part|ref(?:erence)?|case|isbn|version|room|zip|id|card|ssn|iban)"
    r"(?: (?:number|no|nr|code|id))?\W{0,3}\z"
)
_DATE = compiled(r"[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}.*|[0-9]{1,2}[-./][0-9]{1,2}[-./](?:19|20)[0-9]{2}.*")
_LOCAL = compiled(r"[2-9][0-9]{2}[ .-][0-9]{4}|[0-9]{4}[ -][0-9]{3,4}")
_INNER = tuple("0123456789-./")
_MARKS = times(chars(r"[ ().\-/\x{200B}\x{2060}]"), 0, 3)


class Phone(Recogniser):
    """`regions`: ISO codes of the countries whose national forms are read."""

    info = about("pii.phone", "1", "privacy.pii", personal=True)
    needs = r"[0-9](?:[ ().\-/\x{200B}\x{2060}]{0,3}[0-9]){6}"
    shape = seq(
        either(seq(chars("[+(]"), maybe(chars("[( ]")), chars("[0-9]")), chars(r"\b[0-9]")),
        times(seq(_MARKS, chars("[0-9]")), 6, 26),
    )

    def __init__(self, regions: Sequence[str] = REGIONS) -> None:
        super().__init__()
        self._regions = tuple(regions)

    def check(self, text: str, start: int, end: int) -> Iterator[Hit]:
        before = text[start - 1 : start] if start else ""
        if (
            before.isalnum()
            or before in tuple("_\\")
            or text[end : end + 1].isalnum()
            or text[end : end + 1] in tuple("_%@=")
        ):
            return
        if inside_account(left_of(text, start)):
            return
        run = text[start:end]
        found = False
        for since, until in self._numbers(run, free=before not in tuple("./-$€£#&@=")):
            found = True
            yield Hit(start + since, start + until, "phone number")
        left = left_of(text, start)[-_NEAR:]
        if not found and _NAMED.search(left) and not _OTHER.search(left) and self._named(run):
            yield Hit(start, end, "phone number")

    def _numbers(self, run: str, *, free: bool) -> Iterator[tuple[int, int]]:
        """International and clearly written national numbers inside a run."""
        done = 0
        for match in _INTERNATIONAL.finditer(run):
            until = _possible(run, match.start(), match.end())
            if until:
                yield from self._national(run, done, match.start(), free=free)
                yield match.start(), until
                done = until
        yield from self._national(run, done, len(run), free=free)

    def _national(self, run: str, start: int, end: int, *, free: bool) -> Iterator[tuple[int, int]]:
        done = start
        for region in self._regions if free else ():
            pattern = _CLEAR.get(region)
            for match in pattern.finditer(run, start, end) if pattern else ():
                since, until = match.span()
                if since >= done and _apart(run, since, until) and _valid(run[since:until], region):
                    yield since, until
                    done = until

    def _named(self, run: str) -> bool:
        """A number somebody calls a telephone number: possible in one of the regions."""
        digits = sum(char.isdigit() for char in run)
        if not 7 <= digits <= 15 or _DATE.fullmatch(run):
            return False
        if digits <= 8:
            return bool(_LOCAL.fullmatch(run))
        return any(_plausible(run, region) for region in self._regions)


def _apart(run: str, since: int, until: int) -> bool:
    """Not a piece of a longer number; written with blanks only, it must be all there is."""
    if since == 0 and until == len(run):
        return True
    if all(char.isdigit() or char == " " for char in run[since:until]):
        return False
    before, after = run[:since], run[until:]
    return not before.endswith(_INNER) and not after.startswith(_INNER)


def _possible(run: str, start: int, end: int) -> int:
    """Where an international number that starts here ends; 0 if there is none. Shorter readings are tried in turn."""
    until = end
    for _ in range(_TRIES):
        if _FEWEST <= sum(char.isdigit() for char in run[start:until]) <= _MOST and _international(run[start:until]):
            return until
        while until > start and run[until - 1].isdigit():
            until -= 1
        while until > start and not run[until - 1].isdigit():
            until -= 1
    return 0


def _international(value: str) -> bool:
    """`+…` need only be possible; `00…` might be any number, so it must be one that is given out."""
    try:
        if value.startswith("+"):
            return bool(phonenumbers.is_possible_number(phonenumbers.parse(value, None)))
        return bool(phonenumbers.is_valid_number(phonenumbers.parse("+" + value.removeprefix("00"), None)))
    except NumberParseException:
        return False


def _valid(value: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value, region))
    except NumberParseException:
        return False


def _plausible(value: str, region: str) -> bool:
    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException:
        return False
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
