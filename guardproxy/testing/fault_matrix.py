"""`python -m guardproxy.testing.fault_matrix > docs/trust/faults.md`: every fault, in every place, on a real proxy.

Each cell is one request over a socket. What the caller saw, the line of the decision log, the log line and the
counters must tell the same: a fault is an error (never a refusal, never a success), and text that passed although a
detector had failed is marked in header, record, counter and log. Exit 1, and nothing printed but the reasons, unless
all do.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardproxy.testing.fault_rows import (
    CALM,
    CANARY,
    DETECTOR,
    EARLY,
    FORMS,
    LATE,
    NOT_POSSIBLE,
    PASSES,
    PLAIN,
    UPSTREAM,
    DetectorRow,
    UpstreamRow,
    ended,
)
from guardproxy.testing.loop_upstream import LoopUpstream
from guardproxy.testing.proxy_process import Serving, serving, settled
from guardproxy.testing.raw_client import Answer, ask, chat, fault, finishes, get, spoken
from guardproxy.testing.scripts import Script, completion, stream_of

INPUT, OUTPUT = "input", "output"
AT_ONCE = 12
MODULE = "guardproxy.testing.faulty_serve"
SETTINGS = {
    "GUARDPROXY_DETECTORS_EMBEDDED": "false",
    "GUARDPROXY_UPSTREAM_ANSWER_TIMEOUT_S": "2",
    "GUARDPROXY_UPSTREAM_IDLE_TIMEOUT_S": "1",
    "GUARDPROXY_LOG_JSON_LINES": "true",
}
POLICY = """\
guardproxy: policy/v1
policy: faults
revision: 1
owner: tests@example.org
about: One rule that fails closed, one that fails open, and a word that nobody may say.
applies_to: {routes: ["*"], tenants: ["*"]}
streaming: {window: {first: 80, characters: 160, overlap: 40}}
rules:
  - {id: finch, about: Code name of a project., words: [bluefinch], on_match: refuse}
  - {id: fragile, about: Fails closed when its detector breaks., detector: test.shut, thresholds: {refuse: 0.9}}
  - {id: brittle, about: Fails open when its detector breaks., detector: test.ajar, thresholds: {refuse: 0.9}, if_detector_fails: open}
