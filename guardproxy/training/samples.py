"""Rows of one text brought together: what each head is told of it, for training in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from guardproxy.training.labels import targets
from guardproxy.training.rows import Row

WEAKLY_NAMED = 0.8
"""Weight of rows whose hazard was guessed from words."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One text with a target a head (1, 0, or -1 for not judged) and its weight."""

    text: str
    file: str
    wanted: tuple[int, ...]
    weight: float

    def __repr__(self) -> str:
        return f"Sample({self.file}, {len(self.text)} characters)"


def merged(rows: Iterable[Row], weights: Mapping[str, float]) -> list[Sample]:
    """In the order of first appearance. A positive of any row wins over a negative, that over not judged."""
    found: dict[str, Sample] = {}
    for row in rows:
        wanted = targets(row.known)
        weight = weight_of(row.file, weights) * (1.0 if row.certain else WEAKLY_NAMED)
        old = found.get(row.text)
        if old is not None:
            wanted = [max(pair) for pair in zip(wanted, old.wanted, strict=True)]
            weight = max(weight, old.weight)
        found[row.text] = Sample(row.text, row.file if old is None else old.file, tuple(wanted), weight)
    return list(found.values())


def weight_of(file: str, weights: Mapping[str, float]) -> float:
    """The weight of the longest name that begins the file's."""
    fitting = [name for name in weights if file.startswith(name)]
    return weights[max(fitting, key=len)] if fitting else 1.0
