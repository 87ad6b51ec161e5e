"""The process the classifiers run in: JSON lines in on stdin, JSON lines out on stdout. Started by `pool` alone.

In: `{"id": 7, "text": …}` scores a text, `{"id": 7}` forgets it. Out, first: `{"ready": revision}` or
`{"broken": reason}`; then `{"id": 7, "scores": […]}` or `{"id": 7, "error": type of the exception}`. Several texts
share the process a window at a time, so a short one never waits for a long one. Ends when stdin does.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

from guardproxy.core.canonical import canonical_text
from guardproxy.detectors.scorer import Scorer, highest
from guardproxy.errors import ModelFilesError

FAULTS = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
"""What a text may bring about in the libraries: answered as an error, the process lives on."""

Scores = tuple[float, ...]
Inbox = SimpleQueue[bytes]


class Jobs:
    """The texts in work, each some windows on its way."""

    def __init__(self, scorer: Scorer, out: IO[bytes]) -> None:
        self._scorer = scorer
        self._out = out
        self._steps: OrderedDict[int, Iterator[Scores]] = OrderedDict()
        self._best: dict[int, Scores] = {}

    def __len__(self) -> int:
        return len(self._steps)

    def take(self, order: dict[str, Any]) -> None:
        """A new text, or one to forget."""
        number = order["id"]
        if "text" in order:
            self._steps[number] = self._scorer.steps(order["text"])
        else:
            self._forget(number)

    def advance(self) -> None:
        """One window of the text whose turn it is."""
        number, steps = next(iter(self._steps.items()))
        try:
            step = next(steps, None)
        except FAULTS as fault:
            self._forget(number)
            say(self._out, {"id": number, "error": type(fault).__name__})
            return
        if step is None:
            say(self._out, {"id": number, "scores": self._best[number]})
            self._forget(number)
            return
        self._best[number] = highest(iter((self._best[number], step))) if number in self._best else step
        self._steps.move_to_end(number)

    def _forget(self, number: int) -> None:
        self._steps.pop(number, None)
        self._best.pop(number, None)


def say(out: IO[bytes], answer: dict[str, Any]) -> None:
    """One line, at once."""
    out.write(json.dumps(answer).encode() + b"\n")
    out.flush()


def serve(scorer: Scorer, inbox: Inbox, out: IO[bytes]) -> None:
    """Works until an empty line of bytes says that stdin has ended."""
    jobs = Jobs(scorer, out)
    while True:
        try:
            line = inbox.get(block=not len(jobs))
        except Empty:
            jobs.advance()
            continue
        if not line:
            return
        jobs.take(json.loads(line))


def _read(source: IO[bytes], inbox: Inbox) -> None:
    for line in source:
        inbox.put(line)
    inbox.put(b"")


def main() -> int:
    """`python -m guardproxy.detectors.worker FOLDER`. No core dumps: they would hold client text."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the proxy's business; we end with stdin
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # whatever a library prints stays out of the protocol
        try:
            scorer = Scorer(Path(sys.argv[1]), canonical_text)
        except ModelFilesError as error:
            say(out, {"broken": str(error)})
            return 78
        scorer.score("warm up")
        say(out, {"ready": scorer.revision})
        inbox: Inbox = SimpleQueue()
        Thread(target=_read, args=(sys.stdin.buffer, inbox), daemon=True).start()
        serve(scorer, inbox, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
