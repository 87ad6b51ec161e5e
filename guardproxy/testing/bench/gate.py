"""`make perf-gate`: has a request become dearer? Ratios and counts only, so a slow machine passes what a fast one does.

CPU an answer and an event, as many times what an answer costs the raw pass-through in the same rounds; CPU an answer of sixty-four
callers by that of one; functions called, memory held and memory left inside one process. Each is compared with
docs/bench/gate.json, which `--record` writes; exit 1 when one is more than `MARGIN` above what was recorded there, or
when many callers cost more each than one does.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from guardproxy.testing.bench.inside import Inside
from guardproxy.testing.bench.page import FOLDER
from guardproxy.testing.bench.rounds import Times, measure, warm
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.subjects import ours, relay
from guardproxy.testing.bench.track import Track

RECORDED = FOLDER / "gate.json"
MARGIN = {
    "answer_times_pass_through": 1.35,
    "event_by_pass_through_answer": 1.35,
    "calls_answer": 1.05,
    "calls_event": 1.05,
    "peak_kib": 1.15,
}
"""What runs on two shared cores differ by: the pass-through takes 30 µs, and 5 µs of noise are a sixth of that."""
BOUNDS = {"many_by_one": 1.0, "blocks_left": 2.0}
"""What holds whatever was recorded: many callers cost no more each than one, and an exchange leaves nothing behind (a
record that stayed would be dozens of blocks).
"""
ROUNDS = 3
SHORT = Times(warm=0.4, one=0.5, many=0.8, fast=0.8, first_words=1, paced=False)


def measured(rounds: int = ROUNDS, times: Times = SHORT) -> dict[str, float]:
    """All figures of the gate."""
    sheet = Sheet("make perf-gate")
    with tempfile.TemporaryDirectory() as folder, Track() as track, ExitStack() as stack:
        running = []
        for at, start in enumerate((ours, relay)):
            with track.pinned():
                subject = stack.enter_context(start(Path(folder) / str(at), track.port))
            track.first_answer(subject)
            warm(track, subject, times.warm)
            running.append(subject)
        measure(track, running, sheet, rounds, times)
    found = {
        "answer_times_pass_through": sheet.ratio("guardproxy", "pass-through", "cpu_us_c64"),
    }
    event, answer = sheet.median("guardproxy", "fast_us"), sheet.median("pass-through", "cpu_us_c64")
    found["event_by_pass_through_answer"] = event / answer if event and answer else None
    one, many = sheet.median("guardproxy", "cpu_us_c1"), sheet.median("guardproxy", "cpu_us_c64")
    found["many_by_one"] = many / one if one and many else None
    with tempfile.TemporaryDirectory() as folder, Inside(Path(folder)) as inside:
        calls, held = inside.calls(), inside.held()
    counted = {
        "calls_answer": calls.answer,
        "calls_event": calls.event,
        "peak_kib": held.peak,
        "blocks_left": held.left,
    }
    return {name: value for name, value in {**found, **counted}.items() if value is not None}


def faults(found: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """What became dearer; a figure that is missing on either side is one."""
    said = []
    for name, margin in MARGIN.items():
        if name not in found or name not in recorded:
            said.append(f"{name}: measured {found.get(name)}, recorded {recorded.get(name)}; record it anew")
        elif found[name] > recorded[name] * margin:
            said.append(f"{name}: {found[name]:.4g}, recorded {recorded[name]:.4g}, at most {margin} times as much")
    for name, bound in BOUNDS.items():
        if name not in found or found[name] > bound:
            said.append(f"{name}: {found.get(name)}, at most {bound}")
    return said


def main(arguments: list[str] | None = None) -> int:
    """Prints the figures and what became dearer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="what is measured is what is expected from now on")
    parser.add_argument("--file", type=Path, default=RECORDED)
    asked = parser.parse_args(arguments)
    found = measured()
    recorded = json.loads(asked.file.read_text(encoding="utf-8")) if asked.file.exists() else {}
    for name, value in found.items():
        sys.stdout.write(f"{name:28} {value:10.4g}   recorded {recorded.get(name, float('nan')):10.4g}\n")
    if asked.record:
        rounded = {name: float(f"{value:.4g}") for name, value in found.items()}
        asked.file.parent.mkdir(parents=True, exist_ok=True)
        asked.file.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
        return 0
    wrong = faults(found, recorded)
    sys.stdout.write("".join(f"dearer: {one}\n" for one in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
