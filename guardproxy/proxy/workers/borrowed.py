"""What a worker has through its parent, in the shape of what a single process has for itself.

BorrowedLog(channel, path, mode, owner, on_drop)      the decision log: one writer and one chain for all workers
BorrowedState(channel)                                the client of a `Link`, over the parent's `Store`
BorrowedPool(channel)                                 the classifiers: one queue, its deadlines, its processes
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from guardproxy.core.findings import FailureKind
from guardproxy.detectors.lanes import Miss, Scores
from guardproxy.detectors.pool import CHARACTERS_PER_SECOND, ClassifierPool, PoolOptions
from guardproxy.errors import AuditUnavailable
from guardproxy.observe.audit import LONGEST_QUEUE, PATIENCE
from guardproxy.observe.audit_file import canonical
from guardproxy.observe.begun import Begun
from guardproxy.proxy.workers.channel import AskedInVain, Channel, ChannelLost
from guardproxy.state.store import NAMES, flat, unflat

RECORD, STATE, SCORE = "record", "state", "score"
MOST_BYTES_WAITING = 32 * 1024 * 1024
SLACK_S = 1.0
"""Seconds that the way to the parent and back may take beyond a deadline that is kept there."""


class BorrowedLog:
    """See `observe.record.DecisionLog`. What is begun is written down here: it must not wait for another process."""

    def __init__(self, channel: Channel, path: Path, mode: str, owner: str, on_drop: Callable[[str], None]) -> None:
        self.mode = mode
        self.fault = ""
        self._channel = channel
        self._on_drop = on_drop
        self._begun = Begun(path, owner)
        self._waiting = 0

    @property
    def depth(self) -> int:
        """None: the parent counts those that wait for the writer."""
        return 0

    @property
    def ready(self) -> bool:
        """False while a required log cannot be written, as far as the parent has told."""
        return self.mode != "required" or not self.fault

    @property
    def state(self) -> str:
        """`ok`, `off`, or what is wrong."""
        return "off" if self.mode == "off" else self.fault or "ok"

    def begin(self, decision_id: str, record: Mapping[str, Any]) -> None:
        """See `AuditLog.begin`. Without its parent a worker begins nothing: the next one has read the file by then."""
        if not (self.ready and self._channel.is_open):
            raise AuditUnavailable("the decision log cannot be written")
        try:
            self._begun.begin(decision_id, record)
        except OSError:
            self._on_drop("io_error")
            raise AuditUnavailable("the decision log cannot be written") from None

    def end(self, decision_id: str) -> None:
        """See `AuditLog.end`."""
        self._begun.end(decision_id)

    async def append(self, record: Mapping[str, Any]) -> None:
        """See `AuditLog.append`. The parent counts what it cannot write; here counts what never came to it."""
        if self.mode == "off":
            return
        body = canonical(record)
        if self.mode == "best_effort":
            self._send(body)
            return
        if self._waiting >= LONGEST_QUEUE:
            self._on_drop("queue_full")
            raise AuditUnavailable("the decision log cannot keep up")
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE + SLACK_S):
                await self._channel.ask(RECORD, body)
        except (AskedInVain, ChannelLost, TimeoutError):
            raise AuditUnavailable("the decision log cannot be written") from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """What is still open stays in the file."""
        self._begun.close()

    def _send(self, body: bytes) -> None:
        if self._channel.backlog > MOST_BYTES_WAITING:
            self._on_drop("queue_full")
            return
        try:
            self._channel.say(RECORD, body)
        except ChannelLost:
            self._on_drop("io_error")


class BorrowedState:
    """`redis.Client` for a `Link`: scripts go to the parent by name."""

    errors: tuple[type[Exception], ...] = (AskedInVain, ChannelLost)

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def run(self, script: str, key: str, *values: Any) -> Any:
        """What the store says."""
        answer = await self._channel.ask(STATE, flat(values), script=NAMES[script], key=key)
        return unflat(answer.body)

    async def close(self) -> None:
        """The channel is closed by whoever opened it."""


class BorrowedPool(ClassifierPool):
    """Asks the parent's pool. A crash there, or of the parent, is a miss here."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(PoolOptions(workers=0))
        self._channel = channel
        self._asked = 0
        self.told_wait_s = 0.0
        """What the parent says of its queue."""

    @property
    def waiting(self) -> int:
        """Looks of this worker that are under way."""
        return self._asked

    @property
    def wait_s(self) -> float:
        """See `ClassifierPool.wait_s`; as old as the parent's last word, a quarter of a second at most."""
        return self.told_wait_s

    def start(self) -> None:
        """The parent has."""

    async def ready(self) -> None:
        """The parent waits for it before a worker is started."""

    async def close(self) -> None:
        """The parent does."""

    async def score(self, texts: Sequence[str]) -> list[Scores] | Miss:
        """See `ClassifierPool.score`; a caller that is cancelled here is forgotten there."""
        if not texts:
            return []
        characters = sum(map(len, texts))
        self._asked += 1
        try:
            async with asyncio.timeout(characters / CHARACTERS_PER_SECOND + _LONGEST_DEADLINE_S + SLACK_S):
                answer = await self._channel.ask(SCORE, json.dumps(list(texts)).encode())
        except TimeoutError:
            return Miss(FailureKind.TIMEOUT)
        except (AskedInVain, ChannelLost):
            return Miss(FailureKind.UNAVAILABLE)
        finally:
            self._asked -= 1
        if "miss" in answer.fields:
            return Miss(FailureKind(answer.fields["miss"]), caused_by_input=answer.fields["blame"])
        return [tuple(scores) for scores in orjson.loads(answer.body)]


_LONGEST_DEADLINE_S = 60.0
"""The most that the settings allow; the parent keeps the one that is set."""
