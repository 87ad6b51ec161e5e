"""Candidate, promotion, rollback: what a safety officer does with policy sets while the service runs.

    office.candidate(path, order)    loads, checks and tests a set, and puts it beside the live one
    office.withdraw(order)           ends the trial
    office.promote(order, digest)    the candidate comes into force in one step; the old set is kept
    office.rollback(order)           the kept set comes back; what it replaces is the candidate again

All of them block: call them in a thread (`status` alone on the loop, where counts are made). Each is written into
the file of changes before it happens, or it does not happen; what files brought is written down after (`took`), for a
full disk must not keep an urgent rule from coming into force. What is promoted is the set that was on trial, not what
its files say by now. The settings are not changed: a restart reads `policies.path` again, so `status` says when the
two differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from guardproxy.core.rules import PolicyRef
from guardproxy.detectors.bench import Bench, Toolbox
from guardproxy.errors import BadRequest, PolicyError
from guardproxy.observe.changes import ChangeLog, PolicyChange
from guardproxy.observe.logs import get_logger
from guardproxy.policy.folder import SUFFIXES
from guardproxy.policy.shelf import Held, LoadReport, Set, Shelf
from guardproxy.proxy.trial import Trial

LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants it, and why. BadRequest for an actor without a name."""

    actor: str
    because: str = ""

    def __post_init__(self) -> None:
        for name, words in (("actor", self.actor), ("because", self.because)):
            if len(words) > LONGEST_WORDS or not words.isprintable():
                raise BadRequest(f"{name}: at most {LONGEST_WORDS} printable characters", code="invalid", param=name)
        if not self.actor.strip():
            raise BadRequest("say who you are", code="missing", param="actor")


