"""Would the question help to judge its answer? A small model over the figures of both, on held-out pairs.

Three figures: the answer's harmful help, the question's harm, and whether the answer declines; a logistic model in five
folds, since the heads saw all other pairs. Part of `ablate`; what ships reads the answer alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from guardproxy.training import classifier
from guardproxy.training.embed import Numbers
from guardproxy.training.evaluation import average_precision
from guardproxy.training.labels import HEADS
from guardproxy.training.rows import read
from guardproxy.training.seeds import read_seeds
from guardproxy.training.work import Work

FILE = "gptfuzz_responses_train"
HELP, ASKED, DECLINED = (
    HEADS.index(head) for head in (("response", "unspecified"), ("request", "unspecified"), ("refusal", "refusal"))
)
LIMIT, FOLDS = 12.0, 5
MODELS = {"answer": (0,), "answer and question": (0, 1), "answer and refusal": (0, 2), "all three": (0, 1, 2)}


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, its answer, and whether the answer helps with a harm."""

    source: str
    asked: str
    answer: str
    unsafe: bool

    def __repr__(self) -> str:
        return f"Pair({self.source}, {self.unsafe})"


def pairs(work: Work) -> Iterator[Pair]:
    """Those whose answers no head was trained on."""
    held = {row.text for row in work.rows if row.held_out and row.judges == "response"}
    for given in read(work.data / "train" / f"{FILE}.jsonl.gz"):
        if given["unsafe"] is not None and given["response"] in held:
            yield Pair("GPTFuzz", given["text"], given["response"], given["unsafe"])
    for one in read_seeds(work.seeds, work.seed):
        if one.answer in held and "response" in one.judged:
            yield Pair("own", one.text, one.answer, one.judged["response"])


def table(work: Work) -> str:
    """AUPRC of each model on each source."""
    rows = [pair for pair in pairs(work) if pair.asked.strip()]
    asked, answered = (_figures(work, texts) for texts in ([r.asked for r in rows], [r.answer for r in rows]))
    given = np.stack([answered[:, HELP], asked[:, ASKED], answered[:, DECLINED]], axis=1).clip(-LIMIT, LIMIT)
    unsafe, source = np.array([r.unsafe for r in rows]), np.array([r.source for r in rows])
    names = sorted(set(source.tolist()))
    counts = [f"{name} ({(source == name).sum()})" for name in names]
    lines = ["| figures | " + " | ".join(counts) + " |", "|---|" + "--:|" * len(names)]
    for name, columns in MODELS.items():
        model = LogisticRegression()
        found = cross_val_predict(model, given[:, columns], unsafe, cv=FOLDS, method="predict_proba")[:, 1]
        cells = [f"{average_precision(unsafe[source == one], found[source == one]):.3f}" for one in names]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _figures(work: Work, texts: list[str]) -> Numbers:
    return classifier.raw_figures(work.heads(), work.features(texts), np.arange(len(texts)))
