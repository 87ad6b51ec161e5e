"""The guard card: what the shipped classifiers catch, what they flag by mistake, in which languages, and what they cost.

Figures of quality are those written beside the model when it was made (`report.md`, `languages.md`), or measured anew on
the development sets when `--data` is at hand; cost is measured here and now, on this machine.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from guardproxy.core.canonical import canonical_text
from guardproxy.detectors.model_files import FOLDER, heads
from guardproxy.detectors.scorer import Figures, Scorer
from guardproxy.training import evaluation, shipping

ROUNDS = 40
SHORT = "Could you explain in two or three sentences how a heat pump warms an old house in winter and what it costs?"
"""About 24 tokens; with its marks about the 32 of performance.md."""
CHUNK = 200


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of the middle call and megabytes, one thread."""

    short_ms: float
    long_ms: float
    load_ms: float
    resident_mb: float
    shipped_mb: float

    def __str__(self) -> str:
        return (
            f"| 24-token prompt, p50 | {self.short_ms:.1f} ms |\n| 128-token window, p50 | {self.long_ms:.1f} ms |\n"
            f"| load | {self.load_ms:.0f} ms |\n| memory of the process | {self.resident_mb:.0f} MB |\n"
            f"| shipped files | {self.shipped_mb:.1f} MB |\n"
        )


def cost(folder: Path = FOLDER) -> Cost:
    """Measured now."""
    start = time.perf_counter()
    scorer = Scorer(folder)
    load = time.perf_counter() - start
    short, long_ = (_middle(scorer, text) for text in (SHORT, " ".join([SHORT] * 6)))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shipped = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    return Cost(
        short * 1000, long_ * 1000 / len(list(scorer.steps(" ".join([SHORT] * 6)))), load * 1000, resident, shipped
    )


def _middle(scorer: Scorer, text: str) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        scorer.score(text)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def machine() -> str:
    """For the line under the table."""
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def scores(texts: list[str], folder: Path = FOLDER, workers: int = 2) -> Figures:
    """(texts, heads) as they are served: windows, canonical reading, calibration."""
    chunks = [(texts[start : start + CHUNK], folder) for start in range(0, len(texts), CHUNK)]
    with ProcessPoolExecutor(workers) as pool:
        found: Figures = np.concatenate(list(pool.map(_scored, chunks)))
    return found


def _scored(job: tuple[list[str], Path]) -> Figures:
    texts, folder = job
    scorer = Scorer(folder, canonical_text)
    return np.array([scorer.score(text) for text in texts], dtype=np.float32)


def measured(data: Path, folder: Path = FOLDER) -> str:
    """The table of the development sets, through the code that serves."""
    rows = evaluation.dev_rows(data)
    meanings = heads(folder)
    figures = scores([row.text for row in rows], folder)
    return shipping.table(evaluation.report(rows, meanings, figures), evaluation.by_hazard(rows, meanings, figures))


def card(data: Path | None, folder: Path = FOLDER) -> str:
    """The whole card as Markdown."""
    quality = measured(data, folder) if data else (folder / "report.md").read_text(encoding="utf-8")
    parts = ["# Guard card: embedded\n", "## Development sets\n", quality]
    languages = folder / "languages.md"
    if languages.exists():
        parts += ["## Languages\n", languages.read_text(encoding="utf-8")]
    parts += ["## Cost\n", "| | |\n|---|---|\n" + str(cost(folder)), f"Measured on {machine()}.\n"]
    return "\n".join(parts)
