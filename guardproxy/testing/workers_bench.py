"""`make workers-bench`: what a second worker brings on two cores, and what the classifiers can take.

*Workers*: prompts of 4,000 characters to `/v1/guard/check` under the shipped policies without classifiers, so that nearly
all of the time is the proxy's own; 64 connections that are kept alive, and nobody is sent away (`lag_ms: 0`). One worker and two, in turn, so that a busy machine
slows both alike. *Classifiers*: two processes behind two workers, prompts of about 32 tokens that nobody has asked before,
32 callers; meanwhile `/healthz` is asked 50 times a second on connections of their own, and what it takes to answer holds
the lag of the event loop, the scheduler's and the asker's own, which is measured beside it. Then a classifier process is killed: how long until a prompt is
judged again? CPU is that of the processes, from /proc. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

from guardproxy.policy.shipped import directory
from guardproxy.testing.crash import workers_of
from guardproxy.testing.process_figures import Figures
from guardproxy.testing.proxy_process import Serving, killable

CONNECTIONS, CALLERS = 64, 32
CHECK = "/v1/guard/check"
LONG = "The heron colony returns to the pond in March, and stays until the leaves fall. " * 50
PROMPT = (
    "Please tell me in {} words how the herons of the northern pond find their way home in March, and what they eat."
)
PROBES_A_SECOND = 50.0
SETTINGS = {"GUARDPROXY_AUDIT_MODE": "best_effort"}


@dataclass(slots=True)
class Round:
    """`rate`: answers a second. `cpu`: milliseconds of all processes an answer; `shares`: of each worker's CPU."""

    workers: int
    rate: float
    cpu: float
    shares: list[float]


@dataclass(slots=True)
class Load:
    """The classifiers at full load. Seconds, sorted: looks at `/healthz`, and how late the asker itself was woken.

    `back`: until prompts were judged again after a crash; `statuses` of the answers by number.
    """

    rate: float
    lags: list[float]
    own: list[float]
    back: float
    statuses: dict[int, int] = field(default_factory=dict)


