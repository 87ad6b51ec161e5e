"""Who put which policies in force: an append-only file with the chain of the decision log.

`guardproxy audit verify var/policy-changes.jsonl` checks it. The file is opened with the first change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from guardproxy.core.rules import PolicyRef
from guardproxy.observe.audit_file import canonical
from guardproxy.observe.entry import posix_text
from guardproxy.observe.journal import Journal, Keeping, Note

_IN_FORCE = ("promote", "rollback")


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """`action`: candidate, withdraw, promote or rollback. `old` and `new` are the sets before and after."""

    action: str
    actor: str
    because: str
    path: str
    old: tuple[PolicyRef, ...]
    new: tuple[PolicyRef, ...]


class ChangeLog:
    """Safe in any thread."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        note: Note,
        keeping: Keeping = Keeping(),  # noqa: B008 - frozen
    ) -> None:
        self._journal = Journal(path, clock, note, keeping)
        self._clock = clock
        self._writing = Lock()

    @property
    def path(self) -> Path:
        """The file."""
        return self._journal.path

    def append(self, change: PolicyChange) -> dict[str, Any]:
        """The record, on disk when this returns. OSError: nothing was written, and nothing may be changed."""
        record = {
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
        with self._writing:
            self._journal.append([canonical(record)])
        return record

    def last_in_force(self) -> dict[str, Any] | None:
        """The latest promotion or rollback of this file, whoever wrote it; None without one, or when it is unreadable."""
        try:
            lines = self._journal.path.read_bytes().splitlines()
            for line in reversed(lines):
                record: dict[str, Any] = orjson.loads(line)
                if record.get("action") in _IN_FORCE:
                    return record
        except (OSError, ValueError):
            return None  # `audit verify` says what is wrong with it
        return None

    def close(self) -> None:
        """Gives the file back."""
        with self._writing:
            self._journal.close()


def _named(refs: Sequence[PolicyRef]) -> list[dict[str, object]]:
    return [{"policy": ref.name, "revision": ref.revision, "hash": ref.hash} for ref in refs]
