"""Rows to learn from: `train/`, the authored contrast rows, our own templates, and composed documents.

Rules of data/README.md 1: nothing of `dev/` is read here, nothing of the published benchmarks anywhere. The files of
`train/` come cleaned of rows near those benchmarks; own templates name harms in general words and quote none.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from guardproxy.training import documents, templates
from guardproxy.training.labels import FAMILIES, Known, weak_hazards

CAPS = {
    "gpteacher_code": 1500, "gpteacher_tool": 900, "cyberseceval_instruct": 1100, "harmfulqa": 1000,
    "davidson": 3600, "edos": 4200, "diasafety_train": 3000, "cyberseceval_interpreter": 300,
}  # fmt: skip
"""Rows kept of large or one-shaped files, chosen by the hash in the row's id."""
LEFT_OUT = {
    "catqa_zh": "no harmless rows in that language", "catqa_vi": "no harmless rows in that language",
    "cyberseceval_pi_multi": "no harmless rows in those languages", "pii_spans_refilled": "spans, not judged for harm",
    "openai_rbr_gold_train": "refusal style, not judged for harm", "bipia_payloads_train": "only inside documents",
}  # fmt: skip
PLAIN_OVERRIDES = frozenset({"ignore_previous_instructions", "system_mode", "mixed_techniques", "virtualization"})
"""Variants of cyberseceval_pi that mean something without their system prompt."""
CALIBRATION_FILES = frozenset({"self_instruct_seed", "vsr_domain_questions"})
"""Harmless files no head is trained on: what thresholds are set with must be new to the heads."""
HELD_OUT = 12
"""Percent of all other rows kept from training, for calibration."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text and what is known of it.

    `judges`: `request`, `content` or `attack`. `hazards` of a harmful row: ids of the tree; `certain` is false where
    they were guessed from words. `held_out` rows are for calibration alone.
    """

    id: str
    file: str
    text: str
    judges: str
    unsafe: bool
    hazards: frozenset[str] = frozenset()
    certain: bool = True
    held_out: bool = False
    policy_dependent: bool = False

    @property
    def known(self) -> Known:
        """What it teaches."""
        return Known(self.judges, self.file, self.unsafe, self.hazards, self.policy_dependent)

    def __repr__(self) -> str:
        return f"Row({self.id})"


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def part_of(name: str, hundred: int = 100) -> int:
    """0 ≤ n < hundred, from the name's hash: the same row always falls on the same side."""
    return int(sha256(name.encode()).hexdigest()[:12], 16) % hundred


def training_rows(data: Path, seed: int) -> list[Row]:
    """Everything to learn from and to calibrate with, in a fixed order."""
    found: list[Row] = []
    for path in sorted((data / "train").glob("*.jsonl.gz")):
        file = path.name.removesuffix(".jsonl.gz")
        if file not in LEFT_OUT:
            rows = [one for given in read(path) for one in _shipped(file, given)]
            rows.sort(key=lambda row: part_of(row.id, 2**40))
            found += rows[: CAPS.get(file, len(rows))]
    found += [row for given in read(data / "authored" / "contrast.jsonl.gz") for row in _contrast(given)]
    found += [_made(f"templates:{n}", *one) for n, one in enumerate(templates.rows(random.Random(seed)))]
    payloads = [given["text"] for given in read(data / "train" / "bipia_payloads_train.jsonl.gz")]
    clean = [row.text for row in found if row.file == "contrast/ctx_clean"]
    overrides = [row.text for row in found if row.file in ("contrast/att_over", "contrast/att_extract")]
    made = documents.compose(clean, payloads + overrides, random.Random(seed))
    found += [_made(f"documents:{n}", text, "attack", unsafe) for n, (text, unsafe) in enumerate(made)]
    return found


def _shipped(file: str, given: dict[str, Any]) -> Iterator[Row]:
    """One row of `train/`; pairs are judged by their answer, as content."""
    id_, judges, unsafe = given["id"], given["judges"], given["unsafe"]
    held = file in CALIBRATION_FILES or part_of(id_) < HELD_OUT
    hazards, certain = frozenset(given["hazards"]), True
    labels = given["labels"]
    if given.get("response") and judges == "request":  # benign tasks with their answers
        yield Row(id_ + ":answer", file + "/answer", given["response"], "content", unsafe=False, held_out=held)
    if unsafe is None or (file == "cyberseceval_pi" and labels["injection_variant"] not in PLAIN_OVERRIDES):
        return
    text = given["text"]
    if judges == "response":
        text, judges = given["response"], "content"
    if unsafe and hazards == {"unspecified"} and judges == "request":
        hazards, certain = weak_hazards(given["text"]) or hazards, False
    if text.strip():
        dependent = bool(isinstance(labels, dict) and labels.get("policy_dependent"))
        yield Row(id_, file, text, judges, unsafe, hazards, certain, held, dependent)


def _contrast(given: dict[str, Any]) -> Iterator[Row]:
    """An authored row, as request, content and attack, as far as it was judged."""
    family, text = given["family"], given["text"]
    held = part_of(text[:40]) < HELD_OUT  # texts with one beginning stay on one side
    for judges in ("request", "content", "attack"):
        judged = given[judges if judges == "attack" else judges + "_harm"]
        if judged >= 0:
            hazards = FAMILIES.get(family, frozenset({"unspecified"})) if judged else frozenset()
            certain = hazards != {"unspecified"}
            if judged and not certain:
                hazards = weak_hazards(text) or hazards
            id_ = f"{given['id']}:{judges}"
            yield Row(id_, "contrast/" + family, text, judges, bool(judged), hazards, certain, held)


def _made(id_: str, text: str, judges: str, unsafe: bool, hazards: frozenset[str] = frozenset()) -> Row:  # noqa: FBT001
    file = id_.partition(":")[0]
    if unsafe and judges == "attack":
        hazards = frozenset({"attack.injection"})
    return Row(id_, file, text, judges, unsafe, hazards, held_out=part_of(id_) < HELD_OUT)
