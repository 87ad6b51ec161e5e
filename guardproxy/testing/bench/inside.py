"""One guarded exchange inside this process: what it calls and what it holds, the same numbers on every machine.

with Inside(folder) as inside:
    inside.calls()           functions called for a whole answer and for each event of a stream: sys.setprofile counts
    inside.held()            KiB at the peak of an exchange, and blocks of memory that each leaves behind

No socket takes part: the app is called as ASGI, and the model is a list of bytes. So neither the clock nor the
garbage collector has a say.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from guardproxy.observe import logs
from guardproxy.proxy.app import DataApp
from guardproxy.proxy.keyring import fresh, write_keys
from guardproxy.proxy.settings import (
    AuditSettings,
    DetectorSettings,
    KeySettings,
    PolicySettings,
    Settings,
    UpstreamSettings,
)
from guardproxy.proxy.start import open_hall
from guardproxy.proxy.target import Target
from guardproxy.proxy.upstream import Call
from guardproxy.testing.bench.callers import HOLE
from guardproxy.testing.bench.instant import SAID, spoken
from guardproxy.testing.bench.subjects import QUESTION
from guardproxy.testing.bench.wordlist import policy
from guardproxy.testing.raw_client import CHAT, chat
from guardproxy.testing.scripts import Script, completion, stream_of

FEW, MANY = 50, 250
FILLED_AFTER, LEFT_AFTER = 400, 200
"""Exchanges until what keeps the latest of something is full, and those that are then counted."""
Count = Callable[[FrameType, str, Any], None]


@dataclass(frozen=True, slots=True)
class Calls:
    """Functions called, of Python and of C."""

    answer: float
    event: float


@dataclass(frozen=True, slots=True)
class Held:
    """`peak` in KiB while one exchange runs, `left` in blocks of memory an exchange, once it has ended."""

    peak: float
    left: float


class Inside:
    """See the module's text."""

    def __init__(self, folder: Path) -> None:
        file, keys = folder / "bench.yaml", folder / "keys.json"
        file.write_text(policy(), encoding="utf-8")
        made = fresh("default", 0.0)
        write_keys(keys, [made.stored])
        settings = Settings(
            upstream=UpstreamSettings(url="http://127.0.0.1:9"),
            policies=PolicySettings(path=str(file), changes=str(folder / "changes.jsonl"), watch=False),
            audit=AuditSettings(mode="off", path=str(folder / "decisions.jsonl")),
            detectors=DetectorSettings(embedded=False),
            keys=KeySettings(file=str(keys)),
        )
        self._model = _Model()
        self._app = DataApp(replace(open_hall(settings, lambda: 1_800_000_000.0), upstream=self._model))
        self._key = made.text
        self._runner = asyncio.Runner()
        self._number = 0

    def __enter__(self) -> Self:
        logs.configure("warning")
        self._runner.__enter__()
        for _ in range(20):
            self._whole()
            self._streamed(FEW)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.__exit__(kind, error, trace)

    def calls(self) -> Calls:
        """Medians are not needed: the same exchange calls the same functions."""
        events = (_counted(lambda: self._streamed(MANY)) - _counted(lambda: self._streamed(FEW))) / (MANY - FEW)
        return Calls(_counted(self._whole), events)

    def held(self) -> Held:
        """The peak of one exchange, and what is left of many."""
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        self._whole()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return Held((peak - before) / 1024, self._left())

    def answer(self) -> None:
        """One whole answer to a prompt that is new."""
        self._whole()

    def stream(self) -> None:
        """One stream of `MANY` events."""
        self._streamed(MANY)

    def _left(self) -> float:
        self._several(FILLED_AFTER)
        gc.collect()
        before = sys.getallocatedblocks()
        self._several(LEFT_AFTER)
        gc.collect()
        return (sys.getallocatedblocks() - before) / LEFT_AFTER

    def _several(self, count: int) -> None:
        """The same prompt again: a cache that knows it does not grow."""
        for _ in range(count):
            self._number -= 1
            self._whole()

    def _whole(self) -> None:
        self._model.script = completion(SAID)
        self._exchange(stream=False)

    def _streamed(self, events: int) -> None:
        self._model.script = stream_of(spoken(events))
        self._exchange(stream=True)

    def _exchange(self, *, stream: bool) -> None:
        self._number += 1
        text = QUESTION.replace(HOLE.decode(), f"{self._number:08d}")
        body = json.dumps(chat(text, **({"stream": True} if stream else {}))).encode()
        sent = self._runner.run(_asked(self._app, body, self._key))
        if sent[0]["status"] != 200:
            raise AssertionError(f"the exchange that is counted ended with {sent[0]['status']}")


async def _asked(app: DataApp, body: bytes, key: str) -> list[Mapping[str, Any]]:
    """What the app sends for one request."""
    sent: list[Mapping[str, Any]] = []
    waiting: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # the caller stays

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    headers = {"content-type": "application/json", "content-length": str(len(body)), "authorization": f"Bearer {key}"}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    place = {"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "query_string": b""}
    await app({**place, "path": CHAT, "raw_path": CHAT.encode(), "headers": raw}, receive, send)
    return sent


def _counted(what: Callable[[], None]) -> float:
    found = 0

    def count(_frame: FrameType, event: str, _value: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        what()
    finally:
        sys.setprofile(None)
    return found


class _Reply:
    """The script as an answer."""

    def __init__(self, script: Script) -> None:
        self.status = script.status
        self.headers: Mapping[str, str] = {"content-type": script.content_type or ""}
        self._pieces: Iterable[bytes] = iter(script.segments)

    async def piece(self) -> bytes:
        return next(iter(self._pieces), b"")

    async def close(self) -> None:
        self._pieces = ()


class _Model:
    """An upstream without a network."""

    target = Target("main", "http://model/v1")

    def __init__(self) -> None:
        self.script = completion(SAID)

    async def send(self, call: Call) -> _Reply:  # noqa: ARG002 - the same answer to everyone
        return _Reply(self.script)

    async def close(self) -> None:
        """Nothing is open."""
