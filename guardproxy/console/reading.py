"""The policy files as they lie on disk, checked and tested like those that serve, beside the set in force.

    Reading(hall).sheets()      every file: state, problems, tests
    Reading(hall).sheet(name)   one of them, None when there is none of that name

Blocking, like a reload; what was read is kept until a file changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import unified_diff
from pathlib import Path
from threading import Lock

from guardproxy.core.rules import Policy, PolicyRef
from guardproxy.detectors.registry import inspector
from guardproxy.policy.folder import state_of
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import Checked, Compiled, check
from guardproxy.policy.problems import Problem
from guardproxy.policy.selftest import Run, State
from guardproxy.proxy.hall import Hall


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file and what is wrong there."""

    number: int
    text: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A line of a difference. `kind`: `same`, `out`, `in` or `place`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file. `text` is what lies on disk, `active` what was read for the set in force; None: not there."""

    name: str
    file: str
    text: str | None
    active: str | None
    ref: PolicyRef | None
    compiled: Compiled | None
    problems: tuple[Problem, ...]
    run: Run | None

    @property
    def errors(self) -> int:
        """What refuses the set."""
        return sum(problem.is_error for problem in self.problems)

    @property
    def state(self) -> str:
        """How the file stands to the set in force."""
        if self.text is None:
            return "gone"
        if self.active is None:
            return "new"
        return "same" if self.text == self.active else "changed"

    def counted(self, state: str) -> int:
        """Tests that ended so."""
        return self.run.count(State(state)) if self.run else 0

    def lines(self) -> list[Line]:
        """The file on disk, of a file that is gone the one in force."""
        rows = (self.text if self.text is not None else self.active or "").splitlines()
        known: dict[int, list[Problem]] = {}
        for problem in self.problems:
            known.setdefault(min(problem.line, max(1, len(rows))), []).append(problem)
        return [Line(n, text, tuple(known.get(n, ()))) for n, text in enumerate(rows or [""], 1)]

    def changes(self) -> list[Change]:
        """From the set in force to the disk."""
        if self.state == "same":
            return []
        rows = unified_diff((self.active or "").splitlines(), (self.text or "").splitlines(), lineterm="", n=3)
        kinds = {"+": "in", "-": "out", "@": "place"}
        return [Change(kinds.get(row[0], "same"), row) for row in rows if not row.startswith(("+++", "---"))]


class Reading:
    """The folder of the shelf."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._lock = Lock()
        self._kept: tuple[object, Checked] | None = None

    def sheets(self) -> list[Sheet]:
        """Every file that lies there or is in force, by name."""
        checked, shelf = self._checked(), self._hall.shelf
        files = dict.fromkeys((*checked.texts, *shelf.texts))
        return sorted((self._sheet(file, checked) for file in files), key=lambda sheet: sheet.name)

    def sheet(self, name: str) -> Sheet | None:
        """The file of this name without its suffix."""
        return next((sheet for sheet in self.sheets() if sheet.name == name), None)

    def elsewhere(self) -> list[Problem]:
        """Problems of word lists, test files and the folder itself."""
        checked = self._checked()
        return [problem for problem in checked.problems if problem.file not in checked.texts]

    def drafts(self) -> list[PolicyRef]:
        """Policies that differ from the set in force and could be tried."""
        return [s.compiled.policy.ref for s in self.sheets() if s.compiled and s.state in ("new", "changed")]

    def policy(self, name: str) -> Policy | None:
        """The policy of this name as it lies on disk; None when it has errors."""
        return next((c.policy for c in self._checked().compiled if c.policy.ref.name == name), None)

    def _sheet(self, file: str, checked: Checked) -> Sheet:
        shelf = self._hall.shelf
        compiled = next((c for c in checked.compiled if str(c.document.file) == file), None)
        served = next((name for name, where in shelf.files.items() if where == file), "")
        ref = next((p.ref for p in shelf.policies if p.ref.name == served), None)
        known = str(compiled.policy.ref) if compiled else ""
        return Sheet(
            name=Path(file).stem,
            file=file,
            text=checked.texts.get(file),
            active=shelf.texts.get(file),
            ref=ref,
            compiled=compiled,
            problems=tuple(p for p in checked.problems if p.file == file),
            run=next((run for run in checked.runs if known and run.policy == known), None),
        )

    def _checked(self) -> Checked:
        hall = self._hall
        today = datetime.fromtimestamp(hall.clock(), UTC).date()
        with self._lock:
            state = self._state(today)
            if self._kept is None or self._kept[0] != state:
                world = World(hall.benches.toolbox.infos, today, settled=True, serving=True, signers=hall.shelf.signers)
                self._kept = (state, check([hall.shelf.path], world, inspector(hall.benches.toolbox)))
            return self._kept[1]

    def _state(self, today: date) -> object:
        """Changes when any file does."""
        path = self._hall.shelf.path
        return today, path, state_of(path)
