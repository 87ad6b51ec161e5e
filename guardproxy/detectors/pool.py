"""Classifier processes: they take texts from one bounded queue and are restarted when they die.

The queue has two lanes, so that a short text never stands behind a row of long ones. Texts are not put together into
batches: on a processor that gains nothing, and int8 arithmetic would make scores depend on their neighbours.

Processes of their own keep the event loop free and model memory apart. They inherit no environment but a short list,
so no key of the proxy is ever inside them, and they end when the proxy's end of their pipe closes.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from guardproxy.core.findings import FailureKind
from guardproxy.detectors.lanes import Job, Lanes, Miss, Scores
from guardproxy.detectors.model_files import FOLDER
from guardproxy.errors import ModelFilesError

INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
AT_ONCE = 4
"""Texts a process has in work; it gives each a window in turn."""
CHARACTERS_PER_SECOND = 2000
"""What a deadline grows by for long texts: an eighth of one idle core's speed, the same law as the bench's."""
LONG = 20_000
"""Characters from which a text that runs out of time is itself to blame."""
LONG_AT_ONCE = AT_ONCE - 1
"""Longer texts a process has in work: one place is always for a short one."""
EXIT_S = 1.0
"""Patience with a process that has closed its stdout."""
ALWAYS = 200
"""Characters that a text costs beside its own."""
SHARE = 0.1
"""How much the latest text says of the pace."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 4.0
"""Pause before a restart, doubled each time a process dies before it was ready."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """`waiting`: texts waiting or in work before new ones are turned away. `command` is the worker's."""

    workers: int = 1
    deadline_s: float = 2.0
    waiting: int = 512
    folder: Path = FOLDER
    command: tuple[str, ...] = (sys.executable, "-m", "guardproxy.detectors.worker")


