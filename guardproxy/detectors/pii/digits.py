"""A run of digits cut into the groups it was written in."""

from __future__ import annotations

from dataclasses import dataclass

from guardproxy.detectors.shape import chars, compiled

SEPARATOR = chars(r"[ \-.\x{AD}\x{200B}-\x{200D}\x{2060}\x{FEFF}]")
"""One mark between groups; invisible characters count, or they would be a way past the check digits."""

INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")


@dataclass(frozen=True, slots=True)
class Group:
    """Digits without a mark between them, and the mark before them ("" at the start of the run)."""

    digits: str
    start: int
    end: int
    separator: str


def groups(text: str, start: int, end: int) -> list[Group]:
    """The groups of `text[start:end]`, which holds digits and separators only."""
    found: list[Group] = []
    digits, since, until, mark = "", start, start, ""
    for at in range(start, end):
        char = text[at]
        if char in INVISIBLE:
            continue
        if char.isdigit():
            since = since if digits else at
            digits += char
            until = at + 1
        elif digits:
            found.append(Group(digits, since, until, mark))
            digits, mark = "", char
    if digits:
        found.append(Group(digits, since, until, mark))
    return found


_ACCOUNT_BEGUN = compiled(r"\b[a-z]{2}[0-9]{2}(?:[ -][a-z0-9]{4}){0,8}[ -]?\z")


def inside_account(before: str) -> bool:
    """True when the lower-case text before a run is the beginning of an IBAN: its groups are no numbers by themselves."""
    return bool(_ACCOUNT_BEGUN.search(before))
