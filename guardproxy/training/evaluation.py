"""The development sets, one by one, through the very scores that serve: no pooled figure, length beside each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.share import Share
from guardproxy.detectors.embedded import hazards_of
from guardproxy.detectors.model_files import Head
from guardproxy.detectors.scorer import Figures
from guardproxy.training.calibration import REFUSE, WARN
from guardproxy.training.embed import Numbers
from guardproxy.training.rows import declines, read

RESAMPLES = 300
CALIBRATED_ON = "mtbench_vicuna"
"""The one development set thresholds are set with; its figures are no measurement."""
STEPS = (0.1, 0.2, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.98)
"""Scores of the calibration curves: those of the shipped policies among them."""
QUIET = frozenset({"harassment.profanity", "hate.bias"})
"""Hazards no shipped policy refuses or warns for: left out of "any hazard"."""


@dataclass(frozen=True, slots=True)
class DevRow:
    """A development row; `judges` as in the data, answers as content; `unsafe` of a `refusal` row: it declines."""

    id: str
    set: str
    text: str
    judges: str
    unsafe: bool
    hazards: frozenset[str]
    group: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: shares at `warn` and `refuse`, and where both classes exist AUPRC with length beside."""

    set: str
    rows: int
    what: str
    warn: Share
    refuse: Share
    auprc: str = ""
    length_only: str = ""


def dev_rows(data: Path) -> list[DevRow]:
    """All judged rows of `dev/`, in the order of the files. Read here and nowhere else but for calibration's one set."""
    paths = sorted((data / "dev").glob("*.jsonl.gz"))
    return [_dev_row(path, given) for path in paths for given in read(path) if _judged(given)]


def _judged(given: Mapping[str, Any]) -> bool:
    if given["judges"] == "refusal_style":
        return declines(given["labels"]["propositions"]) is not None
    return given["unsafe"] is not None


def left_out(data: Path, files: Collection[str]) -> list[DevRow]:
    """Rows of `train/` of sources that took no part in training."""
    paths = [data / "train" / f"{name}.jsonl.gz" for name in sorted(files)]
    return [_dev_row(path, given) for path in paths for given in read(path) if _judged(given)]


