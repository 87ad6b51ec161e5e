"""`make bench`: our own proxy beside the raw pass-through and Envoy, in one run.

Writes docs/bench/bench.json and docs/performance.md, and prints the table for the README.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from guardproxy.testing.bench import page
from guardproxy.testing.bench.rounds import Times, guards, measure, warm
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.starts import environment, installed, starts
from guardproxy.testing.bench.subjects import ENVOY, ROOT, Start, envoy, ours, relay
from guardproxy.testing.bench.track import Track
from guardproxy.testing.process_figures import resident


def beside(sheet: Sheet, subjects: Sequence[Start], rounds: int, times: Times) -> None:
    """All subjects in one run: each must carry answers as they are, and ours must refuse what its policy says."""
    with tempfile.TemporaryDirectory() as folder, Track() as track, ExitStack() as stack:
        running = []
        for at, start in enumerate(subjects):
            with track.pinned():
                subject = stack.enter_context(start(Path(folder) / str(at), track.port))
            track.first_answer(subject)
            warm(track, subject, times.warm)
            running.append(subject)
        if not guards(track, running[0]):
            raise AssertionError(f"{running[0].name} does not guard: nothing to compare")
        measure(track, running, sheet, rounds, times)
        for subject in running:
            sheet.add(subject.name, "rss_mb", resident(subject.tree))
    sheet.load = os.getloadavg()[2]


def main(arguments: list[str] | None = None) -> int:
    """Measures, writes, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--into", type=Path, default=page.FOLDER, help="folder of the JSON")
    asked = parser.parse_args(arguments)
    sheet = Sheet("make bench")
    subjects = [ours, relay, envoy]
    beside(sheet, subjects, asked.rounds, Times())
    with Track() as track:
        starts(track, subjects, sheet, asked.rounds)
    sheet.add("guardproxy", "install_mb", installed(ROOT / "requirements.lock"))
    sheet.add("Envoy", "install_mb", environment(ENVOY.parents[1]))
    sheet.write(asked.into / "bench.json")
    if asked.into == page.FOLDER:
        page.PAGE.write_text(page.page(asked.into), encoding="utf-8")
    sys.stdout.write(page.readme(sheet) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
