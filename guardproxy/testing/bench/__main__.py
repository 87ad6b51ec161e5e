"""`make bench`: our own proxy beside the raw pass-through and Envoy, in one run; `make bench-peers`: beside the peers too.

Writes docs/bench/bench.json or peers.json and docs/performance.md, and prints the table for the README.
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
from guardproxy.testing.bench.instant import Said
from guardproxy.testing.bench.models import classified, long_prompts
from guardproxy.testing.bench.peers import GIVEN, HOME, PEERS
from guardproxy.testing.bench.rounds import Times, guards, guards_answers, measure, warm
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.starts import environment, installed, starts
from guardproxy.testing.bench.subjects import ENVOY, ROOT, Start, Subject, envoy, ours, relay
from guardproxy.testing.bench.track import Track
from guardproxy.testing.process_figures import resident

GUARDED = {
    (True, True): "the model and the caller",
    (True, False): "the model",
    (False, True): "the caller",
    (False, False): "nobody",
}


def beside(sheet: Sheet, subjects: Sequence[Start], rounds: int, times: Times, foreign: Sequence[Start] = ()) -> None:
    """All subjects in one run: each must carry answers as they are, and the first must refuse what its policy says.

    One of the `foreign` that cannot be started is noted; the others are measured without it. Their start is timed
    once: it takes up to a minute.
    """
    with tempfile.TemporaryDirectory() as folder, Track() as track, ExitStack() as stack:
        running: list[Subject] = []
        late: dict[str, float] = {}
        for at, start in enumerate([*subjects, *foreign]):
            with track.pinned():
                subject = stack.enter_context(start(Path(folder) / str(at), track.port))
            track.says(Said.of())
            try:
                took = track.first_answer(subject)
                warm(track, subject, times.warm)
            except (TimeoutError, AssertionError) as error:
                if not subject.foreign:
                    raise
                sheet.notes[subject.name] = f"{error}; its last words: {_last_words(Path(folder) / str(at))}"
            else:
                running.append(subject)
                if subject.foreign:
                    late[subject.name] = took
                    kept = guards(track, subject), guards_answers(track, subject)
                    sheet.notes[f"{subject.name} keeps the phrase from"] = GUARDED[kept]
        if not (guards(track, running[0]) and guards_answers(track, running[0])):
            raise AssertionError(f"{running[0].name} does not guard: nothing to compare")
        measure(track, running, sheet, rounds, times)
        for subject in running:
            sheet.add(subject.name, "rss_mb", resident(subject.tree))
    for name, took in late.items():
        sheet.add(name, "start_s", took)
    sheet.load = os.getloadavg()[2]


def _last_words(folder: Path) -> str:
    lines = (folder / "said.log").read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "none")


def run(command: str, rounds: int, foreign: Sequence[str], file: Path) -> Sheet:
    """Everything into one sheet and its file; `foreign` are names in `PEERS`."""
    sheet = Sheet(command)
    subjects = [ours, relay, envoy]
    beside(sheet, subjects, rounds, Times(), [PEERS[name] for name in foreign])
    sheet.write(file)  # the longest part; what follows has its own ways to fail
    with Track() as track:
        starts(track, subjects, sheet, rounds)
        long_prompts(track, sheet, rounds)
        classified(track, sheet, rounds)
    sheet.add("guardproxy", "install_mb", installed(ROOT / "requirements.lock"))
    sheet.add("Envoy", "install_mb", environment(ENVOY.parents[1]))
    for peer in GIVEN:
        if peer.name in sheet.values:
            sheet.add(peer.name, "install_mb", environment(HOME / peer.place))
    sheet.write(file)
    return sheet


def main(arguments: list[str] | None = None) -> int:
    """Measures, writes, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true", help="beside the peers too")
    parser.add_argument("--into", type=Path, default=page.FOLDER, help="folder of the JSON")
    asked = parser.parse_args(arguments)
    file = asked.into / ("peers.json" if asked.peers else "bench.json")
    command, foreign = ("make bench-peers", list(PEERS)) if asked.peers else ("make bench", [])
    sheet = run(command, asked.rounds, foreign, file)
    if asked.into == page.FOLDER:
        page.PAGE.write_text(page.page(asked.into), encoding="utf-8")
    sys.stdout.write(page.readme(sheet) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
