"""`make slow-streams`: two thousand slow streams at once. What does each cost, does it grow, and is all given back?

The proxy's resident memory is read before, at each step of the way up, over the time that all are held, and after all
have ended. Exit 1 unless a stream costs at most `MOST_KIB` at every step, the slope over the holding is below
`MOST_SLOPE` MiB in ten minutes (judged from two minutes on), nothing is left open behind, and each stream said all.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from guardproxy.proxy.tasks import spawn
from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.process_figures import KIB, Figures, slope
from guardproxy.testing.proxy_process import Serving, serving, settled
from guardproxy.testing.raw_client import begun, chat, finishes, frames, spoken
from guardproxy.testing.scripts import Script, stream_of

MOST_KIB, MOST_SLOPE = 100.0, 1.0
SAMPLE_S, JUDGED_FROM_S = 2.0, 120.0
WORDS = ("The ", "heron ", "stands ", "in ", "the ", "shallow ", "water ", "and ", "waits ", "for ", "a ", "fish. ")
POLICY = """\
guardproxy: policy/v1
policy: slow
revision: 1
owner: tests@example.org
about: A word nobody says, and personal data.
applies_to: {routes: ["*"], tenants: ["*"]}
rules:
  - {id: finch, about: Code name of a project., words: [bluefinch], on_match: refuse}
  - {id: tickets, about: Ticket numbers., pattern: '\\bHX-[0-9]{4}-[A-Z]{4}\\b', on_match: redact, replace_with: "[ticket]"}
  - {id: cards, about: Card numbers are hidden., detector: pii.card_number, on_match: redact}
  - {id: mails, about: Mail addresses are hidden., detector: pii.email, on_match: redact}
tests:
  - {name: everyday talk passes, user: When does the heron colony return?, expect: allow}
  - {name: the code name is refused, user: Tell me about the bluefinch, expect: {refuse: finch}}
"""


@dataclass(frozen=True, slots=True)
class Step:
    """So many streams were open, and the proxy's figures."""

    streams: int
    figures: Figures


@dataclass(slots=True)
class Seen:
    """A run. `first`: seconds until each stream's first bytes; `held`: (seconds, MiB) while all were open.

    `busy`: the share of a core that the proxy used meanwhile.
    """

    before: Figures
    steps: list[Step] = field(default_factory=list)
    held: list[tuple[float, float]] = field(default_factory=list)
    busy: float = 0.0
    after: Figures | None = None
    first: list[float] = field(default_factory=list)
    whole: int = 0
    faults: list[str] = field(default_factory=list)

    def kib(self, step: Step) -> float:
        """KiB a stream over the memory before."""
        return (step.figures.resident - self.before.resident) * KIB / step.streams

    @property
    def grown(self) -> float:
        """MiB in ten minutes, over the holding."""
        return slope(self.held) * 600

    def judge(self) -> None:
        """Writes down what is not as it must be."""
        for step in self.steps:
            if self.kib(step) > MOST_KIB:
                self.faults.append(f"{step.streams} streams cost {self.kib(step):.0f} KiB each")
        if self.held and self.held[-1][0] >= JUDGED_FROM_S and self.grown > MOST_SLOPE:
            self.faults.append(f"memory grows by {self.grown:.1f} MiB in ten minutes")
        if self.whole != self.steps[-1].streams:
            self.faults.append(f"{self.whole} of {self.steps[-1].streams} streams said all")
        if self.after is not None and self.after.descriptors > self.before.descriptors + 4:
            self.faults.append(f"{self.after.descriptors - self.before.descriptors} descriptors are left open")

    def lines(self) -> list[str]:
        """For people."""
        told = [f"before: {self.before.resident:.1f} MiB, {self.before.descriptors} descriptors"]
        told += [f"{s.streams} streams: {s.figures.resident:.1f} MiB, {self.kib(s):.1f} KiB each" for s in self.steps]
        if self.held:
            grown = (
                f"memory grew by {self.held[-1][1] - self.held[0][1]:+.2f} MiB, slope {self.grown:+.2f} in ten minutes"
            )
            told.append(f"held for {self.held[-1][0]:.0f} s: {grown}; {self.busy:.0%} of a core")
        first = sorted(self.first)
        told.append(f"first bytes: p50 {first[len(first) // 2] * 1000:.0f} ms, p99 {_p99(first) * 1000:.0f} ms")
        if self.after is not None:
            told.append(f"after: {self.after.resident:.1f} MiB, {self.after.descriptors} descriptors")
        return [*told, f"{self.whole} streams said all they had to", *self.faults]


