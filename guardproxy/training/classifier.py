"""The heads: one small network each for requests, content and attacks, on the encoder's features.

A text of several windows is learnt as it is served: by its highest window. What a row does not say is not learnt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from guardproxy.training.embed import Numbers
from guardproxy.training.encoder import FEATURES
from guardproxy.training.labels import CONTENT, HEADS, KINDS, UNKNOWN

HIDDEN, EPOCHS, BATCH, RATE, DECAY, DROPOUT = 192, 8, 512, 1e-3, 0.1, 0.5

MARGIN = 3.0
"""A harmless figure below −3 (probability under .05) costs nothing more."""


@dataclass(frozen=True, slots=True)
class Bags:
    """Texts as windows: features (windows, FEATURES); text n owns `first[n]` … `first[n] + count[n]`."""

    features: Tensor
    first: Numbers
    count: Numbers

    def of(self, texts: Numbers) -> tuple[Tensor, Tensor]:
        """The windows of these texts, and for each window the place of its text in `texts`."""
        counts = self.count[texts]
        places = np.repeat(np.arange(len(texts)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        windows = np.repeat(self.first[texts], counts) + within
        return self.features[torch.from_numpy(windows)].float(), torch.from_numpy(places)


def bags(features: Numbers, owners: Numbers, texts: int) -> Bags:
    """From the output of `embed`, whose windows lie in the order of the texts."""
    count = np.bincount(owners, minlength=texts)
    return Bags(torch.from_numpy(features), np.cumsum(count) - count, count)


class Heads(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Features (windows, FEATURES) → raw figures (windows, len(HEADS))."""

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.mean, self.spread = nn.Parameter(mean, requires_grad=False), nn.Parameter(spread, requires_grad=False)
        self.kinds = nn.ModuleList(
            nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, len(hazards)))
            for hazards in KINDS.values()
        )

    def forward(self, features: Tensor) -> Tensor:
        """Standardised first, so that all features start alike."""
        x = (features - self.mean) / self.spread
        return torch.cat([kind(x) for kind in self.kinds], dim=1)


def highest_windows(raw: Tensor, places: Tensor, texts: int) -> Tensor:
    """(windows, heads) → (texts, heads)."""
    start = torch.full((texts, raw.shape[1]), -1e4)
    return start.scatter_reduce(0, places[:, None].expand_as(raw), raw, "amax")


def loss(raw: Tensor, wanted: Tensor, weight: Tensor, lift: Tensor) -> Tensor:
    """Cross-entropy where something is known; `lift` weighs the positives of a head."""
    known = (wanted != UNKNOWN).float() * weight[:, None]
    each = functional.binary_cross_entropy_with_logits(
        raw, wanted.clamp(min=0).float(), pos_weight=lift, reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1.0)


def lift_of(wanted: Tensor) -> Tensor:
    """Rare hazards weigh more, at most tenfold."""
    yes, no = (wanted == 1).sum(0), (wanted == 0).sum(0)
    return (no / yes.clamp(min=1)).sqrt().clamp(1.0, 10.0)


def energy_of(raw: Tensor, wanted: Tensor) -> Tensor:
    """How far the figures of harmless rows stand above −MARGIN, squared: a penalty beside the cross-entropy."""
    return ((raw + MARGIN).clamp(min=0).square() * (wanted == 0).float()).mean()


def train(given: Bags, texts: Numbers, wanted: Numbers, weight: Numbers, seed: int, *, energy: float = 0.0) -> Heads:
    """Rows: the number of a text, its targets (rows, heads) and its weight. `energy`: weight of `energy_of`."""
    torch.manual_seed(seed)
    sample = given.features[:: max(1, len(given.features) // 20_000)].float()
    model = Heads(sample.mean(0), sample.std(0) + 1e-6)
    targets, weights = torch.from_numpy(wanted), torch.from_numpy(weight).float()
    lift = lift_of(targets)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(texts) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        model.train()
        total = 0.0
        for batch in _batches(len(texts), seed + epoch):
            windows, places = given.of(texts[batch])
            raw = highest_windows(model(windows), places, len(batch))
            cost = loss(raw, targets[batch], weights[batch], lift)
            if energy:
                cost = cost + energy * energy_of(raw, targets[batch])
            optimiser.zero_grad()
            cost.backward()
            optimiser.step()
            schedule.step()
            total += float(cost.detach())
        print(f"  epoch {epoch + 1}: loss {total / (steps / EPOCHS):.4f}", flush=True)
    model.eval()
    return model


def _batches(count: int, seed: int) -> Iterator[Numbers]:
    order = np.random.default_rng(seed).permutation(count)
    for start in range(0, count, BATCH):
        yield order[start : start + BATCH]


def raw_figures(model: Heads, given: Bags, texts: Numbers) -> Numbers:
    """(texts, heads): each text's highest windows."""
    found = []
    with torch.no_grad():
        for start in range(0, len(texts), 2048):
            windows, places = given.of(texts[start : start + 2048])
            found.append(highest_windows(model(windows), places, len(texts[start : start + 2048])).numpy())
    return np.concatenate(found)


class Served(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Features → raw figures of SERVED: the content heads' once more at the end."""

    def __init__(self, model: Heads) -> None:
        super().__init__()
        self.model = model
        self.first = HEADS.index(("content", CONTENT[0]))

    def forward(self, features: Tensor) -> Tensor:
        """(windows, len(SERVED))."""
        raw = self.model(features)
        return torch.cat([raw, raw[:, self.first : self.first + len(CONTENT)]], dim=1)


def export(model: Heads, target: Path) -> None:
    """heads.onnx: `features` → `raw`."""
    torch.onnx.export(
        Served(model).eval(), (torch.zeros((1, FEATURES)),), str(target), input_names=["features"], output_names=["raw"],
        dynamic_axes={"features": {0: "windows"}, "raw": {0: "windows"}}, opset_version=17, dynamo=False,
    )  # fmt: skip
