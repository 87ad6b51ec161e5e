"""One fault on trial: the set with the fault in it is linted and tested as `guardproxy lint` and `guardproxy test` do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from guardproxy.detectors.registry import inspector, installed
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import Checked, Compiled, check
from guardproxy.policy.problems import Problem
from guardproxy.policy.reader import plain
from guardproxy.testing.mutations.fault import Fault

TODAY = date(2026, 11, 29)
"""The day all trials are held on: exceptions and help lines have dates."""
FAILED_TEST = "GP507"
_COMPILED = (".yaml", ".txt")
"""Files that a policy is made of, directly."""


class Catcher(StrEnum):
    """Who noticed first. An error and a failed test refuse the set; a warning is printed and no more."""

    ERROR = "lint, error"
    TEST = "test"
    WARNING = "lint, warning"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`codes`: what lint says that it does not say of the set as it was. `failed`: tests that failed. `meant`: does anything differ?"""

    fault: Fault
    catcher: Catcher
    codes: tuple[str, ...] = ()
    failed: int = 0
    meant: bool = True


class Court:
    """Holds trials over one set of files; what is said of the set as it was counts for nothing.

    `files`: the text of each by its path in the set. `folder`: an empty one to write into.
    """

    def __init__(self, files: Mapping[str, str], folder: Path) -> None:
        self._files = dict(files)
        self._folder = folder
        self._world = World(detectors=installed(), today=TODAY, settled=False)
        self._inspect = inspector()
        for file in files:
            self._write(file, files[file])
        self.before = self._checked()
        self._rows = _counted(self.before.problems)
        self._meaning = _meaning(self.before)

    def trial(self, fault: Fault) -> Outcome:
        """What lint and test say of the set with this fault. MisplacedError when the fault does not fit the file."""
        self._write(fault.file, fault.edit(self._files[fault.file]))
        after = self._checked()
        self._write(fault.file, self._files[fault.file])
        fresh = _counted(after.problems) - self._rows
        failed = sum(n for (code, _, error), n in fresh.items() if code == FAILED_TEST and error)
        errors = sorted({code for code, _, error in fresh if error and code != FAILED_TEST})
        warnings = sorted({code for code, _, error in fresh if not error})
        catcher = Catcher.NOBODY
        if errors:
            catcher = Catcher.ERROR
        elif failed:
            catcher = Catcher.TEST
        elif warnings:
            catcher = Catcher.WARNING
        meant = bool(fresh) or _meaning(after) != self._meaning or not fault.file.endswith(_COMPILED)
        return Outcome(fault, catcher, tuple(errors or warnings), failed, meant)

    def _checked(self) -> Checked:
        return check([self._folder], self._world, self._inspect)

    def _write(self, file: str, text: str) -> None:
        path = self._folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))


def _counted(problems: tuple[Problem, ...]) -> Counter[tuple[str, str, bool]]:
    """How often each code is given in each file. A warning with other words is none more: nobody would see it."""
    return Counter((row.code, row.file, row.is_error) for row in problems)


def _meaning(checked: Checked) -> dict[str, Any]:
    """What can differ between two sets: what each policy does, where it applies, and what its tests demand."""
    return {one.policy.ref.name: _all_of(one) for one in checked.compiled}


def _all_of(one: Compiled) -> tuple[Any, ...]:
    where = (one.applies.written, one.applies.routes, one.applies.tenants, one.policy.ref.revision)
    return one.policy.ref.hash, where, [plain(written.node) for written in one.tests]
