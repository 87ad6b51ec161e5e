"""`make log-pace`: what does a durable decision log cost? Requests a second in each mode, as a ratio to `off`.

Three real proxies, one a mode, asked in turn, so that a busy machine slows all alike. The requests are refused by a word, so
no upstream takes part: the share of the log is as large as it can be. CPU time is that of the proxy, from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit

from guardproxy.testing.proxy_process import Serving, killable

MODES = ("off", "best_effort", "required")
POLICY = """\
guardproxy: policy/v1
policy: pace
revision: 1
owner: pace@example.org
about: A single word that is refused.
applies_to: {routes: ["*"], tenants: ["*"]}
rules:
  - {id: finch, about: Code name of a project., words: [bluefinch], on_match: refuse}
tests:
  - {name: everyday talk passes, user: When do the herons return?, expect: allow}
  - {name: the code name is refused, user: Tell me about the bluefinch, expect: {refuse: finch}}
"""
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Tell me about the bluefinch"}]}).encode()
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Pace:
    """One round in one mode: answers a second, and CPU microseconds of the proxy for each."""

    mode: str
    callers: int
    rate: float
    cpu: float


def pace(folder: Path, rounds: int, seconds: float, callers: Sequence[int]) -> list[Pace]:
    """All rounds. A wrong answer is an AssertionError."""
    policy = folder / "pace.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    found: list[Pace] = []
    with ExitStack() as stack:
        proxies = {}
        for mode in MODES:
            environment = {"GUARDPROXY_AUDIT_MODE": mode, "GUARDPROXY_DETECTORS_EMBEDDED": "false"}
            environment["GUARDPROXY_LOG_LEVEL"] = "warning"
            proxies[mode] = stack.enter_context(killable(folder / mode, "http://127.0.0.1:9", policy, environment))
            asyncio.run(_round(proxies[mode], 4, 0.5))  # warm
        for _ in range(rounds):
            for count in callers:
                for mode, proxy in proxies.items():
                    before = _cpu(proxy)
                    answers, took = asyncio.run(_round(proxy, count, seconds))
                    found.append(Pace(mode, count, answers / took, (_cpu(proxy) - before) / answers * 1e6))
    return found


def table(found: Sequence[Pace]) -> str:
    """Markdown, medians over the rounds."""
    lines = ["| callers | mode | answers/s | of `off` | CPU µs an answer | of `off` |", "|---|---|---|---|---|---|"]
    for count in dict.fromkeys(one.callers for one in found):
        rate = {m: median([p.rate for p in found if (p.mode, p.callers) == (m, count)]) for m in MODES}
        cpu = {m: median([p.cpu for p in found if (p.mode, p.callers) == (m, count)]) for m in MODES}
        for mode in MODES:
            figures = (
                f"{rate[mode]:.0f} | {rate[mode] / rate['off']:.2f} | {cpu[mode]:.0f} | {cpu[mode] / cpu['off']:.2f}"
            )
            lines.append(f"| {count} | {mode} | {figures} |")
    return "\n".join(lines)


def _cpu(proxy: Serving) -> float:
    """Seconds of user and system time so far."""
    fields = Path(f"/proc/{proxy.process.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def _round(proxy: Serving, callers: int, seconds: float) -> tuple[int, float]:
    """Answers, and the seconds they took."""
    began = perf_counter()
    counts = await asyncio.gather(*(_ask_on(proxy, began + seconds) for _ in range(callers)))
    return sum(counts), perf_counter() - began


async def _ask_on(proxy: Serving, until: float) -> int:
    """One caller, one connection, one request after the other."""
    parts = urlsplit(proxy.base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: pace\r\ncontent-type: application/json\r\n"
    request = f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY
    count = 0
    while perf_counter() < until:
        writer.write(request)
        raw = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in raw.split(b"\r\n")[1:-2])
        await reader.readexactly(int(fields[b"content-length"]))
        if fields[b"x-guardproxy-decision"] != b"refuse":
            raise AssertionError(f"an answer that is no refusal: {raw[:40]!r}")
        count += 1
    writer.close()
    return count


def main(arguments: list[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 64])
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = pace(Path(folder), asked.rounds, asked.seconds, asked.callers)
    sys.stdout.write(table(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