def request(text: str) -> bytes:
    """One check, for a connection that is kept alive."""
    body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    head = (
        f"POST {CHECK} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


HEALTH = b"GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n"


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> int:
    """The status of one answer; its body is read and thrown away."""
    writer.write(raw)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


async def load(port: int, callers: int, seconds: float, next_raw: Callable[[], bytes]) -> dict[int, int]:
    """Answers by status; each caller asks one after the other on a connection of its own."""
    statuses: dict[int, int] = {}
    until = perf_counter() + seconds

    async def call() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while perf_counter() < until:
                status = await asked(reader, writer, next_raw())
                statuses[status] = statuses.get(status, 0) + 1
        finally:
            writer.transport.abort()

    await asyncio.gather(*(call() for _ in range(callers)))
    return statuses


async def probe(port: int, seconds: float) -> list[float]:
    """How long each look at `/healthz` took, on connections to whichever worker the system chose."""
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
    took, until = [], perf_counter() + seconds
    while perf_counter() < until:
        for reader, writer in pairs:
            began = perf_counter()
            await asked(reader, writer, HEALTH)
            took.append(perf_counter() - began)
            await asyncio.sleep(1 / PROBES_A_SECOND)
    for _, writer in pairs:
        writer.transport.abort()
    return took


async def late(seconds: float) -> list[float]:
    """How much later than it asked for this process was woken: what the machine adds to any look from here."""
    took, until = [], perf_counter() + seconds
    while perf_counter() < until:
        began = perf_counter()
        await asyncio.sleep(1 / PROBES_A_SECOND)
        took.append(perf_counter() - began - 1 / PROBES_A_SECOND)
    return took


def team_of(proxy: Serving) -> list[int]:
    """The workers; the process itself where it serves alone."""
    return workers_of(proxy.process.pid) or [proxy.process.pid]


async def settle(proxy: Serving, workers: int) -> None:
    """Until each process has its language model: it is read beside the start, and stalls the event loop while it is."""
    log, processes = proxy.decisions.with_name("stderr.log"), workers + (workers > 1)
    while log.read_text(encoding="utf-8").count("languages_ready") < processes:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


def rounds(proxies: dict[int, Serving], number: int, seconds: float) -> list[Round]:
    """The same load on each in turn."""
    found = []
    raw = request(LONG)
    for _ in range(number):
        for workers, proxy in proxies.items():
            pids = team_of(proxy)
            everybody = {*pids, proxy.process.pid}
            before = {pid: Figures.of(pid).seconds for pid in everybody}
            began = perf_counter()
            statuses = asyncio.run(load(proxy.port, CONNECTIONS, seconds, lambda: raw))
            took = perf_counter() - began
            used = {pid: Figures.of(pid).seconds - before[pid] for pid in everybody}
            if set(statuses) != {200}:
                raise AssertionError(f"answers with {statuses}")
            answers, own = statuses[200], sum(used[pid] for pid in pids)
            shares = [used[pid] / own for pid in pids] if own else [1 / len(pids)] * len(pids)
            found.append(Round(workers, answers / took, 1000 * sum(used.values()) / answers, shares))
    return found


def classified(proxy: Serving, seconds: float) -> Load:
    """Full load, the lag beside it, and a crash."""
    numbers = count()

    def fresh() -> bytes:
        return request(PROMPT.format(next(numbers)))

    async def all_three() -> tuple[dict[int, int], list[float], list[float]]:
        return await asyncio.gather(
            load(proxy.port, CALLERS, seconds, fresh), probe(proxy.port, seconds), late(seconds)
        )

    asyncio.run(load(proxy.port, CALLERS, seconds / 2, fresh))
    statuses, lags, own = asyncio.run(all_three())
    kill_classifiers(proxy.process.pid)
    return Load(statuses.get(200, 0) / seconds, sorted(lags), sorted(own), asyncio.run(_back(proxy, fresh)), statuses)


def kill_classifiers(pid: int) -> None:
    """Those of this proxy."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        if b"guardproxy.detectors.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), signal.SIGKILL)


async def _back(proxy: Serving, fresh: Callable[[], bytes]) -> float:
    """Seconds to the first prompt that is judged again."""
    began = perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    while await asked(reader, writer, fresh()) != 200:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.02)
    writer.transport.abort()
    return perf_counter() - began


def quantile(found: Sequence[float], share: float) -> float:
    """Of sorted values."""
    return found[min(len(found) - 1, int(share * len(found)))]


def table(found: Sequence[Round], load: Load) -> str:
    """Markdown."""
    lines = [
        "| workers | checks/s | of one worker | CPU ms a check, all processes | CPU of each worker |",
        "|---|---|---|---|---|",
    ]
    alone = [one.rate for one in found if one.workers == 1]
    for workers in sorted({one.workers for one in found}):
        mine = [one for one in found if one.workers == workers]
        ratio = median(one.rate / base for one, base in zip(mine, alone, strict=True))
        shares = ", ".join(f"{100 * median(share):.0f} %" for share in zip(*(one.shares for one in mine), strict=True))
        lines.append(
            f"| {workers} | {median(one.rate for one in mine):.0f} | {ratio:.2f} "
            f"| {median(one.cpu for one in mine):.2f} | {shares} |"
        )
    lines += ["", "| classifiers, two processes behind two workers | |", "|---|---|"]
    lines.append(f"| prompts/s, each new, about 32 tokens | {load.rate:.0f} |")
    lines.append(f"| other answers | {sum(n for status, n in load.statuses.items() if status != 200)} |")
    for share in (0.5, 0.99):
        lines.append(f"| /healthz meanwhile, p{100 * share:.0f} | {1000 * quantile(load.lags, share):.1f} ms |")
        lines.append(f"| of it the asker's own delay, p{100 * share:.0f} | {1000 * quantile(load.own, share):.1f} ms |")
    lines.append(f"| after a crash of both, judged again within | {load.back:.1f} s |")
    return "\n".join(lines)


def bench(folder: Path, number: int, seconds: float) -> tuple[list[Round], Load]:
    """Everything."""
    with ExitStack() as stack:
        proxies = {}
        for workers in (1, 2):
            light = {
                **SETTINGS,
                "GUARDPROXY_LIMITS_LAG_MS": "0",
                "GUARDPROXY_DETECTORS_EMBEDDED": "false",
                "GUARDPROXY_LISTEN_WORKERS": str(workers),
            }
            proxies[workers] = stack.enter_context(
                killable(folder / f"{workers}", "http://127.0.0.1:9/v1", directory(), light)
            )
        for workers, proxy in proxies.items():
            asyncio.run(settle(proxy, workers))
        found = rounds(proxies, number, seconds)
    two = {**SETTINGS, "GUARDPROXY_DETECTORS_EMBEDDED_WORKERS": "2", "GUARDPROXY_LISTEN_WORKERS": "2"}
    with killable(folder / "classified", "http://127.0.0.1:9/v1", directory(), two) as proxy:
        asyncio.run(settle(proxy, 2))
        return found, classified(proxy, seconds * 2)


def main(arguments: list[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found, load = bench(Path(folder), given.rounds, given.seconds)
    sys.stdout.write(table(found, load) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
