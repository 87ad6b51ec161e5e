"""The loaded set of policies: read together, swapped by one assignment, the last good one kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

from guardproxy.core.conversation import Segment
from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.findings import Finding
from guardproxy.core.rules import Policy, Source
from guardproxy.errors import PolicyError
from guardproxy.policy.compile import Compiled, compile_policy
from guardproxy.policy.problems import Problem, Problems
from guardproxy.policy.reader import read_into
from guardproxy.policy.selftest import failures
from guardproxy.policy.shipped import directory

Look = Callable[[Sequence[Segment]], list[Finding]]
Inspector = Callable[[Policy], Look]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How one attempt to load went. `place` is `file:line:column` of the first error."""

    ok: bool
    report: str = ""
    place: str = ""


class Shelf:
    """See the module's text."""

    def __init__(self, path: Path, detectors: Sequence[DetectorInfo], inspect: Inspector) -> None:
        self._path = path
        self._detectors = tuple(detectors)
        self._inspect = inspect
        self._set: tuple[Compiled, ...] = ()

    @classmethod
    def open(
        cls, path: Path | None, detectors: Sequence[DetectorInfo], inspect: Inspector, now: Callable[[], float]
    ) -> Shelf:
        """The set at `path` (a file or a folder; None: the shipped one). Raises PolicyError with the report."""
        del now  # exceptions with an expiry come with a later release
        shelf = cls(path or directory(), detectors, inspect)
        shelf._set = load_set(shelf._path, shelf._detectors, inspect)
        return shelf

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All policies in force."""
        return tuple(c.policy for c in self._set)

    def select(self, tenant: str, route: str) -> Policy:
        """Exactly one policy: (tenant and route named) > (tenant) > (route) > (neither)."""
        best: tuple[int, Compiled] | None = None
        for compiled in self._set:
            rank = _rank(compiled, tenant, route, alone=len(self._set) == 1)
            if rank is not None and (best is None or rank > best[0]):
                best = (rank, compiled)
        if best is None:
            raise PolicyError(f'GP308: no policy applies to the route "{route}"')
        return best[1].policy

    def reload(self) -> LoadReport:
        """Reads everything again; a set with any error changes nothing."""
        try:
            fresh = load_set(self._path, self._detectors, self._inspect)
        except PolicyError as error:
            return LoadReport(ok=False, report=error.report, place=str(error).split(": ", 1)[0])
        self._set = fresh
        return LoadReport(ok=True)

    async def watch(self, callback: Callable[[LoadReport], None]) -> None:
        """Reloads after each change of the folder (not the file: editors rename, ConfigMaps swap links)."""
        folder = self._path if self._path.is_dir() else self._path.parent
        async for _ in awatch(folder, debounce=250, step=50, recursive=True):
            callback(await asyncio.to_thread(self.reload))


def load_set(path: Path, detectors: tuple[DetectorInfo, ...], inspect: Inspector) -> tuple[Compiled, ...]:
    """All policies of a file or folder, compiled and tested together. Raises PolicyError with every problem."""
    compiled, problems = check_set(path, detectors)
    if not problems:
        for one in compiled:
            problems += failures(one, inspect(one.policy))
    if problems:
        raise PolicyError(str(problems[0]), "\n".join(str(p) for p in problems))
    return compiled


def check_set(path: Path, detectors: tuple[DetectorInfo, ...]) -> tuple[tuple[Compiled, ...], list[Problem]]:
    """Reads and compiles everything; all problems of all files."""
    files = policy_files(path)
    problems: list[Problem] = []
    found: list[Compiled] = []
    if not files:
        problems.append(Problem("GP011", Source(str(path), 1, 1), "no policies found here"))
    for file in files:
        read_problems = Problems()
        node = read_into(file, read_problems)
        problems += read_problems.errors
        if node is None or read_problems.errors:
            continue
        compiled, wrong = compile_policy(file, node, detectors)
        problems += wrong
        if compiled is not None:
            found.append(compiled)
    problems += _equally_specific(found)
    return tuple(found), problems


def policy_files(path: Path) -> list[Path]:
    """The file itself, or the `*.yaml` and `*.yml` directly in the folder."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml") and not p.name.startswith("."))


def _equally_specific(found: Sequence[Compiled]) -> list[Problem]:
    problems = []
    for at, one in enumerate(found):
        for other in found[:at]:
            same = set(one.routes) & set(other.routes) and set(one.tenants) & set(other.tenants)
            if same:
                message = f"as specific as {other.policy.ref.name} for the same route and tenant"
                problems.append(Problem("GP307", Source(one.file, 1, 1), message))
    return problems


def _rank(compiled: Compiled, tenant: str, route: str, *, alone: bool) -> int | None:
    routes, tenants = compiled.routes, compiled.tenants
    if not routes and not tenants:
        return 0 if alone else None
    if not ({"*", route} & set(routes) and {"*", tenant} & set(tenants)):
        return None
    return 1 + 2 * (tenant in tenants) + (route in routes)
