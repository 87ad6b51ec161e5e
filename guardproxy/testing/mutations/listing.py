"""All faults, and the two sets of files they are made in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from guardproxy.policy.shipped import directory
from guardproxy.testing.mutations import (
    ladders,
    layout,
    parents,
    phrases,
    reach,
    rules,
    selftests,
    spelling,
    talk,
)
from guardproxy.testing.mutations.fault import Excluded, Fault

_SUBJECT = Path(__file__).parent / "subject"
_TABLES = (layout, spelling, ladders, rules, parents, reach, phrases, talk, selftests)
FAULTS: tuple[Fault, ...] = tuple(fault for table in _TABLES for fault in table.FAULTS)
EXCLUDED: tuple[Excluded, ...] = tuple(
    row for table in (layout, ladders, rules, parents, reach, phrases, selftests) for row in table.EXCLUDED
)


def shipped_set() -> Mapping[str, str]:
    """The shipped policies: text by path in the folder."""
    return _texts(directory(), ("*.yaml",))


def catalogue_set() -> Mapping[str, str]:
    """What people read, and the help lines; two languages, for each takes a second to check."""
    return _texts(directory(), ("default.yaml", "messages/en.yaml", "messages/fr.yaml", "data/*.yaml"))


def support_set() -> Mapping[str, str]:
    """A policy as an officer keeps one, with its word list."""
    return _texts(_SUBJECT, ("*.yaml", "lists/*.txt"))


def _texts(folder: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


SETS: tuple[Callable[[], Mapping[str, str]], ...] = (shipped_set, catalogue_set, support_set)
"""A fault is tried in the first of them that has its file."""
