"""Who put which policies in force: an append-only file with the chain of the decision log.

`guardproxy audit verify var/policy-changes.jsonl` checks it. The file is made with the first change, and opened for each:
several services that share it write one chain.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from guardproxy.core.rules import PolicyRef
from guardproxy.observe.audit_file import canonical
from guardproxy.observe.entry import posix_text
from guardproxy.observe.journal import Journal, Keeping, Note

_ORDERED = ("promote", "rollback")
_IN_FORCE = (*_ORDERED, "reload", "start")
_MOST_OWED = 100
_TRIES, _PAUSE = 40, 0.05


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """`action`: candidate, withdraw, promote, rollback, reload (the files changed) or start (they had changed before).

    `old` and `new` are the sets before and after.
    """

    action: str
    actor: str
    because: str
    path: str
    old: tuple[PolicyRef, ...]
    new: tuple[PolicyRef, ...]


class ChangeLog:
    """Safe in any thread, and beside other processes."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        note: Note,
        keeping: Keeping = Keeping(),  # noqa: B008 - frozen
    ) -> None:
        self._journal = Journal(path, clock, note, replace(keeping, alone=True))
        self._clock = clock
        self._writing = threading.Lock()
        self._owed: deque[bytes] = deque(maxlen=_MOST_OWED)

    @property
    def path(self) -> Path:
        """The file."""
        return self._journal.path

    def append(self, change: PolicyChange) -> dict[str, Any]:
        """The record, on disk when this returns. OSError: nothing was written, and nothing may be changed."""
        record = self._record(change)
        with self._writing:
            self._write([*self._owed, canonical(record)])
            self._owed.clear()
        return record

    def note(self, change: PolicyChange) -> bool:
        """The same for what has happened already: false when it could not be written, and waits for the next change."""
        try:
            self.append(change)
        except OSError:
            with self._writing:
                self._owed.append(canonical(self._record(change)))
            return False
        return True

    def last_in_force(self) -> dict[str, Any] | None:
        """The latest promotion or rollback of this file, whoever wrote it; None without one, or when it is unreadable."""
        return self._last(_ORDERED)

    def last_set(self) -> tuple[PolicyRef, ...] | None:
        """The set that the file knows to be in force, however it came; None when it knows of none."""
        record = self._last(_IN_FORCE)
        if record is None:
            return None
        return tuple(PolicyRef(ref["policy"], ref["revision"], ref["hash"]) for ref in record["new"])

    def close(self) -> None:
        """Writes what could not be written before, if it can be now."""
        with self._writing:
            if self._owed:
                try:
                    self._write(list(self._owed))
                except OSError:
                    return  # it was told of when it happened
                self._owed.clear()

    def _record(self, change: PolicyChange) -> dict[str, Any]:
        return {
            "v": 1,
            "kind": "policy_change",
            "time": posix_text(self._clock()),
            "action": change.action,
            "actor": change.actor,
            "because": change.because,
            "path": change.path,
            "old": _named(change.old),
            "new": _named(change.new),
        }

    def _write(self, bodies: Sequence[bytes]) -> None:
        """Another process may be writing just now: then its turn is over soon."""
        pause = threading.Event()
        for left in reversed(range(_TRIES)):
            try:
                self._journal.append(bodies)
            except BlockingIOError:
                if not left:
                    raise
                pause.wait(_PAUSE)
            else:
                break
            finally:
                self._journal.close()

    def _last(self, actions: Sequence[str]) -> dict[str, Any] | None:
        try:
            lines = self._journal.path.read_bytes().splitlines()
            for line in reversed(lines):
                record: dict[str, Any] = orjson.loads(line)
                if record.get("action") in actions:
                    return record
        except (OSError, ValueError):
            return None  # `audit verify` says what is wrong with it
        return None


def _named(refs: Sequence[PolicyRef]) -> list[dict[str, object]]:
    return [{"policy": ref.name, "revision": ref.revision, "hash": ref.hash} for ref in refs]
