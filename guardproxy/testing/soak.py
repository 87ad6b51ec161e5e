"""`make soak`: mixed traffic for half an hour (SOAK_MINUTES). Memory and descriptors must stay flat.

Plain and streamed answers, refusals, redactions, broken upstreams, callers that leave, bodies that are no JSON, checks
without a model and policy reloads, at a steady rate. The proxy's memory, descriptors and threads are read all along;
the first fifth is for warming up. Exit 1 unless the slopes stay below `MOST_MIB` and `MOST_DESCRIPTORS` an hour, every
answer was one of those expected, and the log has a record for each request that was let in.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from guardproxy.proxy.tasks import spawn
from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.process_figures import Figures, slope
from guardproxy.testing.proxy_process import Serving, serving, settled
from guardproxy.testing.raw_client import Answer, ask, begun, chat, fault, finishes
from guardproxy.testing.scripts import SSE, Script, completion, stream_of
from guardproxy.testing.slow_streams import POLICY

MOST_MIB, MOST_DESCRIPTORS = 24.0, 10.0
"""A slope an hour that counts as flat: fragments of memory come and go."""
WARMING = 0.2
SAMPLES = 120
WORDS = [f"{word} " for word in ("A", "heron", "stands", "in", "the", "water", "HX-2031-ABCD", "and", "waits.")]
CHECK, RELOAD = "/v1/guard/check", "/admin/policies/reload"


@dataclass(slots=True)
class Soaked:
    """A run. `samples`: (hours since the start, figures)."""

    minutes: float
    asked: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[float, Figures]] = field(default_factory=list)
    records: int = 0
    let_in: int = 0

    def slope(self, of: Callable[[Figures], float]) -> float:
        """Units an hour, after warming up."""
        first = self.samples[-1][0] * WARMING
        return slope([(hours, of(figures)) for hours, figures in self.samples if hours >= first])

    def faults(self) -> list[str]:
        """What is not as it must be."""
        found = [f"{count} x {what}" for what, count in self.odd.items()]
        if (mib := self.slope(lambda f: f.resident)) > MOST_MIB:
            found.append(f"memory grows by {mib:.1f} MiB an hour")
        if (more := self.slope(lambda f: f.descriptors)) > MOST_DESCRIPTORS:
            found.append(f"descriptors grow by {more:.1f} an hour")
        if self.records != self.let_in:
            found.append(f"{self.let_in} requests were let in, {self.records} stand in the log")
        return found

    def lines(self) -> list[str]:
        """For people."""
        first, last = self.samples[0][1], self.samples[-1][1]
        return [
            f"{self.minutes:.0f} minutes, {sum(self.asked.values())} requests: {dict(self.asked)}",
            f"memory {first.resident:.1f} to {last.resident:.1f} MiB, slope {self.slope(lambda f: f.resident):+.1f} MiB an hour",
            f"descriptors {first.descriptors} to {last.descriptors}, slope {self.slope(lambda f: f.descriptors):+.1f} an hour",
            f"threads {first.threads} to {last.threads}; {self.records} records for {self.let_in} requests",
        ]


def answering(body: Any) -> Script:
    """By what is asked: a stream, a refusal's cause, something broken."""
    text = body["messages"][-1]["content"]
    if "broken" in text:
        return Script((b"data: {", b"x"), content_type=SSE)
    words = [*WORDS, "bluefinch "] if "flagged" in text else WORDS
    return replace(stream_of(words), pause=0.01) if body.get("stream") else completion("".join(words))


