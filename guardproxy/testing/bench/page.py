"""docs/performance.md out of docs/bench/*.json: tables, what is behind them, and the part for the README.

python -m guardproxy.testing.bench.page            writes the page of what docs/bench holds
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guardproxy.testing.bench import goals
from guardproxy.testing.bench.models import WITH
from guardproxy.testing.bench.peers import GIVEN, told
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.subjects import ROOT

FOLDER, PAGE = ROOT / "docs" / "bench", ROOT / "docs" / "performance.md"
OURS = "guardproxy"


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of a table. `events`: shown as how many go into a second of CPU."""

    metric: str
    title: str
    digits: int = 0
    events: bool = False


COLUMNS = (
    Column("cpu_us_c64", "CPU µs/request, c=64"),
    Column("cpu_us_c1", "c=1"),
    Column("rate_c64", "req/s, c=64"),
    Column("added_p50_ms", "added p50 ms, c=1", 2),
    Column("added_p99_ms", "added p99 ms", 2),
    Column("paced_us", "SSE events per core-second", events=True),
    Column("fast_us", "the same, as fast as written", events=True),
    Column("first_word_ms", "added TTFT ms", 2),
    Column("rss_mb", "RSS MB"),
    Column("start_s", "cold start s", 1),
    Column("start_cpu_s", "of it CPU s", 1),
    Column("install_mb", "install MB"),
)
CLASSIFIED = (
    Column("rss_mb", "RSS MB"),
    Column("start_s", "cold start s", 1),
    Column("start_cpu_s", "of it CPU s", 1),
    Column("check_p50_ms", "p50 of a 32-token prompt, one core, ms", 1),
    Column("check_cpu_ms", "CPU ms of it", 1),
    Column("checks_rate", "prompts/s, two cores"),
    Column("late_p50_ms", "added to a first word that takes 200 ms: p50 ms", 1),
    Column("late_p95_ms", "p95 ms", 1),
)


TIMES = "As many times what guardproxy takes, of the same rounds:"
GROWTH = """\
CPU µs of an answer, of an event for streams (an event a second each, opening and end of the stream included). The
exponent is the slope of log over log of the larger half of the sizes: 1 is linear, 0 is no growth. A policy has 2,000 rules
at most; up to there each pattern is a rule of its own.
"""
PROFILE = """\
Shares of the time inside the process, by room; functions of C and of libraries count for the room that called them.
The HTTP server and the client to the model take no part.
"""
GATE = """\
## What keeps it so

`make perf-gate` judges ratios and counts, never the clock (`docs/bench/gate.json` is what was recorded;
`python -m guardproxy.testing.bench.gate --record` records anew); the last three rows are `make perf-guards`:

| figure | at most |
|---|---|
| CPU of an answer at c=64, as many times the pass-through's in the same rounds | 1.35 × recorded |
| CPU of a streamed event, by an answer of the pass-through | 1.35 × recorded |
| CPU of an answer at c=64, by one at c=1 | 1 |
| functions called for an answer, for an event | 1.05 × recorded |
| memory held at the peak of an exchange | 1.15 × recorded |
| blocks of memory that an exchange leaves behind | 2 |
| CPU beside 500 idle connections on both sides, by that beside one | 1.2 |
| exponent of cost over the length of a prompt, 1 k to 64 k characters | 1.1 |
| CPU of one of 10,000 chunks that are all alike, by that of one of 1,000 | 1.2 |

That the first byte of a stream leaves before its second event comes is a test of the suite (`tests/e2e/test_cost.py`).
"""
FAIR = """\
Each as it ships, in an environment of its own (`tests/peers/*.txt`), one process, on the measured core; every logger is
switched off, and nothing is fetched from outside. The guard of a peer is one expression of ten phrases, where
guardproxy looks for 433 patterns; guardrails-ai looks at answers only, LiteLLM at nothing. LiteLLM checks its key.
"""


