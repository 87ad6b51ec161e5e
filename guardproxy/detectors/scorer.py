"""The embedded classifiers in memory: a text → one calibrated score a head. Plain CPU work, one thread.

Nothing is cut off: a text is read in windows of `WINDOW` tokens with `OVERLAP` in common, and the highest score of
all windows counts, of the text as it stands and of its canonical reading when that differs. Windows run one by one:
int8 arithmetic scales by what stands in a batch, so a batch would make a score depend on its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from guardproxy.detectors.model_files import FOLDER, heads, verify
from guardproxy.errors import ModelFilesError

WINDOW, OVERLAP = 126, 32
"""Tokens of one look and of two neighbours' common part; 126 + 2 marks; about 500 characters of English."""
LONGEST_WORD = 80
"""Letters in a row after which a cut is made: the tokenizer gives up on words of more than 100 and sees nothing."""
PIECE, SHARED = 16_384, 1024
"""Characters that are brought into canonical form at once, and those two neighbours have in common."""
NAMED_WITHIN = 2.0
"""A name counts when its log-odds are this near to the best name's: odds of seven to one."""
NAMED_FROM = -1.0
"""Log-odds below which no name counts: the harm stays `unspecified`."""
FAINT = 0.3
"""The most that other names score: below every step of the shipped policies."""
DIGITS = 4
"""Decimals of a score: int8 arithmetic differs in the last ones from one kind of processor to another."""

Figures = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Curve:
    """Raw figures → calibrated scores: straight between the knots, level outside them."""

    raw: tuple[float, ...]
    score: tuple[float, ...]


def unchanged(text: str) -> str:
    """The reading of those who want none but the text itself."""
    return text


class Reader:
    """Text → windows of token ids → features. What training and serving have in common."""

    def __init__(self, encoder: Path, tokenizer: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first, self._last = (self._tokenizer.token_to_id(mark) or 0 for mark in ("[CLS]", "[SEP]"))
        self._encoder = session(encoder)

    def windows(self, text: str) -> list[list[int]]:
        """At least one, of at most WINDOW + 2 ids; lone surrogates are read as unknown characters."""
        readable = _cut_long_words(text.encode("utf-8", "replace").decode("utf-8"))
        ids: list[int] = self._tokenizer.encode(readable, add_special_tokens=False).ids
        starts = range(0, max(len(ids) - OVERLAP, 1), WINDOW - OVERLAP)
        return [[self._first, *ids[start : start + WINDOW], self._last] for start in starts]

    def features(self, window: Sequence[int]) -> Figures:
        """Shape (1, features)."""
        found: Figures = self._encoder.run(None, {"ids": np.array([window], dtype=np.int64)})[0]
        return found


class Scorer:
    """Reader, heads and calibration together."""

    def __init__(self, folder: Path = FOLDER, fold: Callable[[str], str] = unchanged) -> None:
        self.revision = verify(folder)
        self.heads = heads(folder)
        self._fold = fold
        self._reader = Reader(folder / "encoder.onnx", folder / "tokenizer.json")
        self._heads = session(folder / "heads.onnx")
        given = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
        self._curves = [Curve(tuple(one["raw"]), tuple(one["score"])) for one in given["curves"]]
        self._gates = dict(given["gates"])
        widths = {len(self.heads), len(self._curves), self._heads.get_outputs()[0].shape[1]}
        if len(widths) != 1:
            raise ModelFilesError(f"{folder}: heads.onnx, heads.json and calibration.json do not fit together")

    def steps(self, text: str) -> Iterator[tuple[float, ...]]:
        """One tuple a window, in the order of `heads`: the caller keeps the highest, and may stop in between.

        The canonical reading is made piece by piece; where a piece holds nothing odd, figures already given are given
        again, so that no step takes long.
        """
        for window in self._reader.windows(text):
            latest = self._judged(window)
            yield latest
        for start in range(0, max(len(text) - SHARED, 1), PIECE - SHARED):
            piece = text[start : start + PIECE]
            folded = self._fold(piece)
            for window in self._reader.windows(folded) if folded != piece else ():
                latest = self._judged(window)
                yield latest
            if len(text) > PIECE:
                yield latest

    def score(self, text: str) -> tuple[float, ...]:
        """The highest score of each head over all windows and readings."""
        return highest(self.steps(text))

    def _judged(self, window: Sequence[int]) -> tuple[float, ...]:
        return self._calibrated(self._heads.run(None, {"features": self._reader.features(window)})[0][0])

    def _calibrated(self, raw: Figures) -> tuple[float, ...]:
        scores = [
            round(float(np.interp(figure, curve.raw, curve.score)), DIGITS)
            for figure, curve in zip(raw, self._curves, strict=True)
        ]
        return tuple(gated(np.array([scores]), raw[np.newaxis], self._gates)[0].tolist())


def gated(scores: Figures, raw: Figures, gates: Mapping[int, int]) -> Figures:
    """(texts, heads): a gated head's score is at most that of its gate, and faint unless it is among the best names.

    The heads of one gate all rise with any harm; which one it is, their raw figures (log-odds) say. Not a number stays
    not a number.
    """
    found = scores.copy()
    for gate in set(gates.values()):
        mine = [head for head, its in gates.items() if its == gate]
        least = np.maximum(raw[:, mine].max(axis=1, keepdims=True) - NAMED_WITHIN, NAMED_FROM)
        behind = raw[:, mine] < least
        most = np.where(behind, np.minimum(FAINT, scores[:, [gate]]), scores[:, [gate]])
        found[:, mine] = np.minimum(scores[:, mine], most)
    return found


def highest(steps: Iterator[tuple[float, ...]]) -> tuple[float, ...]:
    """The maximum of each place; not a number stays not a number."""
    best = next(steps)
    for step in steps:
        best = tuple(new if new > old or new != new else old for old, new in zip(best, step, strict=True))  # noqa: PLR0124
    return best


def session(path: Path) -> onnxruntime.InferenceSession:
    """One thread and no memory pool: many small sessions stay small."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _cut_long_words(text: str) -> str:
    """A space after LONGEST_WORD characters without one; other texts come back as they are."""
    if max(map(len, text.split()), default=0) <= LONGEST_WORD:
        return text
    return " ".join(word[n : n + LONGEST_WORD] for word in text.split() for n in range(0, len(word), LONGEST_WORD))
