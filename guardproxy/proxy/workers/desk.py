"""What the parent does for its workers: their records, what they share, and one queue for the classifiers.

Desk(hall).answers          record, state, score: for the channel of each worker
Desk.take(worker, message)  what a worker has counted, decided and compared
Desk.leave(worker)          it has ended; what it began and never recorded goes into the decision log
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from guardproxy.detectors.lanes import Miss
from guardproxy.errors import AuditUnavailable
from guardproxy.observe.audit import AuditLog
from guardproxy.observe.begun import Begun
from guardproxy.observe.logs import get_logger
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.workers.borrowed import RECORD, SCORE, STATE
from guardproxy.proxy.workers.channel import Answer, Message
from guardproxy.proxy.workers.merging import MergedRegistry
from guardproxy.state.store import Store, flat, unflat


class Desk:
    """One for the parent. `hall` is its own; from now on its metrics are those of all."""

    def __init__(self, hall: Hall, log: AuditLog, of: int) -> None:
        self._hall = hall
        self._log = log
        self._store = Store(hall.steady)
        self._merged = MergedRegistry(hall.recorder.metrics.registry, of)
        self._views: dict[int, Mapping[str, Any]] = {}
        hall.recorder.metrics.registry = self._merged
        hall.trial.elsewhere = self._compared
        self.answers: Mapping[str, Answer] = {RECORD: self._record, STATE: self._state, SCORE: self._score}

    def take(self, worker: int, message: Message) -> None:
        """The answer to a `look`, or a worker's last word."""
        metrics = message.fields["metrics"]
        rows = metrics + message.fields["rows"]
        self._merged.put(worker, message.body[:metrics])
        self._hall.recorder.recent.put([message.body[metrics:rows]])
        view = orjson.loads(message.body[rows:])
        if view is not None:
            self._views[worker] = view

    def forget_views(self) -> None:
        """Another candidate: what was compared with the one before says nothing of it."""
        self._views.clear()

    async def leave(self, worker: int) -> None:
        """Call it when all that it asked for is done."""
        self._merged.leave(worker)
        try:
            await self._log.take_up(Begun(self._log.path, str(worker)))
        except (OSError, AuditUnavailable):
            get_logger().warning("audit_interrupted_later", worker=worker)

    @property
    def log_path(self) -> Path:
        """The file written to, which workers name their own files after."""
        return self._log.path

    @property
    def wait_s(self) -> float:
        """How long a text of now would wait for the classifiers, to a tenth of a second."""
        return round(self._hall.pool.wait_s, 1) if self._hall.pool is not None else 0.0

    @property
    def fault(self) -> str:
        """What is wrong with the decision log, "" for nothing."""
        return self._log.fault

    def _compared(self) -> Sequence[Mapping[str, Any]]:
        return list(self._views.values())

    async def _record(self, message: Message) -> None:
        """AuditUnavailable goes back to the worker."""
        await self._log.write(message.body)

    def _state(self, message: Message) -> Message:
        values = unflat(message.body)
        return Message("", {}, flat(self._store.run(message.fields["script"], message.fields["key"], *values)))

    async def _score(self, message: Message) -> Message:
        pool = self._hall.pool
        if pool is None:
            raise AssertionError("workers ask for scores where there are classifiers; this is a bug")
        found = await pool.score(json.loads(message.body))
        if isinstance(found, Miss):
            return Message("", {"miss": found.kind, "blame": found.caused_by_input})
        return Message("", {}, orjson.dumps(found))
