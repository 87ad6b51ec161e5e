"""`make wire-law`: twenty thousand streams over real sockets, the upstream's bytes cut anywhere, canaries planted.

A fault proxy between guardproxy and its upstream sends each answer in TCP segments of random sizes, many of one byte,
so that characters, escapes, lines and events are cut. The same bytes are cut several ways: what leaves must be the
same each time, hold no character of a canary or behind it, and all of what is clean. Exit 1 unless it is so.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from guardproxy.testing.fault_proxy import FaultProxy, Weather
from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.proxy_process import serving
from guardproxy.testing.raw_client import ask, chat
from guardproxy.testing.scripts import SSE, Script
from guardproxy.testing.wire_texts import POLICY, Verdict, Written, written

CUTTINGS = 9
"""Ways in which the bytes of one answer are cut."""
CALLERS = 16


@dataclass(slots=True)
class Counts:
    """The figures of a run. `differing`: streams of the same bytes that let out something else."""

    streams: int = 0
    answers: int = 0
    planted: int = 0
    segments: int = 0
    leaked: int = 0
    lost: int = 0
    differing: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Nothing leaked, nothing was lost, nothing differed, nothing broke."""
        return not (self.leaked or self.lost or self.differing or self.faults)

    def summary(self) -> str:
        """For people."""
        told = (
            f"{self.streams} streams of {self.answers} answers in {self.segments} TCP segments, {self.planted} with "
            f"something planted, in {self.seconds:.0f} s: {self.leaked} characters leaked, {self.lost} lost, "
            f"{self.differing} cuttings differed, {len(self.faults)} broke"
        )
        return "\n".join([told, *self.faults[:10]])


class Cutter:
    """What the fault proxy does with the next connection: callers come and go, so each cutting is drawn when needed."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def weather(self) -> Weather:
        """Segments of one byte, of a few, of anything, or none cut; at times with a breath between them."""
        most = self._chance.choices((1, 40, 400, 4000, 65536), (1, 6, 20, 20, 2))[0]
        cuts = tuple(self._chance.randint(1, self._chance.choice((3, most, most))) for _ in range(61))
        return Weather(cuts=cuts, pause=self._chance.choice((0.0, 0.0, 0.0, 0.0002)))


class Play:
    """The answers by the number that the caller asks for, and the streams of each."""

    def __init__(self, seed: int, counts: Counts) -> None:
        self._seed = seed
        self.counts = counts

    def wire(self, number: int) -> tuple[Written, bytes]:
        """The answer of this number, the same each time."""
        chance = Random(self._seed * 1_000_003 + number)  # noqa: S311 - seeded, so that a run can be repeated
        answer = written(chance)
        return answer, answer.wire(chance)

    def script(self, body: Any) -> Script:
        """What the upstream says to a caller who asks for a number."""
        return Script((self.wire(int(body["messages"][0]["content"]))[1],), content_type=SSE)

    async def streams(self, port: int, number: int) -> None:
        """One answer, over and over."""
        answer, _ = self.wire(number)
        self.counts.answers += 1
        first: Verdict | None = None
        for _ in range(CUTTINGS):
            seen = await self._stream(port, number, answer)
            if seen is None:
                continue
            first = first or seen
            self.counts.differing += seen.left != first.left
            self.counts.planted += answer.planted > 0

    async def _stream(self, port: int, number: int, answer: Written) -> Verdict | None:
        self.counts.streams += 1
        try:
            got = await ask(port, chat(str(number), stream=True, n=answer.choices))
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.counts.faults.append(f"answer {number}: {type(error).__name__}")
            return None
        events = got.frames
        if got.status != 200 or not events:
            self.counts.faults.append(f"answer {number}: status {got.status}")
            return None
        seen = answer.judge(events)
        self.counts.leaked += seen.leaked
        self.counts.lost += seen.lost
        if seen.leaked or seen.lost:
            self.counts.faults.append(f"answer {number}: {seen.leaked} leaked, {seen.lost} lost")
        return seen


async def run(folder: Path, streams: int, seed: int) -> Counts:
    """So many streams, in `folder`."""
    policy = folder / "wire.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    counts, began = Counts(), perf_counter()
    play, cutter = Play(seed, counts), Cutter(Random(seed))  # noqa: S311 - as above
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", "GUARDPROXY_AUDIT_MODE": "off", "GUARDPROXY_LOG_LEVEL": "error"}
    async with LoopUpstream(play.script) as upstream, FaultProxy(upstream.port, cutter.weather) as between:
        with serving(folder / "proxy", between.base, policy, environment=light) as proxy:
            port = proxy.port
            numbers = iter(range(-(-streams // CUTTINGS)))

            async def call() -> None:
                for number in numbers:
                    await play.streams(port, number)

            await asyncio.gather(*(call() for _ in range(CALLERS)))
        counts.segments = between.segments
    counts.seconds = perf_counter() - began
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; 1 unless all are as they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=int(os.environ.get("WIRE_STREAMS", "20000")))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        counts = asyncio.run(run(Path(folder), asked.streams, asked.seed))
    sys.stdout.write(counts.summary() + "\n")
    return 0 if counts.clean else 1


if __name__ == "__main__":
    sys.exit(main())