def table(sheet: Sheet, columns: Sequence[Column] = COLUMNS, without: Sequence[str] = ("direct", WITH)) -> str:
    """A row for each subject that was measured, medians."""
    shown = [row for subject, row in sheet.values.items() if subject not in without]
    columns = [one for one in columns if any(one.metric in row for row in shown)]
    lines = ["| | " + " | ".join(one.title for one in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for subject in sheet.subjects:
        if subject not in without:
            lines.append(f"| {subject} | " + " | ".join(_cell(sheet, subject, one) for one in columns) + " |")
    return "\n".join(lines)


def _cell(sheet: Sheet, subject: str, column: Column) -> str:
    value = sheet.median(subject, column.metric)
    if value is None:
        return "–"
    return number(1e6 / value if column.events else value, column.digits)


def number(value: float, digits: int = 0) -> str:
    """With thin thousands, and no more than it knows."""
    if digits == 0 and abs(value) >= 10_000:
        value = round(value, -2)
    return f"{value:,.{digits}f}".replace(",", " ")


def ratios(sheet: Sheet, metrics: Sequence[Column] = COLUMNS[:2], base: str = OURS) -> str:
    """How many times as much as ours each of the others takes."""
    lines = ["| | " + " | ".join(one.title for one in metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
    for subject in sheet.subjects:
        found = [sheet.ratio(subject, base, one.metric) for one in metrics]
        if subject not in ("direct", WITH, base) and any(found):
            lines.append(f"| {subject} | " + " | ".join(_times(one) for one in found) + " |")
    return "\n".join(lines)


def _times(value: float | None) -> str:
    """As many times; a fraction where it is a small one."""
    if not value:
        return "–"
    if value < 0.1:
        return f"1/{1 / value:.0f}"
    return f"{value:.2f} ×" if value < 10 else f"{value:.0f} ×"


ABOUT = """\
# What it costs

Every figure here comes from `docs/bench/*.json`, which the command named above each table writes; this page is made
from those files. A proxy and its processes are pinned to one core, the callers and the mock model share another one.
Subjects take turns, and what is shown is the median of the rounds. CPU is the scheduler's run time of a
subject's whole process tree. Other work on the machine moves that too, for caches and twin threads are shared (1.7
times as much at a load of 7 as at a load of 4), so compare what stands in one table; latencies and rates are rough.

- The mock model answers at once: 270 characters, or a stream of 200 words. A prompt has 300 characters. Each prompt
  and each answer has a number of its own, so that no cache of verdicts can help.
- guardproxy runs as it ships, with client keys, metrics and the decision log (`best_effort`) on, its own log at
  `warning`, and a policy of 433 patterns (55 expressions, 378 phrases) that looks at prompts and answers. The
  classifiers are off unless a table says so. Envoy and the pass-through guard nothing: they are what a proxy costs.
- Added latency is the median of one caller's answers through the subject, less the same without a proxy.
- SSE events per core-second: 50 streams of 50 events a second, each event a write of the model's own; a million
  divided by the CPU microseconds of one event. "As fast as written": 8 streams without a pause, of which a proxy that
  reads seldom reads many at once.
- Added TTFT: from the model's first word, at 200 words a second, to its arrival at the caller.
"""


def page(folder: Path) -> str:
    """The whole page out of what is in the folder."""
    plain, peers = _sheet(folder, "bench"), _sheet(folder, "peers")
    whole = peers or plain
    parts = [ABOUT]
    if whole is not None:
        parts.append(f"## Goals\n\n{whole.made}\n\n{goals.table(whole)}\n")
        others = [subject for subject in whole.subjects if subject != WITH]
        parts.append(f"## With the embedded classifiers\n\nThe same run.\n\n{table(whole, CLASSIFIED, others)}\n")
    if plain is not None:
        parts.append(f"## Beside a pass-through and Envoy\n\n{plain.made}\n\n{table(plain)}\n")
        parts.append(f"As many times what guardproxy takes:\n\n{ratios(plain)}\n\n{_ceiling(plain)}\n")
    if peers is not None:
        parts += [f"## Beside the peers\n\n{peers.made}\n\n{table(peers)}\n", f"{TIMES}\n\n{ratios(peers)}\n"]
        parts.append("".join(f"- {subject}: {note}\n" for subject, note in peers.notes.items()))
        parts.append(f"## What the peers were given\n\n{FAIR}\n" + "\n".join(map(told, GIVEN)))
    grown = _sheet(folder, "growth")
    if grown is not None:
        parts.append(f"## How cost grows\n\n{grown.made}\n\n{GROWTH}\n{growth_tables(grown)}")
    spent = _sheet(folder, "profile")
    if spent is not None:
        parts.append(f"## Where the time goes\n\n{spent.made}\n\n{PROFILE}\n{shares_table(spent)}\n")
    return "\n".join([*parts, GATE])


def shares_table(sheet: Sheet, least: float = 0.005) -> str:
    """Rooms of the building, the dearest first; what takes less than `least` of everything is left out."""
    kinds = sheet.subjects
    rooms = dict.fromkeys(place for kind in kinds for place in sheet.values[kind])
    lines = ["| | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for place in rooms:
        found = [sheet.median(kind, place) or 0.0 for kind in kinds]
        if max(found) >= least:
            lines.append(f"| `{place}` | " + " | ".join(f"{one:.0%}" for one in found) + " |")
    return "\n".join(lines)


def growth_tables(sheet: Sheet) -> str:
    """A table for each thing there is more and more of."""
    told = []
    for name in sheet.subjects:
        sizes = [size for size in sheet.values[name] if size != "exponent"]
        head = f"| {name} | " + " | ".join(number(float(size)) for size in sizes) + " | exponent |"
        cells = " | ".join(number(sheet.median(name, size) or 0.0) for size in sizes)
        row = f"| CPU µs | {cells} | {sheet.median(name, 'exponent') or 0.0:.2f} |"
        told.append("\n".join([head, "|---" * (len(sizes) + 2) + "|", row]) + "\n")
    told.append("".join(f"- {name}: {note}\n" for name, note in sheet.notes.items()))
    return "\n".join(told)


def readme(sheet: Sheet) -> str:
    """The table for the README, with machine and date."""
    return f"{table(sheet)}\n\n{sheet.made}"


def _ceiling(sheet: Sheet) -> str:
    answer, event = (sheet.median("direct", metric) for metric in ("cpu_us_c64", "fast_us"))
    if answer is None or event is None:
        return "What callers and mock model cost themselves was not measured in this run."
    return (
        f"Callers and mock model together take {answer:.0f} µs of CPU an answer at c=64 and {event:.1f} µs an event: "
        "what they could measure at most, on their one core, is a million divided by that a second."
    )


def _sheet(folder: Path, name: str) -> Sheet | None:
    file = folder / f"{name}.json"
    return Sheet.read(file) if file.exists() else None


if __name__ == "__main__":
    PAGE.write_text(page(FOLDER), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written\n")
