"""`make crash`: kill -9 at random moments under load, a hundred times. Is everything in the log that a client was told?

Callers ask a real proxy with a `required` log, plain and streamed. Of each answer they keep the decision id: *whole* when
all of it came, *begun* when only the headers did. Then the process is killed; now and then a torn tail is planted, as a
power cut would leave one (a kill seldom tears a write). The next start must come up by itself. In the end the log must

* hold a decision for every whole answer, and for every begun one that, or a record that it was interrupted;
* hold every planted tail in a file of its own, and a record that says so;
* verify, with its signed anchors.

With `--workers N` there are N processes and their parent, and each round kills one of them; an answer of a worker whose
parent has gone is a fault to its caller, and not counted as whole. Exit 1 unless all of it holds. A kill does not prove a sync:
`tests/e2e/test_log_order.py` does.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import perf_counter

import httpx
import orjson

from guardproxy.observe.anchors import anchors_of, beside
from guardproxy.observe.audit_file import INTERRUPTED, canonical, examine, framed
from guardproxy.observe.journal import set_aside
from guardproxy.observe.verify import Report, Trust, verify
from guardproxy.testing.fake_upstream import FakeUpstream, Recorded
from guardproxy.testing.generations import Generations
from guardproxy.testing.nursery import Born, Nursery
from guardproxy.testing.scripts import Script, completion, stream_of

SEED = 20261129
KEY_VARIABLE, KEY = "CRASH_ANCHOR_KEY", "a key for the anchors of make crash"
PAUSE = 0.01
"""Seconds between two pieces of a streamed answer, so that kills fall into them."""
LONGEST_LOAD = 1.5
PATIENCE = 20.0
WORDS = ["The ", "heron ", "colony ", "returns ", "in ", "March, ", "as ", "always."]
PATH, WORKERS = "GUARDPROXY_AUDIT_PATH", "GUARDPROXY_LISTEN_WORKERS"
FAULT = b'data: {"error":'
ENVIRONMENT = {
    "GUARDPROXY_AUDIT_MODE": "required",
    "GUARDPROXY_DETECTORS_EMBEDDED": "false",
    "GUARDPROXY_AUDIT_ANCHOR_KEY_ENV": KEY_VARIABLE,
    "GUARDPROXY_AUDIT_SEGMENT_MIB": "1",
    KEY_VARIABLE: KEY,
}


@dataclass(slots=True)
class Crash:
    """All that was seen. `whole` and `begun` are decision ids, `tails` the torn bytes that were planted."""

    rounds: int = 0
    whole: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    tails: list[bytes] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    report: Report | None = None

    def summary(self) -> str:
        """Markdown."""
        cut_off = self.kinds[INTERRUPTED]
        return "\n".join(
            [
                "| what | count |",
                "|---|---|",
                f"| kills | {self.rounds} |",
                f"| answers that came whole | {len(self.whole)} |",
                f"| answers of which the headers came | {len(self.begun)} |",
                f"| of these recorded as interrupted | {cut_off} |",
                f"| torn tails planted, and found set aside | {len(self.tails)}, {self.kinds['torn']} |",
                f"| decisions lost | {sum('is lost' in fault for fault in self.faults)} |",
                f"| records in the log | {self.report.records if self.report else 0} |",
                f"| segments | {self.report.segments if self.report else 0} |",
                f"| slowest start, without the imports | {max(self.starts, default=0):.1f} s |",
                f"| faults | {len(self.faults)} |",
            ]
        )


def crash(folder: Path, rounds: int, seed: int = SEED, callers: int = 8, workers: int = 1) -> Crash:
    """Runs it in `folder`. Faults are in the result."""
    seen, chance = Crash(), Random(seed)  # noqa: S311 - seeded on purpose
    policies = Generations(folder / "policies")
    log = folder / "proxy" / "decisions.jsonl"
    with FakeUpstream(_answer) as upstream, Nursery() as nursery:
        arguments = ["serve", "--upstream", upstream.base, "--policies", str(policies.path)]
        order = (
            log.parent,
            [*arguments, "--port", "0", "--admin-port", "0"],
            {**ENVIRONMENT, PATH: str(log), WORKERS: str(workers)},
        )
        for _ in range(rounds):
            began = perf_counter()
            proxy = nursery.bear(*order)
            seen.starts.append(perf_counter() - began)
            orphaned = threading.Event()
            with _calling(proxy, seen, callers, orphaned) as first:
                first.wait(PATIENCE)
                threading.Event().wait(chance.uniform(0, LONGEST_LOAD))
                team = workers_of(proxy.pid)
                victim = chance.choice([proxy.pid, *team])
                if victim != proxy.pid:  # the others go on, and the one that follows it
                    os.kill(victim, signal.SIGKILL)
                    threading.Event().wait(chance.uniform(0, LONGEST_LOAD))
                if team:
                    orphaned.set()
                os.kill(proxy.pid, signal.SIGKILL)
                nursery.wait()
            seen.rounds += 1
            if chance.random() < 0.3:
                seen.tails.append(_plant(chance, log))
        os.kill(nursery.bear(*order).pid, signal.SIGTERM)
        if nursery.wait():
            seen.faults.append("the last one did not end well")
    _check(seen, log)
    return seen


def workers_of(pid: int) -> list[int]:
    """The processes that share the data port of a proxy; none where it serves alone."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(one) for one in children if b".workers.worker" in Path(f"/proc/{one}/cmdline").read_bytes()]


