"""The decision log's door: a bounded queue, one writer thread, group commit.

One fdatasync took 6.8 ms alone, 12,565 records/s in groups of 64 (threats.md). The file's format: `audit_file.py`.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from guardproxy.errors import AuditUnavailable, SettingsError
from guardproxy.observe.audit_file import INTERRUPTED, Link, canonical
from guardproxy.observe.begun import Begun, all_begun
from guardproxy.observe.entry import posix_text
from guardproxy.observe.journal import Journal, Keeping, Note
from guardproxy.observe.logs import get_logger

GROUP = 64
GROUP_BYTES = 1024 * 1024
WAIT = 0.005
"""Seconds between two groups at the least, so that they fill; a record that comes alone does not wait."""
LONGEST_QUEUE = 10_000
PATIENCE = 5.0
"""Seconds a caller waits for a disk that does not answer at all. A full disk answers at once."""
RETRY = 1.0
"""Seconds after which a log that failed is tried again, though nobody wants to write: readiness waits for it."""
TEND = 600.0
"""Seconds between two looks at a log that nobody writes to: its segment may have become old."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


_CALM = frozenset({"audit_anchor", "audit_works_again"})


def _say(event: str, **fields: object) -> object:
    logger = get_logger()
    return (logger.info if event in _CALM else logger.warning)(event, **fields)


@dataclass(frozen=True, slots=True)
class _Waiting:
    body: bytes
    future: asyncio.Future[None] | None


class _Inbox:
    """What waits for the writer. One wake-up a group: the first record rings, and the one that fills it."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._changed = threading.Condition(threading.Lock())
        self._waiting: list[_Waiting] = []
        self._closed = False
        self._taken = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: _Waiting) -> bool:
        """False when it is full or closed."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._longest:
                return False
            self._waiting.append(item)
            if len(self._waiting) in (1, GROUP):
                self._changed.notify()
        return True

    def take(self, patience: float) -> list[_Waiting] | None:
        """The next group; empty when none has come within `patience` seconds, None when closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, patience)
            if not self._waiting:
                return None if self._closed else []
            early = self._taken + WAIT - monotonic()
            if early > 0:
                self._changed.wait_for(lambda: len(self._waiting) >= GROUP or self._closed, early)
            self._taken = monotonic()
            count, size = 0, 0
            for item in self._waiting[:GROUP]:
                size += len(item.body)
                if count and size > GROUP_BYTES:
                    break
                count += 1
            group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()


class _Missed:
    """Records that could not be written, by reason, until the chain has told of them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, reason: str) -> None:
        with self._counting:
            self._counts[reason] += 1

    def take(self) -> dict[str, int]:
        with self._counting:
            counts, self._counts = self._counts, Counter()
        return dict(counts)

    def give_back(self, counts: Mapping[str, int]) -> None:
        with self._counting:
            self._counts.update(counts)


