"""`make reloads`: a thousand reloads while callers ask, plain and streamed, over real sockets.

A reload comes from the admin port, from SIGHUP and from the watched folder, often two at once; one in eight sets is
bad, and every so often a set of another folder is promoted, then rolled back. Of every answer, the stamps that rules left in its text, its policy headers and its line of the decision log must
name one and the same generation, and one that was whole on disk. Exit 1 unless all do.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from guardproxy.testing.fake_upstream import FakeUpstream, Recorded
from guardproxy.testing.generations import OWN, SETTINGS, SHARED, SUPPORT_MODEL, Generations, Harm, stamps
from guardproxy.testing.proxy_process import Serving, serving
from guardproxy.testing.scripts import Script, completion, stream_of

ASKED = f"Tell me of the {SHARED} and the {OWN}."
SAID = [
    "One ",
    "copper",
    " heron",
    " flies. ",
    "Then",
    " a ",
    "paper ki",
    "te",
    " comes",
    ". And ",
    "a copper he",
    "ron.",
]
PAUSE = 0.02
"""Seconds between two pieces of a streamed answer: reloads fall into its middle."""
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller saw. `stamps`: the generations in its text; `words`: made-up words that nothing had replaced."""

    decision_id: str
    policy: str
    policy_hash: str
    stamps: frozenset[int]
    words: bool
    streamed: bool


@dataclass(slots=True)
class Storm:
    """All that was seen. `whole`: the policies and hashes of sets that were accepted."""

    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    whole: set[tuple[str, str]] = field(default_factory=set)
    good: int = 0
    refused: int = 0
    promoted: int = 0
    seconds: float = 0.0
    grown_mib: float = 0.0

    def check(self, record: dict[str, dict[str, Any]]) -> None:
        """Every answer against itself, the sets that existed, and its line in the log."""
        for one in self.answers:
            line = record.get(one.decision_id, {})
            logged = f"{line.get('policy')}@{line.get('revision')}", line.get("policy_hash")
            if one.stamps != {int(one.policy.partition("@")[2])} or one.words:
                self.faults.append(f"{one.policy}: its text shows generations {sorted(one.stamps)}")
            if (one.policy, one.policy_hash) not in self.whole:
                self.faults.append(f"{one.policy} {one.policy_hash}: no such set was ever in force")
            if logged != (one.policy, one.policy_hash):
                self.faults.append(f"{one.policy}: the log says {logged}")

    def summary(self) -> str:
        """One line."""
        streamed = sum(one.streamed for one in self.answers)
        seen = len({one.policy for one in self.answers})
        return (
            f"{self.good} sets taken, {self.promoted} of them by promotion, each rolled back, and {self.refused} refused "
            f"in {self.seconds:.1f} s; {len(self.answers)} answers "
            f"({streamed} streamed) under {seen} policies, {len(self.faults)} faults; memory grew {self.grown_mib:.0f} MiB"
        )


def storm(folder: Path, reloads: int, callers: int = 4) -> Storm:
    """Runs it in `folder`. Faults are in the result; a proxy that does not start or end well is an AssertionError."""
    seen, policies, settings = Storm(), Generations(folder / "policies"), folder / "settings.yaml"
    settings.write_text(SETTINGS, encoding="utf-8")
    light = {"GUARDPROXY_DETECTORS_EMBEDDED": "false"}
    with FakeUpstream(_echo) as upstream:
        with serving(folder / "proxy", upstream.base, policies.path, settings, light) as proxy:
            began, before = perf_counter(), _resident(proxy)
            with _calling(proxy, seen, callers):
                _reload(proxy, (policies, Generations(folder / "beside")), seen, reloads)
            seen.seconds, seen.grown_mib = perf_counter() - began, _resident(proxy) - before
            _check_metrics(proxy, seen)
        lines = map(json.loads, proxy.decisions.read_text(encoding="utf-8").splitlines())
        seen.check({line["decision_id"]: line for line in lines if "decision_id" in line})
    return seen


def _echo(request: Recorded) -> Script:
    """What arrived, then words that the output rules replace."""
    body = request.json
    pieces = [body["messages"][-1]["content"] + " ", *SAID]
    if not body.get("stream"):
        return completion("".join(pieces))
    made = stream_of(pieces)
    return Script(made.segments, content_type=made.content_type, pause=PAUSE)


