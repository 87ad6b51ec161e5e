"""Training rows against rows they must not resemble: `dev/` and, where somebody has them, the published benchmarks.

A row leaks when it equals one of them after normalisation, shares half of its word trigrams with one (Jaccard ≥ 0.5),
or contains one word for word (data/README.md 1.4). Long texts are compared by their first words as well.
`python -m guardproxy.training.leakage --data ../shared/data [--against FILE.jsonl.gz …]`; exit 1 names ids, never texts.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from guardproxy.training.rows import read, training_rows
from guardproxy.training.seeds import trigrams, words_of

JACCARD = 0.5
SHORTEST = 4
"""Words from which containment says something; shorter prompts are found in any text."""
HEAD = 40
"""Words of a long text that are compared once more by themselves."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A training row and the row it resembles; `how`: `equal`, `near` or `contains`."""

    row: str
    other: str
    how: str


class Index:
    """Rows to keep away from, by word trigrams."""

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        self._ids: list[str] = []
        self._grams: list[frozenset[str]] = []
        self._whole: list[str] = []
        self._at: dict[str, list[int]] = {}
        for id_, text in rows:
            words = words_of(text)
            for part in (words, words[:HEAD]) if len(words) > HEAD else (words,):
                self._add(id_, part)

    def _add(self, id_: str, words: Sequence[str]) -> None:
        grams = frozenset(trigrams(words))
        for gram in grams:
            self._at.setdefault(gram, []).append(len(self._ids))
        self._ids.append(id_)
        self._grams.append(grams)
        self._whole.append(" ".join(words))

    def leak(self, row: str, text: str) -> Leak | None:
        """The first resemblance of a text."""
        words = words_of(text)
        for part in (words, words[:HEAD]) if len(words) > HEAD else (words,):
            grams, whole = frozenset(trigrams(part)), " ".join(part)
            shared = Counter(other for gram in grams for other in self._at.get(gram, ()))
            for other, common in shared.items():
                how = self._resembles(other, common, grams, whole)
                if how:
                    return Leak(row, self._ids[other], how)
        return None

    def _resembles(self, other: int, common: int, grams: frozenset[str], whole: str) -> str:
        theirs = self._whole[other]
        if theirs == whole:
            return "equal"
        if common / (len(grams) + len(self._grams[other]) - common) >= JACCARD:
            return "near"
        complete = common == len(self._grams[other]) and theirs.count(" ") + 1 >= SHORTEST
        return "contains" if complete and f" {theirs} " in f" {whole} " else ""


def leaks(rows: Iterable[tuple[str, str]], away_from: Iterable[tuple[str, str]]) -> list[Leak]:
    """(id, text) of training rows that resemble one of `away_from`."""
    index = Index(away_from)
    found = (index.leak(id_, text) for id_, text in rows)
    return [leak for leak in found if leak is not None]


def main(arguments: Sequence[str]) -> int:
    """Counts per file and kind, and every id of our own rows."""
    parser = argparse.ArgumentParser(prog="python -m guardproxy.training.leakage", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=Path, default=Path("seeds"))
    parser.add_argument("--against", type=Path, nargs="*", help="gzipped JSON lines with `id` and `text`")
    given = parser.parse_args(arguments)
    paths = given.against or sorted((given.data / "dev").glob("*.jsonl.gz"))
    away = [(one["id"], one["text"]) for path in paths for one in read(path)]
    rows = training_rows(given.data, given.seeds, 7)
    found = leaks({row.text: (row.id, row.text) for row in rows}.values(), away)
    for leak in found:
        print(leak.how, leak.row, leak.other)
    print(f"{len(found)} of {len(rows)} rows resemble one of {len(away)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