def _p99(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


async def held_open(proxy: Serving, upstream: LoopUpstream, steps: Sequence[int], seconds: float, rate: float) -> Seen:
    """Opens `rate` streams a second up to each of `steps`, holds all for `seconds`, then lets them end."""
    pid, port = proxy.process.pid, proxy.port
    for _ in range(20):  # what the first requests load is not what a stream costs
        await _one(port, None)
    await settled(proxy)
    seen = Seen(Figures.of(pid))
    pause = seconds / len(WORDS)
    upstream.answering = _slowly(pause)
    calls: list[asyncio.Task[bool]] = []
    for streams in steps:
        while len(calls) < streams:
            calls.append(spawn(_one(port, seen)))
            await asyncio.sleep(1 / rate)
        while len(seen.first) < streams and not any(call.done() for call in calls):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        seen.steps.append(Step(streams, Figures.of(pid)))
    began, used = perf_counter(), Figures.of(pid).seconds
    while (passed := perf_counter() - began) < seconds - max(steps) / rate - 2 * pause:
        seen.held.append((passed, Figures.of(pid).resident))
        await asyncio.sleep(min(SAMPLE_S, seconds / 20))
    seen.busy = (Figures.of(pid).seconds - used) / (perf_counter() - began)
    ended = await asyncio.gather(*calls, return_exceptions=True)
    seen.whole = sum(one is True for one in ended)
    broken = Counter(type(one).__name__ for one in ended if one is not True)
    seen.faults += [f"{count} streams ended with {name}" for name, count in broken.items()]
    await asyncio.sleep(2)
    seen.after = Figures.of(pid)
    seen.judge()
    return seen


def _slowly(pause: float) -> Script:
    """The first words at once, so that every stream has begun; then a word after each pause."""
    made = stream_of(WORDS)
    return replace(made, segments=(b"".join(made.segments[:4]), *made.segments[4:]), pause=pause)


async def _one(port: int, seen: Seen | None) -> bool:
    """True when the stream said all its words and ended as it should."""
    began = perf_counter()
    async with begun(port, chat("tell me slowly", stream=True)) as call:
        raw = await call.piece()
        if seen is not None:
            seen.first.append(perf_counter() - began)
        raw += await call.rest()
    events = list(frames(raw))
    return spoken(events) == "".join(WORDS) and finishes(events) == ["stop"] and events[-1] == "[DONE]"


async def measured(folder: Path, steps: Sequence[int], seconds: float, rate: float = 60.0) -> Seen:
    """The whole run, in `folder`."""
    policy = folder / "slow.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", "GUARDPROXY_LIMITS_INFLIGHT": str(max(steps) + 100)}
    light["GUARDPROXY_UPSTREAM_POOL"] = str(max(steps) + 100)
    light["GUARDPROXY_LIMITS_LAG_MS"] = "0"  # it is memory that is measured: nobody is sent away for lateness
    async with LoopUpstream(stream_of(WORDS)) as upstream:
        with serving(folder / "proxy", upstream.base, policy, environment=light) as proxy:
            return await held_open(proxy, upstream, steps, seconds, rate)


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; 1 unless all are as they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--seconds", type=float, default=600.0, help="that each stream takes")
    parser.add_argument("--rate", type=float, default=60.0, help="new streams a second")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(measured(Path(folder), asked.steps, asked.seconds, asked.rate))
    sys.stdout.write("\n".join(seen.lines()) + "\n")
    return 1 if seen.faults else 0


if __name__ == "__main__":
    sys.exit(main())