def _reload(proxy: Serving, folders: tuple[Generations, Generations], seen: Storm, reloads: int) -> None:
    """One writer: a new generation each time, now and then a bad set or a promotion, then the reload."""
    policies, beside = folders
    harms, generations = cycle(Harm), count(2)
    with httpx.Client(base_url=proxy.admin, timeout=PATIENCE, trust_env=False) as admin:
        _reloaded(admin, seen, 1)
        for number in range(reloads):
            if number % 8 == 7:
                policies.spoil(next(harms))
                answer = admin.post("/admin/policies/reload")
                seen.refused += 1
                if answer.status_code != 409 or not answer.json()["problems"]:
                    seen.faults.append(f"a bad set was answered with {answer.status_code}")
                continue
            generation = next(generations)
            if number % 16 == 5:
                beside.put(generation)
                _promoted(admin, seen, beside.path, generation)
                continue
            policies.put(generation)
            if number % 3 == 0:
                os.kill(proxy.process.pid, signal.SIGHUP)
            _reloaded(admin, seen, generation)


def _promoted(admin: httpx.Client, seen: Storm, path: Path, generation: int) -> None:
    """A set of another folder is tried, comes into force, and goes again."""
    before = admin.get("/admin/candidate").json()["live"]
    order = {"actor": "storm"}
    tried = admin.post("/admin/candidate", json={**order, "path": str(path)})
    promoted = admin.post("/admin/candidate/promote", json=order)
    back = admin.post("/admin/candidate/rollback", json=order)
    statuses = [answer.status_code for answer in (tried, promoted, back)]
    if statuses != [200, 200, 200]:
        seen.faults.append(f"a promotion was answered with {statuses}")
        return
    refs = promoted.json()["live"]["policies"]
    if {ref["revision"] for ref in refs} != {generation} or back.json()["live"] != before:
        seen.faults.append(f"generation {generation} was promoted as {refs}, and rolled back to {back.json()['live']}")
    _took(seen, refs)
    seen.promoted += 1


def _reloaded(admin: httpx.Client, seen: Storm, generation: int) -> None:
    answer = admin.post("/admin/policies/reload")
    refs = answer.json()["policies"]
    if answer.status_code != 200 or {ref["revision"] for ref in refs} != {generation} or len(refs) != 3:
        seen.faults.append(f"generation {generation} was answered with {answer.status_code}, {refs}")
    _took(seen, refs)


def _took(seen: Storm, refs: list[dict[str, Any]]) -> None:
    seen.good += 1
    seen.whole |= {(f"{ref['policy']}@{ref['revision']}", ref["hash"]) for ref in refs}


@contextmanager
def _calling(proxy: Serving, seen: Storm, callers: int) -> Iterator[None]:
    """Callers ask one request after the other until the block ends."""
    over = threading.Event()
    threads = [threading.Thread(target=_ask_on, args=(proxy, seen, at, over)) for at in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE)


def _ask_on(proxy: Serving, seen: Storm, at: int, over: threading.Event) -> None:
    body = {
        "model": SUPPORT_MODEL if at % 4 > 1 else "m",
        "stream": at % 2 == 1,
        "messages": [{"role": "user", "content": ASKED}],
    }
    with httpx.Client(base_url=proxy.base, timeout=PATIENCE, trust_env=False) as http:
        while not over.is_set():
            try:
                answer = http.post("/chat/completions", json=body)
            except httpx.HTTPError as error:
                seen.faults.append(f"no answer: {type(error).__name__}")
                continue
            if answer.status_code == 200:
                seen.answers.append(_seen(answer, streamed=bool(body["stream"])))
            else:
                seen.faults.append(f"an answer with {answer.status_code}")


def _seen(answer: httpx.Response, *, streamed: bool) -> Answer:
    text = _streamed(answer.text) if streamed else answer.json()["choices"][0]["message"]["content"]
    return Answer(
        decision_id=answer.headers["x-guardproxy-decision-id"],
        policy=answer.headers["x-guardproxy-policy"],
        policy_hash=answer.headers["x-guardproxy-policy-hash"],
        stamps=frozenset(stamps(text)),
        words=SHARED in text or OWN in text or text.count("[") != 5,
        streamed=streamed,
    )


def _streamed(text: str) -> str:
    chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    return "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk["choices"])


def _check_metrics(proxy: Serving, seen: Storm) -> None:
    """No request was counted under a policy that the metrics did not know yet."""
    page = httpx.get(f"{proxy.admin}/metrics", timeout=PATIENCE, trust_env=False).text
    for line in page.splitlines():
        name, _, value = line.rpartition(" ")
        other = name.startswith("guardproxy_decisions_total{") and 'policy="other"' in name
        if other and float(value):
            seen.faults.append(f"{value} decisions were counted under no policy")


def _resident(proxy: Serving) -> float:
    """MiB in memory; Linux only, elsewhere 0."""
    status = Path(f"/proc/{proxy.process.pid}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def main(arguments: list[str] | None = None) -> int:
    """Prints one line, and the first faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--callers", type=int, default=8)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seen = storm(Path(folder), asked.reloads, asked.callers)
    sys.stdout.write("\n".join([seen.summary(), *seen.faults[:20]]) + "\n")
    return 1 if seen.faults else 0


if __name__ == "__main__":
    sys.exit(main())
