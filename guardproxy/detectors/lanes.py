"""What waits for a classifier process: short texts in one lane, longer ones in another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from guardproxy.core.findings import FailureKind

SHORT = 500
"""Characters of a text that is one window as a rule: longer ones wait in a lane of their own."""
LONG_EVERY = 4
"""So many short texts pass a longer one that waits, then it is its turn."""

Scores = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """Why there are no scores. `caused_by_input`: the text brought it about, so it must never open a door."""

    kind: FailureKind
    caused_by_input: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """One text on its way."""

    number: int
    text: str
    answer: asyncio.Future[Scores | Miss]

    @property
    def is_long(self) -> bool:
        """More than one window."""
        return len(self.text) > SHORT


class Lanes:
    """Texts that wait, short ones apart from the others, each lane in its order."""

    def __init__(self) -> None:
        self._short: deque[Job] = deque()
        self._long: deque[Job] = deque()
        self._passed = 0

    def __len__(self) -> int:
        return len(self._short) + len(self._long)

    def __iter__(self) -> Iterator[Job]:
        return iter((*self._short, *self._long))

    def put(self, job: Job) -> None:
        """Behind all others of its lane."""
        (self._long if job.is_long else self._short).append(job)

    def take(self, *, longer: bool) -> Job | None:
        """The next one; with `longer` false there is no room for a long one. None when nobody's turn has come."""
        due = self._long and longer and (not self._short or self._passed >= LONG_EVERY)
        if due:
            self._passed = 0
            return self._long.popleft()
        if not self._short:
            return None
        self._passed += bool(self._long)
        return self._short.popleft()

    def remove(self, job: Job) -> None:
        """Nobody waits for it any more; it may have been taken."""
        with suppress(ValueError):
            (self._long if job.is_long else self._short).remove(job)

    def clear(self) -> None:
        """Nobody waits."""
        self._short.clear()
        self._long.clear()
