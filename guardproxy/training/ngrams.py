"""A second reading beside the encoder: hashed n-grams of characters and words under a logistic model, for comparison.

It learns words and endings by heart where the encoder learns meanings. `python -m guardproxy.training ablate` says what
it would bring; it does not ship.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from guardproxy.training.embed import Numbers
from guardproxy.training.labels import UNKNOWN

BITS = 18
LETTERS = (3, 4, 5, 6)
"""Lengths of the character n-grams, in bytes of UTF-8."""
LONGEST = 4000
EPOCHS, BATCH, RATE, FALL, CHUNK = 3, 256, 2e-2, 0.4, 512
_MIX = np.uint64(0x9E3779B97F4A7C15)


def grams(text: str) -> Numbers:
    """Numbers of the n-grams of a text, each once; 0 where there is none."""
    words = text.lower().split()
    data = np.frombuffer(f" {' '.join(words)} ".encode("utf-8", "replace")[:LONGEST], dtype=np.uint8).astype(np.uint64)
    found = []
    for length in LETTERS:
        if len(data) >= length:
            mixed = np.zeros(len(data) - length + 1, dtype=np.uint64)
            for place in range(length):
                mixed = mixed * np.uint64(1_000_003) + data[place : len(data) - length + 1 + place] + np.uint64(length)
            found.append(mixed)
    named = np.array([crc32(word.encode("utf-8", "replace")) for word in words], dtype=np.uint64)
    found += [named, named[:-1] * np.uint64(31) + named[1:] * np.uint64(17) + np.uint64(7)]
    numbers = np.unique((np.concatenate(found) * _MIX) >> np.uint64(64 - BITS)).astype(np.int64)
    return numbers if len(numbers) else np.zeros(1, dtype=np.int64)


class Ngrams(nn.Module):  # type: ignore[misc]  # torch is not followed
    """Sum of the n-grams' weights over the root of their count, one figure a head."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.weights = nn.EmbeddingBag(2**BITS, heads, mode="sum")
        nn.init.zeros_(self.weights.weight)
        self.bias = nn.Parameter(torch.full((heads,), -2.0))

    def forward(self, numbers: Sequence[Numbers]) -> Tensor:
        """Texts as numbers → (texts, heads)."""
        counts = np.array([len(one) for one in numbers])
        starts = torch.from_numpy(np.cumsum(counts) - counts)
        summed = self.weights(torch.from_numpy(np.concatenate(numbers)), starts)
        return summed / torch.from_numpy(counts).float().sqrt()[:, None] + self.bias

    def figures(self, texts: Sequence[str]) -> Numbers:
        """(texts, heads)."""
        with torch.no_grad():
            return np.concatenate([
                self([grams(text) for text in texts[start : start + CHUNK]]).numpy()
                for start in range(0, len(texts), CHUNK)
            ])  # fmt: skip


def train(texts: Sequence[str], wanted: Numbers, weight: Numbers, seed: int) -> Ngrams:
    """`wanted` (texts, heads): 1, 0, or UNKNOWN."""
    torch.manual_seed(seed)
    model = Ngrams(wanted.shape[1])
    numbers = [grams(text) for text in texts]
    targets, weights = torch.from_numpy(wanted).float(), torch.from_numpy(weight).float()
    for epoch in range(EPOCHS):
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE * FALL**epoch)
        order = np.random.default_rng(seed + epoch).permutation(len(texts))
        for start in range(0, len(texts), BATCH):
            batch = order[start : start + BATCH]
            raw = model([numbers[n] for n in batch])
            known = (targets[batch] != UNKNOWN).float() * weights[batch][:, None]
            each = functional.binary_cross_entropy_with_logits(raw, targets[batch].clamp(min=0), reduction="none")
            optimiser.zero_grad()
            ((each * known).sum() / known.sum().clamp(min=1.0)).backward()
            optimiser.step()
    return model