@dataclass(slots=True)
class Office:
    """One for each process. `admit` tells the metrics of policies that may be counted."""

    live: Shelf
    trial: Trial
    changes: ChangeLog
    toolbox: Toolbox
    clock: Callable[[], float]
    admit: Callable[[Shelf], None]
    settled_path: Path = field(init=False)
    promoted_before: str = field(init=False, default="")
    """What a promotion had put in force before this start, when the settings name something else."""
    _before: Held | None = None
    _at_work: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.settled_path = self.live.path
        refs, known = self.live.held().set.refs, self.changes.last_set()
        if known is not None and known != refs:  # the files changed while nobody served
            self._note("start", "start", known, refs)
        last = self.changes.last_in_force()
        if last is not None and last.get("path") != str(self.settled_path.absolute()):
            self.promoted_before = (
                f"{last.get('path')} ({last.get('action')} by {last.get('actor')}, {last.get('time')})"
            )

    def open(self, path: Path) -> Shelf:
        """A set, loaded, checked and tested like a live one. PolicyError with the report."""
        return Shelf.open(
            path, self.toolbox.infos, lambda policy: Bench(policy, self.toolbox).look, self.clock, self.live.signers
        )

    def begin(self, path: Path) -> None:
        """The candidate of the settings, at start. PolicyError when it does not load."""
        shelf = self.open(path)
        self.admit(shelf)
        self.trial.begin(shelf)

    def candidate(self, path: Path, order: Order) -> None:
        """PolicyError when the set does not load; BadRequest for a path that can be no policy."""
        if not path.is_absolute() or not (path.is_dir() or path.suffix in SUFFIXES):
            raise BadRequest("an absolute path of a folder or a .yaml file is expected", code="invalid", param="path")
        shelf = self.open(path)
        with self._at_work:
            self.admit(shelf)
            old = self.trial.shelf
            self._record("candidate", order, path, old.held().set.refs if old else (), shelf.held().set.refs)
            self.trial.begin(shelf)

    def withdraw(self, order: Order) -> None:
        """BadRequest 409 without a candidate."""
        with self._at_work:
            shelf = self._on_trial()
            self._record("withdraw", order, shelf.path, shelf.held().set.refs, ())
            self.trial.end()

    def promote(self, order: Order, digest: str = "") -> None:
        """`digest`: the hash of a policy that the candidate must hold, so that nobody promotes another one than he saw.

        BadRequest 409 without a candidate or with another one; PolicyError GP308 when a served route would have none.
        """
        with self._at_work:
            shelf = self._on_trial()
            wanted = shelf.held()
            if digest and digest not in {ref.hash for ref in wanted.set.refs}:
                raise BadRequest("the candidate is another one by now", code="changed", status=409)
            self._before = self._put("promote", order, wanted)
            self.trial.end()

    def rollback(self, order: Order) -> None:
        """BadRequest 409 when nothing was promoted since the start, or it was rolled back already."""
        with self._at_work:
            if self._before is None:
                raise BadRequest("there is no set to go back to", code="no_rollback", status=409)
            replaced = self._put("rollback", order, self._before)
            self._before = None
            again = Shelf(
                replaced.path, self.toolbox.infos, lambda p: Bench(p, self.toolbox).look, self.clock, self.live.signers
            )
            again.adopt(replaced, lambda _old, _new: None)
            self.trial.begin(again)

    def reload(self) -> tuple[str, ...]:
        """Reads the candidate's files again; the errors, if any: then the set on trial stays."""
        shelf = self.trial.shelf
        if shelf is None:
            return ()
        report = shelf.reload()
        if report.ok:
            self.admit(shelf)
            return ()
        return tuple(f"{row.place}: {row.code}" for row in report.problems if row.is_error)

    def took(self, report: LoadReport) -> None:
        """A reload that put another set in force. What cannot be written now is written with the next change."""
        if report.replaced:
            self._note("reload", report.actor, report.replaced, report.policies)

    def status(self) -> dict[str, Any]:
        """What is in force, what is on trial, what a rollback would bring, and the comparison."""
        shelf, live = self.trial.shelf, self.live.held()
        hint = ""
        if live.path != self.settled_path:
            hint = (
                f"a restart would read {self.settled_path} again, not {live.path}: before it, copy the files there, "
                f"or change policies.path in the settings (or --policies)"
            )
        elif self.promoted_before:
            hint = f"before this start another set was in force: {self.promoted_before}; the settings name {live.path}"
        return {
            "live": _shown(live),
            "candidate": _shown(shelf.held()) if shelf else None,
            "rollback": _shown(self._before) if self._before else None,
            "hint": hint,
            "comparison": self.trial.view(),
        }

    def _on_trial(self) -> Shelf:
        shelf = self.trial.shelf
        if shelf is None:
            raise BadRequest("there is no candidate", code="no_candidate", status=409)
        return shelf

    def _put(self, action: str, order: Order, wanted: Held) -> Held:
        """Swaps a set in; gives the one it replaces."""
        replaced = self.live.held()

        def agreed(old: Set, new: Set) -> None:
            self._record(action, order, wanted.path.absolute(), old.refs, new.refs)

        self.live.adopt(wanted, agreed, f"{action} by {order.actor}")
        self.promoted_before = ""
        return replaced

    def _note(self, action: str, actor: str, old: tuple[PolicyRef, ...], new: tuple[PolicyRef, ...]) -> None:
        change = PolicyChange(action, actor, "", str(self.live.path.absolute()), old, new)
        if not self.changes.note(change):
            get_logger().error("policy_change_unrecorded", file=str(self.changes.path), action=action)

    def _record(
        self, action: str, order: Order, path: Path, old: tuple[PolicyRef, ...], new: tuple[PolicyRef, ...]
    ) -> None:
        try:
            self.changes.append(PolicyChange(action, order.actor, order.because, str(path), old, new))
        except OSError as error:
            message = f"nothing was changed: {self.changes.path} cannot be written ({error.strerror})"
            raise PolicyError(message, message) from None


def _shown(held: Held) -> dict[str, Any]:
    refs = [{"policy": r.name, "revision": r.revision, "hash": r.hash} for r in held.set.refs]
    return {"path": str(held.path), "policies": refs}