class AuditLog:
    """`append` puts one record into the chain.

    mode `required`: it returns when the record is on disk, or raises AuditUnavailable; `best_effort`: it returns at
    once, and what cannot be written is reported to `on_drop(reason)` (from the writer thread); `off`: nothing happens.
    A fault ends by itself: each group tries again, and so does the writer each second; then a record of the chain says
    how many are missing. Raises SettingsError when a required log cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        mode: str,
        on_drop: Callable[[str], None] = lambda _reason: None,
        clock: Callable[[], float] = lambda: 0.0,
        note: Note = _say,
        keeping: Keeping = Keeping(),  # noqa: B008 - frozen
    ) -> None:
        self.mode = mode
        self.fault = ""
        self._on_drop = on_drop
        self._clock = clock
        self._note = note
        self._missed = _Missed()
        self._begun: Begun | None = None
        self._journal = Journal(path, clock, note, keeping)
        self._inbox = _Inbox(LONGEST_QUEUE)
        self._thread: threading.Thread | None = None
        if mode != "off":
            self._open(path)
            self._thread = threading.Thread(target=self._write_on, name="audit", daemon=True)
            self._thread.start()

    @property
    def path(self) -> Path:
        """The file written to; not the one asked for when another process writes there."""
        return self._journal.path

    @property
    def depth(self) -> int:
        """Records that wait for the writer."""
        return len(self._inbox)

    @property
    def ready(self) -> bool:
        """False while a required log cannot be written: whoever asks would be answered with 503."""
        return self.mode != "required" or not self.fault

    @property
    def state(self) -> str:
        """`ok`, `off`, or what is wrong: `disk_full` or `io_error`."""
        return "off" if self.mode == "off" else self.fault or "ok"

    @property
    def last(self) -> Link:
        """The last record on disk."""
        return self._journal.last

    def begin(self, decision_id: str, record: Mapping[str, Any]) -> None:
        """An answer begins to leave. In `required` mode a crash cannot lose it; AuditUnavailable: nothing may leave."""
        if not self.ready:
            raise AuditUnavailable("the decision log cannot be written")
        if self._begun is None:
            return
        try:
            self._begun.begin(decision_id, record)
        except OSError as error:
            self._drop(_reason(error))
            raise AuditUnavailable("the decision log cannot be written") from None

    def end(self, decision_id: str) -> None:
        """Its record is there."""
        if self._begun is not None:
            self._begun.end(decision_id)

    async def append(self, record: Mapping[str, Any]) -> None:
        """One record without `seq`, `len`, `crc`, `prev` and `hash`. See the class for when it returns."""
        if self.mode != "off":
            await self.write(canonical(record))

    async def write(self, body: bytes) -> None:
        """The same for a record in canonical JSON, in a mode that is not `off`."""
        if self.mode == "best_effort":
            if not self._inbox.put(_Waiting(body, None)):
                self._drop("queue_full")
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._inbox.put(_Waiting(body, future)):
            self._drop("queue_full")
            raise AuditUnavailable("the decision log cannot keep up")
        try:
            async with asyncio.timeout(PATIENCE):
                await future
        except TimeoutError:
            raise AuditUnavailable("the decision log's disk does not answer") from None

    def close(self) -> None:
        """Writes what is queued, then closes the file. Blocks for as long as the disk needs, 10 s at most."""
        self._inbox.close()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None
        if self._begun is not None:
            self._begun.close()

    def _open(self, path: Path) -> None:
        try:
            self._journal.open()
            if self.mode == "required":
                self._begun = self._take_up()
        except OSError as error:
            if self.mode == "required" and error.errno not in _FULL:
                raise SettingsError(f"audit.path: cannot write the decision log {path}: {error.strerror}") from None
            self._turn(_reason(error))

    async def take_up(self, begun: Begun) -> None:
        """What another process began and never recorded goes into the chain, while this log is at work.

        That process has ended, and all it recorded is on disk. OSError or AuditUnavailable: it stays for the next start.
        """
        if self.mode == "required":
            for body in self._interrupted(await asyncio.to_thread(begun.left, self._journal.path)):
                await self.write(body)
            begun.settle()

    def _take_up(self) -> Begun:
        """The same for earlier processes, before anything else is written. Gives the file of this one."""
        for begun in all_begun(self._journal.path):
            left = begun.left(self._journal.path)
            if left:
                self._journal.append(self._interrupted(left))
            begun.settle()
        return Begun(self._journal.path)

    def _interrupted(self, left: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """Their records."""
        when = posix_text(self._clock())
        if left:
            self._note("audit_interrupted", exchanges=len(left))
        return [canonical({**record, "v": 1, "kind": INTERRUPTED, "recorded": when}) for record in left]

    def _write_on(self) -> None:
        while (group := self._inbox.take(RETRY if self.fault else TEND)) is not None:
            self._commit(group)
        if self._missed:
            self._commit(())
        self._journal.close()

    def _commit(self, group: Sequence[_Waiting]) -> None:
        """A group; an empty one looks whether the log works, and whether its segment has become old."""
        reason, missed = "", self._missed.take()
        try:
            bodies = [self._said(missed)] if missed else []
            bodies += [item.body for item in group]
            self._journal.append(bodies) if bodies else self._journal.tend()
            if self._begun is None and self.mode == "required":
                self._begun = self._take_up()  # the log could not be opened at the start
        except OSError as error:
            reason = _reason(error)
            self._missed.give_back(missed)
            for _ in group:
                self._drop(reason)
        self._turn(reason)
        _settle([item.future for item in group if item.future is not None], reason)

    def _drop(self, reason: str) -> None:
        self._missed.add(reason)
        self._on_drop(reason)

    def _said(self, missed: Mapping[str, int]) -> bytes:
        """What the chain says of records that it does not hold."""
        when = posix_text(self._clock())
        return canonical({"v": 1, "kind": "dropped", "time": when, "count": sum(missed.values()), "reasons": missed})

    def _turn(self, fault: str) -> None:
        """Says once that the log fails, once that it works again."""
        if fault != self.fault:
            self.fault = fault
            self._note("audit_failing" if fault else "audit_works_again", reason=fault or None)


def _reason(error: OSError) -> str:
    return "disk_full" if error.errno in _FULL else "io_error"


def _settle(futures: Sequence[asyncio.Future[None]], reason: str) -> None:
    """Wakes the callers, with one call into each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for future in futures:
        loops.setdefault(future.get_loop(), []).append(future)
    for loop, mine in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, mine, reason)
        except RuntimeError:
            continue  # the loop has been closed: nobody waits any more


def _resolve(futures: Sequence[asyncio.Future[None]], reason: str) -> None:
    for future in futures:
        if future.done():
            continue  # the caller was cancelled or gave up
        if reason:
            future.set_exception(AuditUnavailable("the decision log cannot be written"))
        else:
            future.set_result(None)