def _answer(request: Recorded) -> Script:
    if not (request.json or {}).get("stream"):
        return completion("".join(WORDS))
    made = stream_of(WORDS)
    return Script(made.segments, content_type=made.content_type, pause=PAUSE)


def _plant(chance: Random, log: Path) -> bytes:
    """Part of a record that follows the last one."""
    found = examine(log)
    line, _ = framed(canonical({"v": 1, "decision_id": "TORN", "pad": "x" * 200}), found.last)
    tail = line[: chance.randrange(1, len(line) - 1)]
    if not found.behind:
        with log.open("ab") as file:
            file.write(tail)
    return log.read_bytes()[found.good :]


def _check(seen: Crash, log: Path) -> None:
    decided, cut_off, asides = set(), set(), []
    for path in (*set_aside(log), log):
        for line in path.read_bytes().splitlines():
            record = orjson.loads(line)
            kind = record.get("kind", "decision")
            seen.kinds[kind] += 1
            if kind == "decision":
                decided.add(record["decision_id"])
            elif kind == INTERRUPTED:
                cut_off.add(record["decision_id"])
            elif kind == "torn":
                asides.append(log.with_name(record["file"]).read_bytes())
    seen.faults += [f"{one} came whole and is lost" for one in sorted(seen.whole - decided)]
    seen.faults += [f"{one} had begun and is lost" for one in sorted(seen.begun - decided - cut_off)]
    if sorted(asides) != sorted(seen.tails):
        seen.faults.append(f"{len(seen.tails)} torn tails were planted, {len(asides)} found")
    seen.report = verify(log, Trust(tuple(anchors_of(log, beside(log, None))), (KEY.encode(),)))
    if not seen.report.fine:
        seen.faults.append(f"the log does not verify: {seen.report}")


@contextmanager
def _calling(proxy: Born, seen: Crash, callers: int, orphaned: threading.Event) -> Iterator[threading.Event]:
    """Callers ask one request after the other until the proxy is gone; the event is the first whole answer."""
    first = threading.Event()
    threads = [threading.Thread(target=_ask_on, args=(proxy, seen, at, first, orphaned)) for at in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield first
    finally:
        for thread in threads:
            thread.join(PATIENCE)


def _ask_on(proxy: Born, seen: Crash, at: int, first: threading.Event, orphaned: threading.Event) -> None:
    body = {
        "model": "m",
        "stream": at % 2 == 1,
        "messages": [{"role": "user", "content": "When do the herons return?"}],
    }
    with httpx.Client(base_url=proxy.base, timeout=PATIENCE, trust_env=False) as http, suppress(httpx.HTTPError):
        while True:
            with http.stream("POST", "/chat/completions", json=body) as answer:
                if answer.status_code == 503 and orphaned.is_set():
                    return  # of a worker whose parent has gone: nothing was decided that could be recorded
                if answer.status_code != 200:
                    seen.faults.append(f"an answer with {answer.status_code}")
                    return
                decision = answer.headers["x-guardproxy-decision-id"]
                seen.begun.add(decision)
                text = answer.read()
            if not body["stream"] or (
                text.endswith(b"data: [DONE]\n\n") and (FAULT not in text or not orphaned.is_set())
            ):
                seen.whole.add(decision)
                first.set()


def main(arguments: list[str] | None = None) -> int:
    """Prints the table, and the first faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seen = crash(Path(folder), asked.rounds, asked.seed, workers=asked.workers)
    sys.stdout.write("\n".join([seen.summary(), *seen.faults[:20]]) + "\n")
    return 1 if seen.faults else 0


if __name__ == "__main__":
    sys.exit(main())
