"""`make overload`: more requests than `limits.inflight` allows. Who is refused hears it at once, who is served is served well.

Callers come at a steady rate whether the ones before them have been answered or not (an open loop, so that nothing
hides in waiting callers). First at a tenth of what the proxy can do, then at twice and more. Of every run: what was
served and how fast, what was refused, in which words and how fast, and whether the probes answered. Exit 1 unless
what is refused is refused in the surface's words with `Retry-After`, within `REFUSED_S` more than a probe needs on
this machine, and the 99th percentile of what is served is at most `TIMES` that of the quiet run.
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
from guardproxy.testing.proxy_process import Serving, serving, settled
from guardproxy.testing.raw_client import Answer, ask, chat, get
from guardproxy.testing.scripts import completion
from guardproxy.testing.slow_streams import POLICY

TIMES, REFUSED_S = 2.0, 0.05
UPSTREAM_S = 0.2
PROBE_EVERY_S = 0.1
BODY = chat("tell me of the heron")


@dataclass(slots=True)
class Run:
    """One rate. Times are seconds."""

    rate: float
    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    seconds: float = 0.0
    odd: Counter[str] = field(default_factory=Counter)

    def take(self, answer: Answer) -> None:
        """One answer, served or refused, or something else."""
        if answer.status == 200:
            self.served.append(answer.seconds)
            return
        told = answer.json["error"]["type"], answer.headers.get("retry-after")
        if answer.status == 429 and told == ("rate_limit_error", "1"):
            self.refused.append(answer.seconds)
        else:
            self.odd[f"{answer.status} {told}"] += 1

    def line(self) -> str:
        """For people."""
        return (
            f"{self.rate:.0f} a second: {len(self.served)} served ({len(self.served) / self.seconds:.0f} a second, p50 "
            f"{at(self.served, 0.5) * 1000:.0f} ms, p99 {at(self.served, 0.99) * 1000:.0f} ms), {len(self.refused)} "
            f"refused (p50 {at(self.refused, 0.5) * 1000:.0f} ms, p99 {at(self.refused, 0.99) * 1000:.0f} ms), "
            f"{len(self.probes)} probes (p99 {at(self.probes, 0.99) * 1000:.0f} ms){''.join(f', {v} x {k}' for k, v in self.odd.items())}"
        )


def at(times: Sequence[float], share: float) -> float:
    """A quantile; 0 of nothing."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def load(proxy: Serving, rate: float, seconds: float) -> Run:
    """So many new callers a second, and a probe every tenth of one."""
    run, tasks, began = Run(rate), [], perf_counter()
    number, probed = 0, 0.0
    while (passed := perf_counter() - began) < seconds:
        while number < passed * rate:
            tasks.append(spawn(_call(proxy.port, run)))
            number += 1
        if passed - probed >= PROBE_EVERY_S:
            probed = passed
            tasks.append(spawn(_probe(proxy, "/readyz" if number % 2 else "/healthz", run)))
        await asyncio.sleep(0.002)
    run.seconds = perf_counter() - began
    await asyncio.gather(*tasks)
    return run


async def _call(port: int, run: Run) -> None:
    try:
        run.take(await ask(port, BODY))
    except (OSError, asyncio.IncompleteReadError) as error:
        run.odd[type(error).__name__] += 1


async def _probe(proxy: Serving, path: str, run: Run) -> None:
    try:
        answer = await get(proxy.port, path)
    except (OSError, asyncio.IncompleteReadError) as error:
        run.odd[f"{path} {type(error).__name__}"] += 1
        return
    if answer.status == 200:
        run.probes.append(answer.seconds)
    else:
        run.odd[f"{path} {answer.status}"] += 1


async def capacity(proxy: Serving, callers: int, seconds: float) -> float:
    """Requests a second that it answers when so many callers ask one after the other."""
    began, answered = perf_counter(), 0

    async def call() -> None:
        nonlocal answered
        while perf_counter() - began < seconds:
            answer = await ask(proxy.port, BODY)
            answered += answer.status == 200

    await asyncio.gather(*(call() for _ in range(callers)))
    return answered / (perf_counter() - began)


async def measured(folder: Path, inflight: int, times: Sequence[float], seconds: float) -> list[Run]:
    """The quiet run, then one for each of `times` the capacity."""
    policy = folder / "slow.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false", "GUARDPROXY_LIMITS_INFLIGHT": str(inflight)}
    async with LoopUpstream(replace(completion("It stands in the water."), delay=UPSTREAM_S)) as upstream:
        with serving(folder / "proxy", upstream.base, policy, environment=light) as proxy:
            await settled(proxy)
            most = await capacity(proxy, inflight, seconds / 2)
            runs = [await load(proxy, max(2.0, most / 10), seconds)]
            for many in times:
                await asyncio.sleep(0.5)
                runs.append(await load(proxy, most * many, seconds))
            return runs


def judge(runs: Sequence[Run]) -> list[str]:
    """What does not hold."""
    quiet, *loaded = runs
    faults = [f"at {run.rate:.0f} a second: {dict(run.odd)}" for run in runs if run.odd]
    if quiet.refused:
        faults.append("the quiet run was refused something")
    for run in loaded:
        if not run.refused or not run.served:
            faults.append(f"at {run.rate:.0f} a second {len(run.refused)} were refused, {len(run.served)} served")
        if at(run.served, 0.99) > TIMES * at(quiet.served, 0.99):
            faults.append(
                f"at {run.rate:.0f} a second the p99 of what is served is {at(run.served, 0.99) / at(quiet.served, 0.99):.1f} times the quiet one"
            )
        if at(run.refused, 0.99) > REFUSED_S + at(quiet.probes, 0.99):
            faults.append(f"at {run.rate:.0f} a second a refusal takes up to {at(run.refused, 0.99) * 1000:.0f} ms")
    return faults


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures; 1 unless all are as they must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inflight", type=int, default=32)
    parser.add_argument("--times", type=float, nargs="+", default=[2.0, 5.0])
    parser.add_argument("--seconds", type=float, default=15.0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        runs = asyncio.run(measured(Path(folder), asked.inflight, asked.times, asked.seconds))
    faults = judge(runs)
    sys.stdout.write("\n".join([run.line() for run in runs] + faults) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
