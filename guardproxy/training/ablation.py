"""What each idea brings: variants on one encoder and one panel, thresholds from the same harmless chats.

A column is one set read by one kind of head. For harmless sets the share above the threshold that 5% and 1% of the
held-out chats exceed, for harmful ones the share found there, and AUPRC where both classes are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from guardproxy.training import classifier, evaluation, ngrams
from guardproxy.training.embed import Numbers
from guardproxy.training.labels import HEADS
from guardproxy.training.samples import Sample
from guardproxy.training.work import Work

KINDS = {
    "request": (("request", "unspecified"),),
    "attack": (("attack", "attack.jailbreak"), ("attack", "attack.injection")),
    "content": (("content", "unspecified"), ("content", "hate.speech")),
}
"""The heads that speak for a kind here."""
COLUMNS = tuple(HEADS.index(head) for heads in KINDS.values() for head in heads)
HARD_SHARE, HARD_WEIGHT = 0.05, 3.0
ENERGY = 0.05
Score = Callable[[list[str]], Numbers]
"""Texts → (texts, len(COLUMNS))."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A set and the kind of head that reads it."""

    name: str
    kind: str
    texts: list[str]
    unsafe: Numbers

    def __repr__(self) -> str:
        return f"Probe({self.name}, {self.kind}, {len(self.texts)})"


def panel(work: Work) -> list[Probe]:
    """Development sets, sources left out, and held-out own rows."""
    found: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for row in [*evaluation.dev_rows(work.data), *evaluation.left_out(work.data, work.leave_out)]:
        if row.judges in KINDS:
            found.setdefault((row.set, row.judges), []).append((row.text, row.unsafe))
            if row.set.startswith(("alpaca", "cyberseceval_frr_multi")):
                found.setdefault((row.set, "attack"), []).append((row.text, row.unsafe))
    for one in work.rows:
        own = one.file.startswith("seeds/") and not one.file.startswith("seeds/chat_")
        if one.held_out and one.judges in KINDS and (own or one.file == "wildguard_train_sample"):
            name = "own rows held out" if own else "wildguard held out"
            found.setdefault((name, one.judges), []).append((one.text, one.unsafe))
    return [
        Probe(name, kind, [text for text, _ in rows], np.array([unsafe for _, unsafe in rows]))
        for (name, kind), rows in found.items()
    ]


def table(variants: dict[str, Score], chats: list[str], probes: Sequence[Probe]) -> str:
    """Markdown: a line a probe, a column a variant."""
    lines = ["| set, heads | " + " | ".join(variants) + " |", "|---|" + "---|" * len(variants)]
    at = {name: _thresholds(score(chats)) for name, score in variants.items()}
    for probe in probes:
        cells = [_cell(probe, _of(probe.kind, score(probe.texts)), at[name]) for name, score in variants.items()]
        lines.append(f"| {probe.name}, {probe.kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _of(kind: str, figures: Numbers) -> Numbers:
    chosen = [n for n, column in enumerate(COLUMNS) if HEADS[column] in KINDS[kind]]
    highest: Numbers = figures[:, chosen].max(axis=1)
    return highest


def _thresholds(chats: Numbers) -> dict[str, tuple[float, float]]:
    return {kind: tuple(np.quantile(_of(kind, chats), (0.95, 0.99)).tolist()) for kind in KINDS}


def _cell(probe: Probe, found: Numbers, at: dict[str, tuple[float, float]]) -> str:
    text = []
    for unsafe, word in ((True, "found"), (False, "flagged")):
        mine = found[probe.unsafe == unsafe]
        if len(mine):
            text.append(f"{word} " + " / ".join(f"{(mine > step).mean():.3f}" for step in at[probe.kind]))
    if len(text) == 2:
        text.append(f"AUPRC {evaluation.average_precision(probe.unsafe, found):.3f}")
    return ", ".join(text)


def variants(work: Work, samples: Sequence[Sample]) -> dict[str, Score]:
    """The shipped heads, and what was tried on the same encoder."""
    bags = work.features([one.text for one in samples])
    wanted = np.array([one.wanted for one in samples])
    weight = np.array([one.weight for one in samples])
    everything = np.arange(len(samples))
    plain = work.heads()
    raw = classifier.raw_figures(plain, bags, everything)
    harmless = (wanted != 1).all(axis=1)
    loudest = raw[:, [COLUMNS[0], *COLUMNS[1:3]]].max(axis=1)
    hard = harmless & (loudest > np.quantile(loudest[harmless], 1 - HARD_SHARE))
    mined = classifier.train(bags, everything, wanted, np.where(hard, HARD_WEIGHT * weight, weight), work.seed)
    calm = classifier.train(bags, everything, wanted, weight, work.seed, energy=ENERGY)
    words = ngrams.train([one.text for one in samples], wanted[:, COLUMNS], weight, work.seed)
    return {
        "as shipped": _by_heads(work, plain),
        "hard examples × 3": _by_heads(work, mined),
        "energy penalty": _by_heads(work, calm),
        "n-grams alone": words.figures,
        "mean with n-grams": _stacked(_by_heads(work, plain), words.figures),
    }


def _by_heads(work: Work, model: classifier.Heads) -> Score:
    def score(texts: list[str]) -> Numbers:
        found = classifier.raw_figures(model, work.features(texts), np.arange(len(texts)))
        return found[:, COLUMNS]

    return score


def _stacked(first: Score, second: Score) -> Score:
    """Half the n-grams' figure on top: logits of one scale."""
    return lambda texts: first(texts) + 0.5 * second(texts)


def run(work: Work, samples: Sequence[Sample], chats: list[str]) -> str:
    """The table."""
    torch.set_num_threads(2)
    return table(variants(work, samples), chats, panel(work))