def _dev_row(path: Path, given: Mapping[str, Any]) -> DevRow:
    labels = given["labels"] if isinstance(given["labels"], dict) else {}
    if given["judges"] == "refusal_style":
        name, declined = path.name.removesuffix(".jsonl.gz"), bool(declines(labels["propositions"]))
        return DevRow(given["id"], name, given["response"], "refusal", declined, frozenset())
    answer = given["judges"] == "response"
    return DevRow(
        given["id"], path.name.removesuffix(".jsonl.gz"), given["response"] if answer else given["text"],
        "content" if answer else given["judges"], given["unsafe"], frozenset(given["hazards"]),
        str(labels.get("functionality", "")),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """One figure a row: the loudest hazard's score, the length, the class, and the set's name."""

    loudest: Numbers
    length: Numbers
    unsafe: Numbers
    set: Numbers

    def only(self, chosen: Numbers) -> Columns:
        """The chosen rows."""
        return Columns(self.loudest[chosen], self.length[chosen], self.unsafe[chosen], self.set[chosen])


def report(rows: Sequence[DevRow], heads: Sequence[Head], scores: Figures) -> list[Line]:
    """A line a set and class. `scores` (rows, heads), calibrated. Content is read at the output, the rest as a user's."""
    everything = Columns(
        np.array([_loudest(row, heads, one) for row, one in zip(rows, scores, strict=True)]),
        np.array([len(row.text) for row in rows], dtype=float),
        np.array([row.unsafe for row in rows]),
        np.array([row.set for row in rows]),
    )
    long_ = float(np.quantile(everything.length[np.isin(everything.set, ("alpaca_eval_300", CALIBRATED_ON))], 0.95))
    lines: list[Line] = []
    for name in dict.fromkeys(row.set for row in rows):
        mine = everything.only(everything.set == name)
        for harmful in sorted(set(mine.unsafe.tolist()), reverse=True):
            lines.append(_line(name, mine, long_, harmful=harmful))
    return lines


def _line(name: str, mine: Columns, long_: float, *, harmful: bool) -> Line:
    chosen = mine.only(mine.unsafe == harmful)
    count = len(chosen.unsafe)
    auprc, by_length = "", f"{Share(int((chosen.length > long_).sum()), count)} longer than 95% of chats"
    if harmful and count < len(mine.unsafe):
        auprc = _auprc(mine.unsafe, mine.loudest)
        by_length = "AUPRC " + max(_auprc(mine.unsafe, sign * mine.length) for sign in (1.0, -1.0))
    warn, refuse = (Share(int((chosen.loudest >= step).sum()), count) for step in (WARN, REFUSE))
    return Line(name, count, "recall" if harmful else "false alarms", warn, refuse, auprc, by_length)


def _auprc(unsafe: Numbers, scores: Numbers) -> str:
    """Average precision with a bootstrap 95% interval."""
    chance = np.random.default_rng(7)
    drawn = []
    for _ in range(RESAMPLES):
        sample = chance.integers(0, len(unsafe), len(unsafe))
        if unsafe[sample].any():
            drawn.append(average_precision(unsafe[sample], scores[sample]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{average_precision(unsafe, scores):.3f} [{low:.3f}, {high:.3f}]"


def average_precision(unsafe: Numbers, scores: Numbers) -> float:
    """Mean precision over the harmful rows, each at its own score; equal scores stand together."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(unsafe[order])
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    gained = np.diff(hits[ends], prepend=0)
    return float((gained * hits[ends] / (ends + 1)).sum() / max(hits[-1], 1))


def _loudest(row: DevRow, heads: Sequence[Head], scores: Figures) -> float:
    if row.judges == "refusal":
        return max((float(s) for head, s in zip(heads, scores, strict=True) if head.judges == "refusal"), default=0.0)
    stage, scope = (Stage.OUTPUT, Scope.MODEL) if row.judges == "content" else (Stage.INPUT, Scope.USER)
    found = hazards_of(heads, scores.tolist(), stage, scope)
    return max(score for hazard, score in found.items() if hazard not in QUIET)


def precisions(rows: Sequence[DevRow], heads: Sequence[Head], scores: Figures) -> dict[str, float]:
    """AUPRC of each set that holds both classes."""
    found: dict[str, list[tuple[bool, float]]] = {}
    for row, one in zip(rows, scores, strict=True):
        found.setdefault(row.set, []).append((row.unsafe, _loudest(row, heads, one)))
    return {
        name: average_precision(np.array([unsafe for unsafe, _ in mine]), np.array([score for _, score in mine]))
        for name, mine in found.items()
        if len({unsafe for unsafe, _ in mine}) == 2
    }


def quantised(small: Mapping[str, float], full: Mapping[str, float]) -> str:
    """What the int8 file costs: AUPRC of each set beside that of the float32 file."""
    lines = ["| set | int8 | float32 | difference |", "|---|--:|--:|--:|"]
    lines += [f"| {name} | {small[name]:.3f} | {full[name]:.3f} | {small[name] - full[name]:+.3f} |" for name in small]
    return "\n".join(lines) + "\n"


def reached(rows: Sequence[DevRow], heads: Sequence[Head], scores: Figures) -> str:
    """Calibration curves as a table: which share of each set's harmless and harmful rows reaches each score."""
    marks: dict[tuple[str, bool], list[float]] = {}
    for row, one in zip(rows, scores, strict=True):
        if row.judges != "refusal":
            marks.setdefault((row.set, row.unsafe), []).append(_loudest(row, heads, one))
    steps = " | ".join(f"≥ {step}" for step in STEPS)
    lines = [f"| set | rows | {steps} |", "|---|--:|" + "--:|" * len(STEPS)]
    for (name, unsafe), found in sorted(marks.items(), key=lambda item: (item[0][1], item[0][0])):
        shares = " | ".join(f"{sum(one >= step for one in found) / len(found):.3f}" for step in STEPS)
        lines.append(f"| {name}, {'harmful' if unsafe else 'harmless'} | {len(found)} | {shares} |")
    return "\n".join(lines) + "\n"


def refusals(rows: Sequence[DevRow], heads: Sequence[Head], scores: Figures) -> str:
    """How well answers that decline are told from answers that comply, by people's judgement: F1 at 0.5."""
    mine = [(row.unsafe, _loudest(row, heads, one) >= WARN) for row, one in zip(rows, scores, strict=True)
            if row.judges == "refusal"]  # fmt: skip
    right = sum(declines and found for declines, found in mine)
    named, meant = sum(found for _, found in mine), sum(declines for declines, _ in mine)
    f1 = 2 * right / max(named + meant, 1)
    return f"F1 {f1:.3f}, precision {Share(right, named)}, recall {Share(right, meant)}, {len(mine)} answers"


def by_hazard(rows: Sequence[DevRow], heads: Sequence[Head], scores: Figures) -> dict[str, tuple[Share, Share]]:
    """Per dev set and hazard: how many rows the right family is named for, at `warn` and at `refuse`."""
    hits: dict[str, list[tuple[bool, bool]]] = {}
    for row, one in zip(rows, scores, strict=True):
        stage, scope = (Stage.OUTPUT, Scope.MODEL) if row.judges == "content" else (Stage.INPUT, Scope.USER)
        found = hazards_of(heads, one.tolist(), stage, scope)
        for hazard in row.hazards if row.unsafe else ():
            family = hazard.partition(".")[0]
            best = max((s for h, s in found.items() if h.partition(".")[0] == family), default=0.0)
            hits.setdefault(f"{row.set}: {hazard}", []).append((best >= WARN, best >= REFUSE))
    return {
        key: tuple(Share(sum(hit[n] for hit in found), len(found)) for n in (0, 1))  # type: ignore[misc]
        for key, found in sorted(hits.items())
    }
