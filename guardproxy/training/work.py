"""Where a training run reads and writes: rows, features, heads and results of one folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from guardproxy.training import classifier, encoder
from guardproxy.training.embed import embed
from guardproxy.training.rows import Row, training_rows


@dataclass(frozen=True)
class Work:
    """`data`: the shared rows; `seeds`: our own; `folder`: results; `leave_out`: files that take no part."""

    data: Path
    seeds: Path
    folder: Path
    seed: int = 7
    leave_out: frozenset[str] = frozenset()

    @cached_property
    def rows(self) -> list[Row]:
        """Rows to learn from and to calibrate with."""
        return [row for row in training_rows(self.data, self.seeds, self.seed) if row.file not in self.leave_out]

    @property
    def learnt(self) -> list[Row]:
        """Rows that take part in training."""
        return [row for row in self.rows if not row.held_out]

    def features(self, texts: list[str], model: str = "encoder.onnx") -> classifier.Bags:
        """Windows of these texts, from the kept ones or new."""
        found, owners = embed(texts, self.folder / model, self.folder / "tokenizer.json", self.folder / "cache")
        return classifier.bags(found, owners, len(texts))

    def heads(self) -> classifier.Heads:
        """The trained heads."""
        model = classifier.Heads(torch.zeros(encoder.FEATURES), torch.ones(encoder.FEATURES))
        model.load_state_dict(torch.load(self.folder / "heads.pt", weights_only=True))
        model.eval()
        return model

    def write(self, name: str, content: Any) -> None:
        """A result as JSON."""
        (self.folder / name).write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")

    def read(self, name: str) -> Any:
        """An earlier step's result."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))
