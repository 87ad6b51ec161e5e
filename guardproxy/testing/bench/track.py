"""The driving process: one event loop on the second core with the mock upstream and the callers, and what they measure.

with Track() as track:
    with track.pinned(): subject = start(folder, track.port)
    track.first_answer(subject)                             seconds from the start of its process
    track.unary(subject, callers=64, seconds=1.5)           Burst: answers, CPU of the whole process tree, quantiles
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Awaitable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Self, TypeVar

import uvloop

from guardproxy.testing.bench.callers import PATIENCE_S, Aim, Volley, ask, once, until_first
from guardproxy.testing.bench.instant import Instant, Said
from guardproxy.testing.bench.subjects import Cores, Subject
from guardproxy.testing.process_figures import ended, run_time

T = TypeVar("T")
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Burst:
    """A volley and what it cost the subject: `cpu` in seconds of its whole process tree."""

    answers: int
    seconds: float
    cpu: float
    p50: float
    p99: float
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def cost(self) -> float:
        """CPU microseconds an answer; infinite without one."""
        return self.cpu / self.answers * 1e6 if self.answers else float("inf")


class Track:
    """See the module's text."""

    def __init__(self) -> None:
        self.model = Instant()
        self._cores = Cores()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def __enter__(self) -> Self:
        self._cores.__enter__()
        self._runner.__enter__()
        self.run(self.model.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self.model.__aexit__(kind, error, trace))
        self._runner.__exit__(kind, error, trace)
        self._cores.__exit__()

    @property
    def port(self) -> int:
        """Of the mock upstream."""
        return self.model.port

    @property
    def direct(self) -> Subject:
        """The mock upstream itself: callers without a proxy. What it costs is what callers and model cost together."""
        return Subject("direct", self.port, 0, 0.0)

    def pinned(self, *, to_all: bool = False) -> AbstractContextManager[None]:
        """What is started within runs on the measured core, or on all."""
        return self._cores.pinned(to_all=to_all)

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """On the loop of model and callers."""
        return self._runner.run(what)

    def says(self, said: Said) -> None:
        """What the model says from now on."""
        self.model.script = said

    def first_answer(self, subject: Subject, patience: float = 180.0) -> float:
        """Asks until there is an answer; seconds since its process was started. TimeoutError when none comes."""

        async def asked() -> float:
            while perf_counter() - subject.began < patience:
                try:
                    volley = await once(subject.aim())
                except OSError:
                    volley = Volley()
                if volley.answers:
                    return perf_counter() - subject.began
                if ended(subject.pid):
                    raise TimeoutError(f"{subject.name}: it ended before it answered")
                await asyncio.sleep(POLL_S)
            raise TimeoutError(f"{subject.name}: no answer within {patience:.0f} s of its start")

        return self.run(asked())

    def unary(self, subject: Subject, callers: int, seconds: float, aim: Aim | None = None) -> Burst:
        """Whole answers, one after the other on each connection."""
        return self.burst(subject, ask(aim or subject.aim(), callers, seconds))

    def streamed(self, subject: Subject, callers: int, seconds: float, patience: float = PATIENCE_S) -> Burst:
        """The same with streams; an answer is a whole stream."""
        return self.burst(subject, ask(subject.aim(stream=True), callers, seconds, patience))

    def burst(self, subject: Subject, volley: Awaitable[Volley]) -> Burst:
        """What it costs."""

        async def measured() -> Burst:
            pids = subject.tree or [os.getpid()]
            before = run_time(pids)
            done = await volley
            cpu = run_time(pids) - before
            return Burst(done.answers, done.seconds, cpu, done.quantile(0.5), done.quantile(0.99), done.failed)

        return self.run(measured())

    def to_first_word(self, subject: Subject, patience: float = PATIENCE_S) -> float:
        """Seconds from the model's first word to its arrival at the caller, who then leaves."""

        async def watched() -> float:
            return await until_first(subject.aim(stream=True), patience) - self.model.first

        return self.run(watched())

    def since_asked(self, subject: Subject, patience: float = PATIENCE_S) -> float:
        """Seconds from the request to the arrival of the first word."""

        async def watched() -> float:
            began = perf_counter()
            return await until_first(subject.aim(stream=True), patience) - began

        return self.run(watched())

    def says_no(self, subject: Subject, text: str) -> bool:
        """True when an answer to the text is not the model's own."""

        async def asked() -> bool:
            before = self.model.answered
            volley = await once(subject.aim(text))
            return self.model.answered == before or not _is_the_models(volley.body)

        return self.run(asked())

    def carries(self, subject: Subject, said: str) -> bool:
        """True when the words of a whole answer arrive as they were said."""

        async def asked() -> bool:
            return said in _text(await once(subject.aim()))

        return self.run(asked())


def _text(volley: Volley) -> str:
    try:
        return str(json.loads(volley.body)["choices"][0]["message"]["content"])
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


def _is_the_models(body: bytes) -> bool:
    return b"Herons" in body
