"""The loaded set of policies: read together, swapped in by one assignment, the last good one kept.

Nothing is logged or counted here: each attempt gives a `LoadReport`, and the proxy takes note of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from watchfiles import awatch

from guardproxy.core.detector_info import DetectorInfo
from guardproxy.core.rules import Policy, PolicyRef, Source
from guardproxy.errors import PolicyError
from guardproxy.policy.folder import SUFFIXES, state_of
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import Checked, check
from guardproxy.policy.problems import Problem, Severity
from guardproxy.policy.report import as_text
from guardproxy.policy.selection import Applies, best, in_force
from guardproxy.policy.selftest import Inspect
from guardproxy.policy.shipped import directory
from guardproxy.policy.signing import ENDING

QUIET_MS = 250
"""So long nothing may change before a changed folder is read: editors and ConfigMaps write in several steps."""
_AT_LATEST_MS = 2_000
_LOOK_AGAIN_S = 1.0
_REMEMBERED = 50
"""Attempts to load that are kept for the console."""
_MOST_READS = 5


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How one attempt to load went. `place` is `file:line:column` of the first error, `report` the text of all
    errors; of a good load, the warnings. `at`: POSIX seconds. `actor`: who asked for it. `policies`: what is in force
    after it, the old set when it failed. `replaced`: what was in force before, when files brought another set; () when
    nothing changed, at the first load, and for a promotion.
    """

    ok: bool
    report: str = ""
    place: str = ""
    at: float = 0.0
    problems: tuple[Problem, ...] = ()
    actor: str = ""
    policies: tuple[PolicyRef, ...] = ()
    replaced: tuple[PolicyRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Set:
    """What is in force, swapped as one: all policies, parents included, and those that can be selected."""

    policies: tuple[Policy, ...] = ()
    candidates: tuple[Applies, ...] = ()
    loaded_at: float = 0.0
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def refs(self) -> tuple[PolicyRef, ...]:
        """Names, revisions, hashes."""
        return tuple(policy.ref for policy in self.policies)


@dataclass(frozen=True, slots=True)
class Held:
    """A set and where it was read."""

    path: Path
    set: Set


class Shelf:
    """Policies in force. `select` is safe beside a running `reload`: requests keep the Policy they began with."""

    def __init__(
        self,
        path: Path,
        detectors: Sequence[DetectorInfo],
        inspect: Inspect,
        clock: Callable[[], float],
        signers: tuple[bytes, ...] = (),
    ) -> None:
        self.path = path
        self.signers = signers
        self._home = _home_of(path)
        self._detectors = tuple(detectors)
        self._inspect = inspect
        self._clock = clock
        self._loading = Lock()
        self._set = Set()
        self._asked: set[tuple[str, str]] = set()
        self.last = LoadReport(ok=False)
        self._attempts: deque[LoadReport] = deque(maxlen=_REMEMBERED)
        self.prepare: Callable[[Held], tuple[Problem, ...]] = _ready
        """Called with a good set just before it is swapped in, in the loading thread: its first request finds it ready.

        Problems keep it from coming into force.
        """
        self.swapped: Callable[[], None] = _nothing
        """Called when another set has come into force, in the loading thread; nothing can stop it any more."""

    @classmethod
    def open(
        cls,
        path: Path | None,
        detectors: Sequence[DetectorInfo],
        inspect: Inspect,
        clock: Callable[[], float],
        signers: tuple[bytes, ...] = (),
    ) -> Shelf:
        """The set at `path` (a file or a folder; None: the shipped one), checked and tested.

        `clock` gives POSIX seconds; `signers`: the public keys, one of which must have signed each file. Raises PolicyError whose `report` is the text for people.
        """
        shelf = cls(path or directory(), detectors, inspect, clock, signers)
        report = shelf.reload("start")
        if not report.ok:
            errors = tuple(row for row in report.problems if row.is_error)
            raise PolicyError(str(errors[0]), report.report, errors)
        return shelf

    @property
    def policies(self) -> tuple[Policy, ...]:
        """All policies in force, parents included."""
        return self._set.policies

    @property
    def failed(self) -> bool:
        """Did the latest attempt fail, so that an older set stays in force?"""
        return not self.last.ok

    @property
    def loaded_at(self) -> float:
        """When the set in force was loaded, POSIX seconds."""
        return self._set.loaded_at

    @property
    def texts(self) -> Mapping[str, str]:
        """The policy files of the set in force as they were when they were read, by name."""
        return self._set.texts

    @property
    def files(self) -> Mapping[str, str]:
        """The names of these files by the names of their policies."""
        return self._set.files

    @property
    def attempts(self) -> tuple[LoadReport, ...]:
        """The last attempts to load, newest first."""
        return tuple(reversed(self._attempts))

    def select(self, tenant: str, route: str) -> Policy:
        """Exactly one policy: (tenant and route named) > (tenant) > (route) > (neither). PolicyError GP308 for none."""
        found = best(self._set.candidates, tenant, route)
        if found is None:
            message = f'{self.path}: GP308 error: no policy applies to tenant "{tenant}", route "{route}"'
            raise PolicyError(message, f"{message}\n    hint: {_where(self._set.candidates)}")
        self._asked.add((tenant, route))
        return found

    def named(self, name: str, tenant: str, route: str) -> Policy | None:
        """The policy of that name, if it applies to this tenant and route at all; else None."""
        fitting = (c for c in self._set.candidates if c.rank(tenant, route) is not None)
        return next((c.policy for c in fitting if c.policy.ref.name == name), None)

    def reload(self, actor: str = "folder watch") -> LoadReport:
        """Reads everything again; a set with any error changes nothing. Blocks: call it in a thread."""
        with self._loading:
            now = self._clock()
            before = self._set
            checked, torn = self._read(now)
            fresh = Set(
                policies=tuple(c.policy for c in checked.compiled),
                candidates=in_force([c.applies for c in checked.compiled]),
                loaded_at=now,
                texts=checked.texts,
                files=MappingProxyType({c.policy.ref.name: str(c.document.file) for c in checked.compiled}),
            )
            errors = torn or checked.errors or tuple(self._unserved(fresh))
            errors = errors or self.prepare(Held(self.path, fresh))
            problems = errors or (*checked.problems, *_same_revision(before, checked))
            if not errors:
                self._set = fresh
            place = errors[0].place if errors else None
            self.last = LoadReport(
                ok=not errors,
                report=as_text(problems),
                place=f"{place.file}:{place.line}:{place.column}" if place else "",
                at=now,
                problems=problems,
                actor=actor,
                policies=self._set.refs,
                replaced=before.refs if self._set.refs != before.refs else (),
            )
            self._attempts.append(self.last)
            if not errors:
                self.swapped()
            return self.last

    def held(self) -> Held:
        """The set in force, to be put back one day."""
        return Held(self.path, self._set)

    def adopt(self, other: Held, agreed: Callable[[Set, Set], None], actor: str = "") -> None:
        """Puts a set that another shelf has loaded in force, in one step; from now on its path is read and watched.

        `agreed(old, new)` is called before the swap; what it raises stops it. PolicyError GP308 when a route that has
        been served would have no policy, and with what `prepare` says. Blocks: call it in a thread.
        """
        with self._loading:
            now = self._clock()
            problems = tuple(self._unserved(other.set)) or self.prepare(other)
            if problems:
                raise PolicyError(str(problems[0]), as_text(problems), problems)
            agreed(self._set, other.set)
            self._set, self.path = replace(other.set, loaded_at=now), other.path
            self._home = _home_of(other.path)
            self.last = LoadReport(ok=True, at=now, actor=actor, policies=self._set.refs)
            self._attempts.append(self.last)
            self.swapped()

    def _read(self, now: float) -> tuple[Checked, tuple[Problem, ...]]:
        """The files as they stood at one moment. GP010 for a folder that does not hold still.

        A ConfigMap may be swapped between two of its files, and what was read would be half of each.
        """
        for _ in range(_MOST_READS):
            before = state_of(self.path)
            checked = check([self.path], self._world(now), self._inspect)
            if state_of(self.path) == before:
                return checked, ()
        place, hint = Source(str(self.path), 1, 1), "write beside it, then rename it into place"
        return checked, (Problem("GP010", place, "the files change while they are read", hint=hint),)

    def _unserved(self, fresh: Set) -> Iterator[Problem]:
        """GP308: what has been served so far must go on being served."""
        place = Source(str(self.path), 1, 1)
        hint = "give a policy `applies_to: {routes: [...]}`"
        if not fresh.candidates:
            yield Problem("GP308", place, "none of these policies applies to anything", hint=hint)
            return
        for asked in sorted(self._asked):
            if best(fresh.candidates, *asked) is None:
                yield Problem(
                    "GP308", place, f'no policy applies to tenant "{asked[0]}", route "{asked[1]}"', hint=hint
                )

    async def watch(self, on_attempt: Callable[[LoadReport], None]) -> None:
        """Reloads after each change of the folder and tells of each attempt; runs until it is cancelled.

        The folder is watched, not the file: editors rename, ConfigMaps swap links. A folder that goes away is a
        failed reload, and is read again as soon as it is back.
        """
        while True:
            folder = self._home
            if self._there(folder):
                await self._watch_folder(folder, on_attempt)
            if folder != self._home:
                continue  # another set was put in force: its folder is watched now
            on_attempt(await asyncio.to_thread(self.reload))
            while not self._there(folder) and folder == self._home:  # noqa: ASYNC110 - nothing tells of a folder that is not there
                await asyncio.sleep(_LOOK_AGAIN_S)
            if self.failed and folder == self._home:
                on_attempt(await asyncio.to_thread(self.reload))

    async def _watch_folder(self, folder: Path, on_attempt: Callable[[LoadReport], None]) -> None:
        """Returns when the folder is gone, or another one counts. Changes during a reload are kept for the next round."""
        async for found in awatch(
            folder,
            watch_filter=lambda _change, path: self._concerns(Path(path), folder),
            debounce=_AT_LATEST_MS,
            step=QUIET_MS,
            rust_timeout=int(_LOOK_AGAIN_S * 1_000),
            yield_on_timeout=True,
        ):
            if not self._there(folder) or folder != self._home:
                return
            if found:
                on_attempt(await asyncio.to_thread(self.reload))

    def _there(self, folder: Path) -> bool:
        return folder.is_dir()

    def _concerns(self, path: Path, folder: Path) -> bool:
        """Is it a policy, a list or a test, or one of the links that a ConfigMap swaps?"""
        if path == folder or folder not in path.parents or path.name.startswith(".."):
            return True
        if path.parent == folder and self.path != folder:
            return path.name in (self.path.name, self.path.name + ENDING)
        return path.suffix in (*SUFFIXES, ".txt", ENDING)

    def _world(self, now: float) -> World:
        today = datetime.fromtimestamp(now, UTC).date()
        return World(detectors=self._detectors, today=today, settled=True, serving=True, signers=self.signers)


def _where(candidates: Iterable[Applies]) -> str:
    """What the policies here apply to, and the way out."""
    places = [f"{c.policy.ref.name}: routes {', '.join(c.routes)}, tenants {', '.join(c.tenants)}" for c in candidates]
    wanted = "a policy for everything else has `applies_to: {routes: ['*']}`; a single policy needs no applies_to"
    return f"{'; '.join(places) or 'nothing applies anywhere'}. {wanted}"


def _home_of(path: Path) -> Path:
    """The folder to watch. Asked once: later it may be gone for a while."""
    return path if path.is_dir() else path.parent


def _ready(_held: Held) -> tuple[Problem, ...]:
    """Nobody has to prepare."""
    return ()


def _nothing() -> None:
    """Nobody has to be told."""


def _same_revision(before: Set, checked: Checked) -> list[Problem]:
    """GP715: the content changed, the revision did not."""
    old = {(p.ref.name, p.ref.revision): p.ref.hash for p in before.policies}
    rows = []
    for one in checked.compiled:
        ref = one.policy.ref
        if old.get((ref.name, ref.revision), ref.hash) != ref.hash:
            message = f'"{ref.name}" has changed, its revision is still {ref.revision}'
            place = one.document.place_of("revision")
            rows.append(Problem("GP715", place, message, Severity.WARNING, "raise the revision with every change"))
    return rows
