"""What is wrong with a policy file, and where: one row a problem, collected over all files of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from guardproxy.core.rules import Source
from guardproxy.errors import PolicyError


class Severity(StrEnum):
    """An error refuses the whole set; a warning is printed."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of a report. `place` counts lines and columns from 1; `others` are further places of a pair."""

    code: str
    place: Source
    message: str
    severity: Severity = Severity.ERROR
    hint: str = ""
    others: tuple[Source, ...] = ()

    @property
    def is_error(self) -> bool:
        """True when a set with this problem must not load."""
        return self.severity is Severity.ERROR

    @property
    def file(self) -> str:
        """The file's name as it was given."""
        return self.place.file

    @property
    def line(self) -> int:
        """From 1."""
        return self.place.line

    @property
    def column(self) -> int:
        """From 1, in code points."""
        return self.place.column

    def __str__(self) -> str:
        p = self.place
        return f"{p.file}:{p.line}:{p.column}: {self.code} {self.severity}: {self.message}"


@dataclass(slots=True)
class Problems:
    """Collects rows while files are read and checked. Equal rows are kept once."""

    rows: list[Problem] = field(default_factory=list)

    def error(self, code: str, place: Source, message: str, hint: str = "", others: Iterable[Source] = ()) -> None:
        """Adds an error."""
        self.add(Problem(code, place, message, Severity.ERROR, hint, tuple(others)))

    def warning(self, code: str, place: Source, message: str, hint: str = "", others: Iterable[Source] = ()) -> None:
        """Adds a warning."""
        self.add(Problem(code, place, message, Severity.WARNING, hint, tuple(others)))

    def add(self, row: Problem) -> None:
        """Adds a row."""
        self.rows.append(row)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.rows)

    @property
    def errors(self) -> list[Problem]:
        """Only what refuses the set."""
        return [row for row in self.rows if row.is_error]

    def sorted(self) -> tuple[Problem, ...]:
        """All rows by file and place, each once."""
        unique = dict.fromkeys(self.rows)
        return tuple(sorted(unique, key=lambda r: (r.place.file, r.place.line, r.place.column, r.code)))


def failed(problems: Iterable[Problem]) -> PolicyError:
    """The exception for a file or set that holds these problems."""
    rows = list(problems)
    text = "\n".join(f"{r}\n  hint: {r.hint}" if r.hint else str(r) for r in rows)
    return PolicyError(str(rows[0]), text, tuple(rows))