tests:
  - {name: everyday talk passes, user: When does the heron colony return?, expect: allow}
  - {name: the code name is refused, user: Tell me about the bluefinch, expect: {refuse: finch}}
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One request. `said`: the user's words behind the cell's number."""

    row: UpstreamRow | DetectorRow
    stage: str
    form: str
    wanted: str
    script: Script
    said: str = "hello"


def cells() -> Iterator[Cell]:
    """All that are possible."""
    for row in UPSTREAM:
        for form, script, wanted in zip(FORMS, row.said, row.wanted, strict=True):
            if script is not None:
                yield Cell(row, OUTPUT, form, wanted, script)
    for fails in DETECTOR:
        for form in (PLAIN, EARLY):
            yield Cell(fails, INPUT, form, fails.wanted(form), _calm(form), fails.trigger)
        for form in FORMS:
            yield Cell(fails, OUTPUT, form, fails.wanted(form), _triggering(fails.trigger, form))


def _calm(form: str) -> Script:
    return completion(CALM) if form == PLAIN else stream_of([CALM])


def _triggering(trigger: str, form: str) -> Script:
    if form == PLAIN:
        return completion(CALM + trigger)
    return stream_of([trigger, CALM] if form == EARLY else [CALM, CALM, trigger, CALM])


@dataclass(frozen=True, slots=True)
class Told:
    """What a cell left behind: the answer, its record and its log line."""

    cell: Cell
    answer: Answer
    record: dict[str, Any]
    logged: dict[str, Any]

    @property
    def seen(self) -> str:
        """What the caller saw, in the words of the rows."""
        if self.answer.status != 200:
            after = self.answer.headers.get("retry-after", "")
            waits = f", retry after {after} s" if self.answer.status == 429 else ""
            return f"{self.answer.status} `{self.answer.json['error']['code']}`{waits}"
        if self.cell.form == PLAIN:
            return PASSES if CALM in self.answer.json["choices"][0]["message"]["content"] else "?"
        events = self.answer.frames
        if fault(events):
            shows = (finishes(events), events[-1]) == (["length"], "[DONE]") and spoken(events) != ""
            return ended(fault(events)) if shows else "?"
        return PASSES if CALM in spoken(events) and finishes(events) == ["stop"] else "?"

    def faults(self) -> Iterator[str]:
        """What does not hold."""
        cell, row = self.cell, self.cell.row
        if self.seen != cell.wanted:
            yield f"seen {self.seen}, wanted {cell.wanted}"
        if CANARY.encode() in self.answer.body:
            yield "the canary left"
        outcome = "allow" if cell.wanted == PASSES else "error"
        # A stream that has shown text went out as what was known then.
        shown = "allow" if cell.form == LATE else outcome
        if (self.record["outcome"], self.answer.headers["x-guardproxy-decision"]) != (outcome, shown):
            yield f"recorded as {self.record['outcome']}, marked as {self.answer.headers['x-guardproxy-decision']}"
        if isinstance(row, DetectorRow):
            yield from self._marks(row)

    def _marks(self, row: DetectorRow) -> Iterator[str]:
        stage = self.cell.stage
        states = {one["stage"]: one["checked"] for one in self.record["stages"]}
        wanted = "failed_open" if row.passes else "failed_closed"
        if states.get(stage) != wanted:
            yield f"the record says {states.get(stage)} of the {stage}"
        if stage in self.answer.headers.get("x-guardproxy-checked", "").split(","):
            yield f"the header says that the {stage} was checked"
        unchecked = [f"{stage}:{row.reason}"] if row.passes else None
        if self.logged.get("unchecked") != unchecked:
            yield f"the log says {self.logged.get('unchecked')}"
        if not row.passes and self.cell.form != LATE and not self.answer.headers.get("retry-after"):
            yield "no Retry-After"


async def played(folder: Path) -> list[Told]:
    """Every cell, in `folder`. Raises AssertionError with every reason when something does not hold."""
    policy = folder / "faults.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    asked = list(cells())
    reached: set[int] = set()

    def answering(body: Any) -> Script:
        number = int(body["messages"][0]["content"].split(":")[0])
        reached.add(number)
        return asked[number].script

    gate = asyncio.Semaphore(AT_ONCE)

    async def ask_one(proxy: Serving, number: int) -> Answer:
        async with gate:
            cell = asked[number]
            return await ask(proxy.port, chat(f"{number}: {cell.said}", stream=cell.form != PLAIN))

    async with LoopUpstream(answering) as upstream:
        with serving(folder / "proxy", upstream.base, policy, environment=SETTINGS, module=MODULE) as proxy:
            await settled(proxy)
            answers = await asyncio.gather(*(ask_one(proxy, number) for number in range(len(asked))))
            page = (await get(proxy.admin_port, "/metrics")).body.decode()
    records = _by_id(folder / "proxy" / "decisions.jsonl")
    logged = _by_id(folder / "proxy" / "stderr.log")
    ids = [answer.headers["x-guardproxy-decision-id"] for answer in answers]
    told = [Told(c, a, records[i], logged[i]) for c, a, i in zip(asked, answers, ids, strict=True)]
    wrong = [f"{t.cell.row.name}, {t.cell.stage}, {t.cell.form}: {fault}" for t in told for fault in t.faults()]
    wrong += _counters(told, page)
    closed = (n for n, c in enumerate(asked) if c.stage == INPUT and c.wanted != PASSES)
    wrong += [f"{asked[n].row.name}: the upstream was asked" for n in closed if n in reached]
    if wrong:
        raise AssertionError("\n".join(wrong))
    return told


def _by_id(file: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return {line["decision_id"]: line for line in lines if "decision_id" in line}


def _counters(told: list[Told], page: str) -> Iterator[str]:
    """Counters against the cells: as many errors, unchecked texts and detector errors as there were."""
    passed = sum(t.cell.wanted == PASSES for t in told)
    failed = sum(isinstance(t.cell.row, DetectorRow) for t in told)
    upstream = len(told) - failed
    for name, label, wanted in (
        ("requests_total", 'outcome="error"', len(told) - passed),
        ("requests_total", 'outcome="allow"', passed),
        ("requests_total", 'outcome="refuse"', 0),
        ("unchecked_total", "", passed),
        ("upstream_errors_total", "", upstream),
    ):
        found = sum(
            float(line.rsplit(" ", 1)[1])
            for line in page.splitlines()
            if line.startswith(f"guardproxy_{name}{{") and label in line
        )
        if found != wanted:
            yield f"{name} {label}: {found:.0f}, wanted {wanted}"


def page(told: list[Told]) -> str:
    """The page, from what was seen."""
    seen = {(id(t.cell.row), t.cell.stage, t.cell.form): t.seen for t in told}
    lines = [
        _HEAD,
        "| the model server … | plain | stream, before text | stream, after text | `kind` |",
        "|---|---|---|---|---|",
    ]
    for row in UPSTREAM:
        forms = " | ".join(seen.get((id(row), OUTPUT, form), NOT_POSSIBLE) for form in FORMS)
        lines.append(f"| {row.name} | {forms} | {row.kind} |")
    lines += [
        _DETECTORS,
        "| a detector … | fails | input, plain | input, stream | answer, plain | stream, before text | stream, after text |",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for fails in DETECTOR:
        places = [(INPUT, PLAIN), (INPUT, EARLY), *((OUTPUT, form) for form in FORMS)]
        told_of = " | ".join(seen[id(fails), stage, form] for stage, form in places)
        lines.append(f"| {fails.name} | {fails.mode} | {told_of} |")
    return "\n".join([*lines, _TAIL])


_HEAD = """\
# Faults

