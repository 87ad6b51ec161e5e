"""What is known of other languages than English: recall and false alarms each, from rows no head was trained on.

Harmless: `dev/cyberseceval_frr_multi` (translated prompts about code) and held-out own rows. Harmful: held-out parts of
catqa_zh, catqa_vi and of the own rows. Attacks: `cyberseceval_pi_multi`, which is left out of training whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.share import Share
from guardproxy.detectors.embedded import hazards_of
from guardproxy.detectors.model_files import Head
from guardproxy.detectors.scorer import Figures
from guardproxy.training.calibration import REFUSE, WARN
from guardproxy.training.evaluation import QUIET
from guardproxy.training.rows import read, training_rows
from guardproxy.training.seeds import read_seeds

NAMES = {
    "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "ms": "Malay", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "th": "Thai", "tl": "Filipino", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
FEWEST = 8
"""Rows below which a share says nothing and is left out."""
TRANSLATED = "dev/cyberseceval_frr_multi"
ATTACKS = "train/cyberseceval_pi_multi"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text in a language, and what was judged of it: `request` or `attack`."""

    language: str
    text: str
    judges: str
    unsafe: bool

    def __repr__(self) -> str:
        return f"Spoken({self.language}, {self.judges}, {self.unsafe})"


def spoken(data: Path, seeds: Path, seed: int) -> list[Spoken]:
    """Rows of other languages that taught nothing."""
    return [*_shipped(data, TRANSLATED), *_shipped(data, ATTACKS), *_held(data, seeds, seed)]


def _shipped(data: Path, name: str) -> Iterator[Spoken]:
    for given in read(data / f"{name}.jsonl.gz"):
        language = given["lang"].partition("/")[0]
        yield Spoken(language, given["text"], given["judges"], given["unsafe"])


def _held(data: Path, seeds: Path, seed: int) -> Iterator[Spoken]:
    of = {one.text: one.lang for one in read_seeds(seeds, seed) if one.lang != "en"}
    for row in training_rows(data, seeds, seed):
        language = {"catqa_zh": "zh", "catqa_vi": "vi"}.get(row.file) or of.get(row.text, "")
        if language and row.held_out and row.judges in ("request", "attack"):
            yield Spoken(NAMES.get(language, language), row.text, row.judges, row.unsafe)


def table(rows: Sequence[Spoken], heads: Sequence[Head], scores: Figures) -> str:
    """Markdown, a line a language; shares at `warn` / `refuse` with intervals at `refuse`."""
    marks: dict[str, dict[str, list[float]]] = {}
    for row, one in zip(rows, scores, strict=True):
        found = hazards_of(heads, one.tolist(), Stage.INPUT, Scope.USER)
        loudest = max(score for hazard, score in found.items() if hazard not in QUIET)
        kind = "harmless" if not row.unsafe else "attacks" if row.judges == "attack" else "harmful"
        if kind != "harmless" or row.judges == "request":
            marks.setdefault(row.language, {}).setdefault(kind, []).append(loudest)
    lines = [
        "| language | harmless: warned / refused | harmful: found at warn / refuse | attacks: found at warn / refuse |",
        "|---|---|---|---|",
    ]
    for language in sorted(marks):
        cells = [_cell(marks[language].get(kind, [])) for kind in ("harmless", "harmful", "attacks")]
        lines.append(f"| {language} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(found: Sequence[float]) -> str:
    if len(found) < FEWEST:
        return f"(n {len(found)}: too few)"
    warn, refuse = (Share(sum(one >= step for one in found), len(found)) for step in (WARN, REFUSE))
    return f"{warn.hits / warn.of:.2f} / {refuse} (n {len(found)})"
