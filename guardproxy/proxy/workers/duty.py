"""What a worker does at its parent's word.

    Duty(hall).answers     prepare, commit, trial, standing, look: for its channel

A set of policies comes in two steps. `prepare` makes everything its first request will need and puts nothing in force;
`commit` swaps, which is one assignment. A worker that was not there for the first step says so, and is told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from guardproxy.policy.shelf import Held, LoadReport
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.workers.borrowed import BorrowedLog, BorrowedPool
from guardproxy.proxy.workers.channel import Answer, Message
from guardproxy.proxy.workers.handdown import unpacked
from guardproxy.proxy.workers.inherited import adopted, agreed, labels_of
from guardproxy.proxy.workers.merging import snapshot

PREPARE, COMMIT, TRIAL, STANDING, LOOK = "prepare", "commit", "trial", "standing", "look"


@dataclass(frozen=True, slots=True)
class _Prepared:
    generation: int
    held: Held


class Duty:
    """Over one hall. Everything here runs on the event loop, but for what is compiled."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._next: _Prepared | None = None
        self._trying = asyncio.Lock()
        self.answers: Mapping[str, Answer] = {
            PREPARE: self._prepare,
            COMMIT: self._commit,
            TRIAL: self._trial,
            STANDING: self._standing,
            LOOK: self._look,
        }

    async def begin_trial(self, held: Held) -> None:
        """This is the candidate from now on; what was counted of another one is forgotten."""
        hall = self._hall
        shelf = adopted(held, hall.benches.toolbox, hall.clock)
        hall.recorder.metrics.admit_candidate(labels_of(hall, held))
        await asyncio.to_thread(hall.trial.begin, shelf)

    async def _prepare(self, message: Message) -> None:
        hall, held = self._hall, unpacked(message.body)
        await asyncio.to_thread(hall.benches.prepare, held.set.policies)
        hall.recorder.metrics.admit(labels_of(hall, held))
        self._next = _Prepared(message.fields["generation"], held)

    def _commit(self, message: Message) -> Message:
        ready = self._next
        if ready is None or ready.generation != message.fields["generation"]:
            return Message("", {"missing": True})
        hall, self._next = self._hall, None
        hall.shelf.adopt(ready.held, agreed, "parent")
        hall.benches.keep_only(hall.shelf.policies)
        hall.recorder.metrics.policies_in_force([p.ref for p in hall.shelf.policies], hall.shelf.loaded_at)
        return Message()

    async def _trial(self, message: Message) -> None:
        """An empty body ends it; `again`: the files of the candidate have changed, counting goes on.

        One after the other: what is withdrawn must not come back because it took long to begin.
        """
        trial = self._hall.trial
        async with self._trying:
            if not message.body:
                trial.end()
            elif message.fields["again"] and trial.shelf is not None:
                held = unpacked(message.body)
                self._hall.recorder.metrics.admit_candidate(labels_of(self._hall, held))
                trial.shelf.adopt(held, agreed, "parent")
            else:
                await self.begin_trial(unpacked(message.body))

    def _standing(self, message: Message) -> None:
        told, team, log = message.fields, self._hall.standing, self._hall.recorder.audit
        if team is not None:
            team.serve, team.complete = told["serve"], told["complete"]
        if isinstance(log, BorrowedLog):
            log.fault = told["audit"]
        if isinstance(self._hall.pool, BorrowedPool):
            self._hall.pool.told_wait_s = told["wait"]
        self._hall.shelf.last = LoadReport(told["ok"], place=told["place"], at=told["at"])

    async def _look(self, _message: Message) -> Message:
        """What was counted, decided and compared since the parent last looked."""
        return Message("", *await looked(self._hall))


async def looked(hall: Hall) -> tuple[Mapping[str, Any], bytes]:
    """The fields and the body of a `look`: metrics, then rows of the ring, then the comparison.

    Two thousand series take 16 ms to read: in a thread, for the loop has to answer meanwhile.
    """
    metrics = await asyncio.to_thread(snapshot, hall.recorder.metrics.registry)
    rows = hall.recorder.recent.take()
    view = orjson.dumps(hall.trial.view() if hall.trial.running else None)
    return {"metrics": len(metrics), "rows": len(rows)}, metrics + rows + view