Made by `python -m guardproxy.testing.fault_matrix`; every cell is a request to a real proxy over a socket. A fault is
an error: it is recorded and counted as `error`, never as a refusal and never as a success. A stream that has shown
text ends with an error frame, the finish reason `length` and `[DONE]`; what was held is dropped, nothing unchecked
leaves.

## The model server

`kind` is the label of `guardproxy_upstream_errors_total`. Not possible: –.
"""
_DETECTORS = """
## Detectors

By the rule's `if_detector_fails`. *Passes, marked*: the text goes on; the stage is missing from
`x-guardproxy-checked`, its state in the decision log is `failed_open`, `guardproxy_unchecked_total` goes up by one and
the log line is a warning. A failure that the text itself brings about (here: it kills the process) is always closed.
"""
_TAIL = """
## Elsewhere

| fault | what happens | shown by |
|---|---|---|
| nobody listens at the upstream's address | 502 `upstream_unreachable` within a second, at most one retry before any byte | `tests/e2e/test_faults.py` |
| reset, truncation, noise or silence at any byte of a stream; one byte at a time; 1 KiB/s | well-formed end, nothing unchecked leaves | `tests/e2e/test_weather.py` |
| TCP cuts anywhere in the upstream's bytes | same text, no character of a canary | `make wire-law`, `tests/e2e/test_wire_law.py` |
| the caller leaves in mid-stream | upstream cancelled at once, outcome `client_abort`, queues empty | `tests/e2e/test_callers.py` |
| the caller does not read | the upstream is held back; after `limits.write_timeout_s` the caller is dropped | `tests/e2e/test_callers.py` |
| the policy is reloaded in mid-stream | the stream ends on the policy it began with | `tests/e2e/test_callers.py`, `make reloads` |
| a policy file is broken | the last good set stays, `guardproxy_policy_load_failed` is 1 | `tests/e2e/test_faults.py` |
| the decision log's disk is full | `required`: 503 `audit_unavailable`; `best_effort`: passes, `guardproxy_audit_dropped_total`; both recover by themselves | `tests/e2e/test_disk_full.py` |
| the clock is set forward or back | pauses, limits and timeouts count on a clock that only goes forward | `tests/unit/proxy/test_hall.py`, `tests/unit/proxy/test_app.py` |
| SIGTERM with live streams | new connections refused; streams have `listen.grace_s`, then end with `shutting_down`; exit code 0 | `tests/e2e/test_drain.py` |
| more requests than it can answer | 429 with `Retry-After`, probes answer | `make overload`, `tests/e2e/test_overload.py` |
| two thousand slow streams | memory flat | `make slow-streams`, `tests/e2e/test_slow_streams.py` |
"""


def main() -> int:
    """Prints the page; 1 with the reasons on stderr when something does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            told = asyncio.run(played(Path(folder)))
        except AssertionError as reasons:
            sys.stderr.write(f"{reasons}\n")
            return 1
    sys.stdout.write(page(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