@dataclass(slots=True, eq=False)
class Worker:
    """One process and what it works on; `process` is None until it has said that it is ready."""

    process: Process | None = None
    jobs: dict[int, Job] = field(default_factory=dict)

    @property
    def takes_long(self) -> bool:
        """Has it room for another long text?"""
        return sum(job.is_long for job in self.jobs.values()) < LONG_AT_ONCE

    def send(self, order: dict[str, Any]) -> None:
        """One order, JSON with escapes, so that any code point passes."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")


class ClassifierPool:
    """Texts in, scores out; `start` returns at once, `ready` waits for the first process."""

    def __init__(self, options: PoolOptions | None = None) -> None:
        self._options = options or PoolOptions()
        self._queue = Lanes()
        self._workers = [Worker() for _ in range(self._options.workers)]
        self._keepers: list[asyncio.Task[None]] = []
        self._first_ready: asyncio.Future[None] | None = None
        self._broken = ""
        self._number = 0
        self._pace = 0.0
        self._answered = 0.0
        self.restarts = 0

    @property
    def waiting(self) -> int:
        """Texts waiting or in work, for metrics."""
        return len(self._queue) + sum(len(worker.jobs) for worker in self._workers)

    @property
    def wait_s(self) -> float:
        """Seconds that a text of now would wait for its turn, by the pace of late; 0 while none waits."""
        if not self._queue:
            return 0.0
        ahead = [*self._queue, *(job for worker in self._workers for job in worker.jobs.values())]
        return self._pace * sum(ALWAYS + len(job.text) for job in ahead)

    @property
    def alive(self) -> int:
        """Processes that can take a text now."""
        return sum(worker.process is not None for worker in self._workers)

    def start(self) -> None:
        """Starts the processes; they load while the proxy does other things."""
        if not self._keepers:
            loop = asyncio.get_running_loop()
            self._first_ready = loop.create_future()
            self._keepers = [loop.create_task(self._keep(worker)) for worker in self._workers]

    async def ready(self) -> None:
        """Until one process can work; raises `ModelFilesError` when the files are not those that were shipped."""
        self.start()
        if self._first_ready is not None:
            await asyncio.shield(self._first_ready)
        if self._broken:
            raise ModelFilesError(self._broken)

    async def close(self) -> None:
        """Ends the processes; whoever still waits gets UNAVAILABLE."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers = []
        self._drop_all(Miss(FailureKind.UNAVAILABLE))

    async def score(self, texts: Sequence[str]) -> list[Scores] | Miss:
        """Scores of each text, in the order of the model's heads; the first miss counts for all."""
        if self._broken or not self._keepers:
            return Miss(FailureKind.UNAVAILABLE)
        if self.waiting and self.waiting + len(texts) > self._options.waiting:
            return Miss(FailureKind.OVERLOADED)
        jobs = [self._enqueue(text) for text in texts]
        characters = sum(map(len, texts))
        try:
            async with asyncio.timeout(self._options.deadline_s + characters / CHARACTERS_PER_SECOND):
                answers = await asyncio.gather(*(job.answer for job in jobs))
        except TimeoutError:
            return Miss(FailureKind.TIMEOUT, caused_by_input=characters > LONG)
        finally:
            self._forget(jobs)
        return next((a for a in answers if isinstance(a, Miss)), None) or [a for a in answers if isinstance(a, tuple)]

    def _enqueue(self, text: str) -> Job:
        self._number += 1
        job = Job(self._number, text, asyncio.get_running_loop().create_future())
        self._queue.put(job)
        self._hand_out()
        return job

    def _hand_out(self) -> None:
        """Waiting texts go to the process with the fewest that has room for their like."""
        while able := [w for w in self._workers if w.process is not None and len(w.jobs) < AT_ONCE]:
            roomy = [w for w in able if w.takes_long]
            job = self._queue.take(longer=bool(roomy))
            if job is None:
                return
            worker = min(roomy if job.is_long else able, key=lambda w: len(w.jobs))
            worker.jobs[job.number] = job
            worker.send({"id": job.number, "text": job.text})

    def _forget(self, jobs: Sequence[Job]) -> None:
        """What nobody waits for any more is not worked on: the caller has gone, or has waited long enough."""
        for job in jobs:
            self._queue.remove(job)
            for worker in self._workers:
                if worker.jobs.pop(job.number, None) is not None:
                    worker.send({"id": job.number})
        self._hand_out()

    async def _keep(self, worker: Worker) -> None:
        """Starts a process, and again when it dies."""
        pause = FIRST_PAUSE_S
        while not self._broken:
            worked = await self._live(worker)
            self.restarts += 1
            pause = FIRST_PAUSE_S if worked else min(2 * pause, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _live(self, worker: Worker) -> bool:
        """One process from start to end; True if it ever was ready."""
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
        starting = asyncio.create_subprocess_exec(
            *self._options.command, str(self._options.folder),
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True,
        )  # fmt: skip
        process, cancelled = await _whole(starting)
        if cancelled:
            await _end(process)
            raise asyncio.CancelledError
        try:
            return await self._listen(worker, process)
        finally:
            worker.process = None
            self._lose(worker)
            await _end(process)

    async def _listen(self, worker: Worker, process: Process) -> bool:
        if process.stdout is None:
            raise AssertionError("the worker has no stdout; this is a bug")
        worked = False
        async for line in process.stdout:
            said = json.loads(line)
            if "broken" in said:
                self._broken = said["broken"]
                self._drop_all(Miss(FailureKind.UNAVAILABLE))
            if "ready" in said:
                worker.process, worked = process, True
            if self._first_ready is not None and not self._first_ready.done():
                self._first_ready.set_result(None)
            if "id" in said:
                job = worker.jobs.pop(said["id"], None)
                self._note(job)
                _answer(job, said)
            self._hand_out()
        with suppress(TimeoutError):  # stdout has ended, so the process is dead or about to be
            async with asyncio.timeout(EXIT_S):
                await process.wait()
        return worked

    def _note(self, job: Job | None) -> None:
        """The pace of all processes together, from one answer to the next; between them nobody was idle if some wait."""
        now = monotonic()
        if job is not None and self._queue and self._answered:
            pace = (now - self._answered) / (ALWAYS + len(job.text))
            self._pace += (SHARE if self._pace else 1.0) * (pace - self._pace)
        self._answered = now if self._queue else 0.0

    def _lose(self, worker: Worker) -> None:
        """The process died with these in work: one of them may have killed it, so none may open a door."""
        for job in worker.jobs.values():
            _settle(job, Miss(FailureKind.UNAVAILABLE, caused_by_input=True))
        worker.jobs.clear()

    def _drop_all(self, miss: Miss) -> None:
        for job in self._queue:
            _settle(job, miss)
        self._queue.clear()


def _answer(job: Job | None, said: dict[str, Any]) -> None:
    """Scores that are no numbers between 0 and 1 are no scores."""
    if job is None:
        return
    scores = tuple(said.get("scores", ()))
    if "error" in said:
        _settle(job, Miss(FailureKind.EXCEPTION, caused_by_input=True))
    elif not scores or not all(isinstance(s, float) and math.isfinite(s) and 0.0 <= s <= 1.0 for s in scores):
        _settle(job, Miss(FailureKind.INVALID_RESULT, caused_by_input=True))
    else:
        _settle(job, scores)


def _settle(job: Job, answer: Scores | Miss) -> None:
    if not job.answer.done():
        job.answer.set_result(answer)


async def _end(process: Process) -> None:
    """Kills it if it still runs (it holds nothing worth saving) and waits for its end, whoever cancels meanwhile."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    _, cancelled = await _whole(process.communicate())
    if cancelled:
        raise asyncio.CancelledError


async def _whole(work: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """The result, and whether a cancellation came in between: a process half started or half ended is a leak."""
    task = asyncio.get_running_loop().create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    return task.result(), cancelled
