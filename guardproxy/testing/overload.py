"""`make overload`: more requests than can be served. Who is refused hears it at once, who is served is served well.

Settings are the shipped ones unless `--inflight` says otherwise, classifiers off: it is the proxy that is loaded. Callers come at a steady rate whether the ones before them have been answered or not (an open loop, so that nothing
hides in waiting callers). First at a tenth of what the proxy can do, then at twice and more. Of every run: what was
served and how fast, what was refused, in which words and how fast, whether the probes answered, and how late the
callers' own event loop was (what it waits for is in all the times: on a busy machine they are not the proxy's).
Exit 1 unless
what is refused is refused in the surface's words with `Retry-After`, within `REFUSED_S` more than a probe needs on
this machine, and the 99th percentile of what is served is at most `TIMES` that of the quiet run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import uvloop

from guardproxy.proxy.tasks import spawn
from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.proxy_process import Serving, serving, settled
from guardproxy.testing.raw_client import CHAT, HOST, Answer, chat
from guardproxy.testing.scripts import completion
from guardproxy.testing.slow_streams import POLICY

TIMES, REFUSED_S = 2.0, 0.05
UPSTREAM_S = 0.2
PROBE_EVERY_S, TICK_S = 0.1, 0.002
CALLERS = 64
"""That ask one after the other while it is measured what the proxy can do."""
BODY = json.dumps(chat("tell me of the heron")).encode()


def asking(key: str = "") -> bytes:
    """A chat request as it is sent, of whose key this is."""
    head = f"POST {CHAT} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
    whose = f"x-api-key: {key}\r\n" if key else ""
    return f"{head}{whose}content-length: {len(BODY)}\r\n\r\n".encode("ascii") + BODY


@dataclass(slots=True)
class Run:
    """One rate. Times are seconds."""

    rate: float
    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
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
            f"{len(self.probes)} probes (p99 {at(self.probes, 0.99) * 1000:.0f} ms), callers late by p99 "
            f"{at(self.late, 0.99) * 1000:.0f} ms{''.join(f', {v} x {k}' for k, v in self.odd.items())}"
        )


def at(times: Sequence[float], share: float) -> float:
    """A quantile; 0 of nothing."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class _Asking(asyncio.Protocol):
    """A caller that costs little: at ten times the capacity the callers need a core as well."""

    def __init__(self, request: bytes, began: float) -> None:
        self._request = request
        self._heard = bytearray()
        self._began = began
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Asks at once."""
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Until the answer is whole; every answer here has a length."""
        self._heard += data
        head, ended, body = bytes(self._heard).partition(b"\r\n\r\n")
        if not ended or self.answer.done():
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) >= int(headers["content-length"]):
            self.answer.set_result(Answer(int(first.split(" ")[1]), headers, body, perf_counter() - self._began))

    def connection_lost(self, exc: Exception | None) -> None:
        """Before the answer was whole, that is a fault."""
        if not self.answer.done():
            self.answer.set_exception(exc if isinstance(exc, OSError) else ConnectionResetError())


async def _ask(port: int, request: bytes) -> Answer:
    """One request on a connection of its own, timed from before it is opened. OSError when the answer breaks off."""
    began, loop = perf_counter(), asyncio.get_running_loop()
    transport, asking = await loop.create_connection(lambda: _Asking(request, began), HOST, port)
    try:
        return await asking.answer
    finally:
        transport.close()


async def load(proxy: Serving, rate: float, seconds: float, request: bytes) -> Run:
    """So many new callers a second, and a probe every tenth of one."""
    run, tasks, began = Run(rate), [], perf_counter()
    number, probed = 0, 0.0
    while (passed := perf_counter() - began) < seconds:
        while number < passed * rate:
            tasks.append(spawn(_call(proxy.port, request, run)))
            number += 1
        if passed - probed >= PROBE_EVERY_S:
            probed = passed
            tasks.append(spawn(_probe(proxy, "/readyz" if number % 2 else "/healthz", run)))
        before = perf_counter()
        await asyncio.sleep(TICK_S)
        run.late.append(max(0.0, perf_counter() - before - TICK_S))
    run.seconds = perf_counter() - began
    await asyncio.gather(*tasks)
    return run


async def _call(port: int, request: bytes, run: Run) -> None:
    try:
        run.take(await _ask(port, request))
    except OSError as error:
        run.odd[type(error).__name__] += 1


async def _probe(proxy: Serving, path: str, run: Run) -> None:
    try:
        answer = await _ask(proxy.port, f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
    except OSError as error:
        run.odd[f"{path} {type(error).__name__}"] += 1
        return
    if answer.status == 200:
        run.probes.append(answer.seconds)
    else:
        run.odd[f"{path} {answer.status}"] += 1


async def capacity(proxy: Serving, callers: int, seconds: float, request: bytes) -> float:
    """Requests a second that it answers when so many callers ask one after the other."""
    began, answered = perf_counter(), 0

    async def call() -> None:
        nonlocal answered
        while perf_counter() - began < seconds:
            answer = await _ask(proxy.port, request)
            answered += answer.status == 200

    await asyncio.gather(*(call() for _ in range(callers)))
    return answered / (perf_counter() - began)


async def measured(folder: Path, inflight: int, times: Sequence[float], seconds: float) -> list[Run]:
    """The quiet run, then one for each of `times` the capacity. `inflight` 0: the limit that is shipped."""
    policy = folder / "slow.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
    if inflight:
        light["GUARDPROXY_LIMITS_INFLIGHT"] = str(inflight)
    async with LoopUpstream(replace(completion("It stands in the water."), delay=UPSTREAM_S)) as upstream:
        with serving(folder / "proxy", upstream.base, policy, environment=light) as proxy:
            await settled(proxy)
            request = asking()
            most = await capacity(proxy, min(inflight or CALLERS, CALLERS), seconds / 2, request)
            runs = [await load(proxy, max(2.0, most / 10), seconds, request)]
            for many in times:
                await asyncio.sleep(0.5)
                runs.append(await load(proxy, most * many, seconds, request))
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
    parser.add_argument("--inflight", type=int, default=0, help="limits.inflight; 0: as shipped")
    parser.add_argument("--times", type=float, nargs="+", default=[2.0, 5.0, 10.0])
    parser.add_argument("--seconds", type=float, default=15.0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runs = runner.run(measured(Path(folder), asked.inflight, asked.times, asked.seconds))
    faults = judge(runs)
    sys.stdout.write("\n".join([run.line() for run in runs] + faults) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