class Traffic:
    """One kind of request after the other, as chance has it."""

    def __init__(self, proxy: Serving, seen: Soaked) -> None:
        self._proxy = proxy
        self._seen = seen
        self._kinds: dict[str, Callable[[], Awaitable[str]]] = {
            "plain": self._plain,
            "streamed": self._streamed,
            "refused": self._refused,
            "cut": self._cut,
            "broken": self._broken,
            "left": self._left,
            "garbage": self._garbage,
            "check": self._check,
        }

    async def one(self, chance: Random) -> None:
        """A request of some kind; anything unexpected is written down."""
        kind = chance.choice(list(self._kinds))
        self._seen.asked[kind] += 1
        self._seen.let_in += 1
        try:
            if odd := await self._kinds[kind]():
                self._seen.odd[f"{kind}: {odd}"] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            self._seen.odd[f"{kind} {type(error).__name__}"] += 1

    async def reload(self) -> None:
        """The same policies once more."""
        self._seen.asked["reload"] += 1
        if (await ask(self._proxy.admin_port, {}, RELOAD)).status != 200:
            self._seen.odd["reload"] += 1

    async def _plain(self) -> str:
        answer = await ask(self._proxy.port, chat("tell me of the heron"))
        return _unless("[ticket]" in answer.body.decode(), answer)

    async def _streamed(self) -> str:
        answer = await ask(self._proxy.port, chat("tell me", stream=True))
        return _unless(finishes(answer.frames) == ["stop"], answer)

    async def _refused(self) -> str:
        answer = await ask(self._proxy.port, chat("tell me of the bluefinch"))
        return _unless('"content_filter"' in answer.body.decode(), answer)

    async def _cut(self) -> str:
        answer = await ask(self._proxy.port, chat("flagged", stream=True))
        return _unless(finishes(answer.frames) == ["content_filter"], answer)

    async def _broken(self) -> str:
        answer = await ask(self._proxy.port, chat("broken", stream=True))
        return _unless(answer.status == 502, answer)

    async def _left(self) -> str:
        async with begun(self._proxy.port, chat("tell me", stream=True)) as call:
            return "" if call.status == 200 else str(call.status)

    async def _garbage(self) -> str:
        answer = await ask(self._proxy.port, b'{"model": "m", "messages": [{"role"')
        return _unless(answer.status == 400, answer)

    async def _check(self) -> str:
        answer = await ask(self._proxy.port, {"text": "a bluefinch"}, CHECK)
        return _unless(answer.status == 200, answer)


def _unless(holds: bool, answer: Answer) -> str:  # noqa: FBT001
    """What is odd about an answer; "" when it holds."""
    return "" if holds else f"status {answer.status} {fault(answer.frames) or answer.body[:60]!r}"


async def soaked(folder: Path, minutes: float, rate: float) -> Soaked:
    """The whole run, in `folder`."""
    policy, seen, chance = folder / "slow.yaml", Soaked(minutes), Random(1)  # noqa: S311 - seeded on purpose
    policy.write_text(POLICY, encoding="utf-8")
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", "GUARDPROXY_UPSTREAM_ANSWER_TIMEOUT_S": "30"}
    async with LoopUpstream(answering) as upstream:
        with serving(folder / "proxy", upstream.base, policy, environment=light) as proxy:
            await settled(proxy)
            await _flow(proxy, seen, chance, rate)
        lines = (folder / "proxy" / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
        seen.records = sum('"decision_id":"' in line for line in lines)
    return seen


async def _flow(proxy: Serving, seen: Soaked, chance: Random, rate: float) -> None:
    traffic, began, tasks = Traffic(proxy, seen), perf_counter(), set[asyncio.Task[None]]()
    seconds, sampled, reloaded = seen.minutes * 60, -1.0, 0.0
    while (passed := perf_counter() - began) < seconds:
        if len(tasks) < rate * 4:  # a machine that is busy with other things gets no more than it can bear
            tasks.add(task := spawn(traffic.one(chance)))
            task.add_done_callback(tasks.discard)
        if passed - sampled >= seconds / SAMPLES:
            sampled = passed
            seen.samples.append((passed / 3600, Figures.of(proxy.process.pid)))
        if passed - reloaded >= 20:
            reloaded = passed
            await traffic.reload()
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*tasks)
    await asyncio.sleep(1)


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; 1 unless all are as they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES", "30")))
    parser.add_argument("--rate", type=float, default=30.0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(soaked(Path(folder), asked.minutes, asked.rate))
    sys.stdout.write("\n".join([*seen.lines(), *seen.faults()]) + "\n")
    return 1 if seen.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
