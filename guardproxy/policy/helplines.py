"""`policies/data/helplines.yaml`: help lines, each with the day it was checked and the day it expires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import phonenumbers
from phonenumbers import shortnumberinfo

from guardproxy.core.catalogue import HelpLine, LineKind
from guardproxy.core.locale import canonical
from guardproxy.core.rules import LocaleTexts, Source
from guardproxy.policy.fields import day, mapping, only, text, version, whole
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node, read_into

LONGEST_LIFE = timedelta(days=180)
NOTICE = timedelta(days=30)
SHORT_CODES = frozenset({("NL", "113"), ("BR", "188"), ("IN", "14416"), ("KR", "109")})
"""National short codes that phonenumbers' plan does not know (`refusals.md` 7)."""

_TOP = ("guardproxy", "revision", "lines")
_LINE = (
    *("id", "country", "kind", "name", "phone", "text", "hours", "languages", "source", "verified_on", "expires_on"),
)


def read_helplines(file: Path, today: date, problems: Problems) -> tuple[HelpLine, ...]:
    """All entries of the file, valid or not. Expired ones are a warning here, an error for `check_numbers`."""
    node = read_into(file, problems)
    if node is None:
        return ()
    version(node, "helplines/v1", problems)
    only(node, _TOP, problems)
    whole(node, "revision", problems)
    lines = node.get("lines")
    if lines is None or not lines.is_list:
        problems.error("GP101", node.place, 'missing list "lines"')
        return ()
    found: dict[str, Source] = {}
    entries = []
    for item in lines.items:
        entry = _entry(item, problems)
        if entry.id in found:
            message = f'duplicate id "{entry.id}", first on line {found[entry.id].line}'
            problems.error("GP107", item.place, message, "rename one of them", [found[entry.id]])
        found.setdefault(entry.id, item.place)
        if entry.expires_on is not None and entry.expires_on <= today:
            problems.warning("GP505", item.place, f'"{entry.id}" has expired and is not shown', "check it again")
        entries.append(entry)
    return tuple(entries)


def _entry(node: Node, problems: Problems) -> HelpLine:
    only(node, _LINE, problems)
    kind = text(node, "kind", problems)
    if kind not in list(LineKind):
        problems.error("GP208", node.place_of("kind"), f"expected one of {', '.join(LineKind)}")
        kind = LineKind.CRISIS.value
    source = text(node, "source", problems, required=False)
    if not source:
        problems.error("GP505", node.place, "no source", "name the page on which the number can be checked")
    since, until = day(node, "verified_on", problems), day(node, "expires_on", problems)
    if since is not None and (until is None or not since < until <= since + LONGEST_LIFE):
        hint = f"at most {LONGEST_LIFE.days} days after verified_on"
        problems.error("GP109", node.place_of("expires_on"), "the end is missing or out of range", hint)
    names = mapping(node, "name", problems)
    return HelpLine(
        id=text(node, "id", problems),
        country=text(node, "country", problems),
        kind=LineKind(kind),
        names=LocaleTexts(tuple((e.key, text(names, e.key, problems)) for e in names.entries))
        if names
        else LocaleTexts(),
        phone=text(node, "phone", problems),
        text=text(node, "text", problems, required=False),
        hours=text(node, "hours", problems, required=False),
        languages=tuple(_languages(node, problems)),
        source=source,
        verified_on=since,
        expires_on=until,
    )


def _languages(node: Node, problems: Problems) -> Iterator[str]:
    languages = node.get("languages")
    for item in languages.items if languages is not None else ():
        if not isinstance(item.value, str) or canonical(item.value) is None:
            problems.error("GP501", item.place, "a language tag like en is expected")
        else:
            yield item.value


def check_helplines(file: Path, today: date, problems: Problems) -> None:
    """What `lint` says: all errors of the file, what has expired or soon will, and numbers no plan of the country knows."""
    if file.is_file():
        read = Problems()
        read_helplines(file, today, read)
        for row in read.errors:
            problems.add(row)
    silent = Problems()
    node = read_into(file, silent)
    lines = node.get("lines") if node is not None else None
    for item in lines.items if lines is not None else ():
        entry = _entry(item, silent)
        if entry.expires_on is not None and entry.expires_on <= today:
            problems.error("GP505", item.place, f'"{entry.id}" expired on {entry.expires_on}', "check it again")
        elif entry.expires_on is not None and entry.expires_on - today <= NOTICE:
            problems.warning("GP505", item.place, f'"{entry.id}" expires on {entry.expires_on}', "check it again")
        if not plausible(entry.phone, entry.country):
            message = f'"{entry.phone}" is no number of {entry.country}'
            problems.error("GP505", item.place_of("phone"), message, "look it up on the operator's own page")


def plausible(number: str, country: str) -> bool:
    """Does the country's number plan know it, as an ordinary number or as a short code?"""
    if (country, number) in SHORT_CODES:
        return True
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return False
    short = shortnumberinfo.is_valid_short_number_for_region(parsed, country)
    return bool(short or phonenumbers.is_valid_number_for_region(parsed, country))
