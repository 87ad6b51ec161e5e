"""The shipped texts: `policies/messages/<locale>.yaml` and `policies/data/helplines.yaml` → core Catalogue.

Strict: an unknown key, hazard, shape, tone or placeholder is an error with its place, and every locale holds the
nine shapes of `default`, so that the search for a text always ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from guardproxy.core.catalogue import (
    DEFAULT_CELL,
    Catalogue,
    CellKey,
    Lines,
    LocaleCatalogue,
    Shape,
    Tone,
    Units,
    catalogue_of,
)
from guardproxy.core.hazards import FAMILIES, LEAVES, exists
from guardproxy.core.locale import canonical
from guardproxy.core.rules import Source
from guardproxy.errors import PolicyError
from guardproxy.policy.fields import mapping, nearest, only, text, version, whole
from guardproxy.policy.helplines import read_helplines
from guardproxy.policy.problems import Problems, failed
from guardproxy.policy.reader import Entry, Node, read_into
from guardproxy.policy.textchars import LONGEST_TEXT, unknown_placeholder

_TOP = ("guardproxy", "locale", "revision", "reviewed", "labels", "lines", "units", "messages")
_CELLS = (DEFAULT_CELL, *FAMILIES, *(leaf.id for leaf in LEAVES))


@dataclass(frozen=True, slots=True)
class LocaleFile:
    """A locale as it stands in its file; the places are for the linter."""

    words: LocaleCatalogue
    cells: Mapping[CellKey, Source]
    labels: Mapping[str, Source]
    lines: Mapping[str, Source]


def load(directory: Path, today: date) -> Catalogue:
    """All locales of `directory/messages` and the help lines of `directory/data`.

    Whether a help line is shown is decided at the time of use (`core.catalogue.helpline_block`), `today` only says
    which to warn of. Raises PolicyError whose `report` lists every problem as `file:line:column: CODE …`.
    """
    problems = Problems()
    files = read_locales(directory, problems)
    helplines = read_helplines(directory / "data" / "helplines.yaml", today, problems)
    if problems.errors:
        raise failed(problems.errors)
    return catalogue_of(*(file.words for file in files), helplines=helplines)


def read_locales(directory: Path, problems: Problems) -> tuple[LocaleFile, ...]:
    """The locale files that could be read; `en` is the last resort of every search and must be there."""
    folder = directory / "messages"
    paths = sorted(folder.glob("*.yaml"))
    if folder / "en.yaml" not in paths:
        raise PolicyError(f"{folder}: en.yaml is missing; it is the last resort of every text")
    found = (_locale_file(path, problems) for path in paths)
    return tuple(file for file in found if file is not None)


def _locale_file(path: Path, problems: Problems) -> LocaleFile | None:
    node = read_into(path, problems)
    if node is None:
        return None
    version(node, "messages/v1", problems)
    only(node, _TOP, problems)
    locale = text(node, "locale", problems)
    if canonical(locale) != locale:
        problems.error("GP501", node.place_of("locale"), f'"{locale}" is no BCP-47 tag')
    elif locale != path.stem:
        problems.error("GP008", node.place_of("locale"), f'"{locale}" differs from the file name "{path.stem}"')
    before = len(problems.errors)
    labels, lines, units = (mapping(node, key, problems) for key in ("labels", "lines", "units"))
    cells = dict(_cells(node, problems))
    _complete(node, cells, problems)
    if labels is None or lines is None or units is None or len(problems.errors) > before:
        return None
    words = LocaleCatalogue(
        locale=locale,
        revision=whole(node, "revision", problems),
        lines=Lines(**_strings(lines, Lines, problems)),
        labels=dict(_labels(labels, problems)),
        cells={key: entry.value.value.strip() for key, entry in cells.items()},
        units=Units(**_strings(units, Units, problems)),
        reviewed_by=_reviewer(node, problems),
    )
    return LocaleFile(
        words=words,
        cells={key: entry.value.place for key, entry in cells.items()},
        labels={e.key: e.value.place for e in labels.entries},
        lines={e.key: e.value.place for e in lines.entries},
    )


def _reviewer(node: Node, problems: Problems) -> str:
    reviewed = mapping(node, "reviewed", problems)
    if reviewed is None:
        return ""
    only(reviewed, ("by", "on"), problems)
    return text(reviewed, "by", problems)


def _strings(node: Node, wanted: type[Lines | Units], problems: Problems) -> dict[str, str]:
    """Exactly the texts of this dataclass."""
    names = [f.name for f in fields(wanted)]
    for entry in only(node, names, problems):
        _plain_text(entry, problems)
    return {name: text(node, name, problems) for name in names}


def _labels(node: Node, problems: Problems) -> Iterator[tuple[str, str]]:
    if node.get(DEFAULT_CELL) is None:
        problems.error("GP101", node.place, f'missing label "{DEFAULT_CELL}"')
    for entry in node.entries:
        if _known_cell(entry, problems):
            yield entry.key, text(node, entry.key, problems)


def _cells(node: Node, problems: Problems) -> Iterator[tuple[CellKey, Entry]]:
    messages = mapping(node, "messages", problems)
    for cell in messages.entries if messages is not None else ():
        if not _known_cell(cell, problems):
            continue
        for shape in only(cell.value, list(Shape), problems):
            for tone in only(shape.value, list(Tone), problems):
                if _plain_text(tone, problems):
                    yield CellKey(cell.key, Shape(shape.key), Tone(tone.key)), tone


def _known_cell(entry: Entry, problems: Problems) -> bool:
    known = entry.key == DEFAULT_CELL or exists(entry.key)
    if not known:
        problems.error("GP201", entry.place, f'unknown hazard "{entry.key}"', nearest(entry.key, _CELLS))
    return known


def _plain_text(entry: Entry, problems: Problems) -> bool:
    value, place = entry.value.value, entry.value.place
    if not isinstance(value, str):
        problems.error("GP105", place, "a text is expected")
        return False
    name = unknown_placeholder(value)
    if name is not None:
        problems.error("GP503", place, f'unknown placeholder "{{{name}}}"')
    if not 0 < len(value.strip()) <= LONGEST_TEXT:
        problems.error("GP504", place, f"1 to {LONGEST_TEXT} characters are expected")
    return True


def _complete(node: Node, cells: Mapping[CellKey, Entry], problems: Problems) -> None:
    for shape in Shape:
        if CellKey(DEFAULT_CELL, shape) not in cells:
            problems.error("GP502", node.place_of("messages"), f"no text at {DEFAULT_CELL}.{shape.value}.neutral")
