"""Rows to learn from: `train/`, the authored contrast rows, our own templates, and composed documents.

Rules of data/README.md 1: nothing of `dev/` is read here, nothing of the published benchmarks anywhere. The files of
`train/` come cleaned of rows near those benchmarks; own templates name harms in general words and quote none.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from guardproxy.training import documents, templates
from guardproxy.training.labels import FAMILIES, Known, weak_hazards
from guardproxy.training.seeds import Seed, read_seeds

CAPS = {
    "gpteacher_code": 1500, "gpteacher_tool": 900, "cyberseceval_instruct": 1100, "harmfulqa": 1000,
    "davidson": 3600, "edos": 4200, "diasafety_train": 3000, "cyberseceval_interpreter": 300, "catqa_zh": 250,
    "catqa_vi": 250,
}  # fmt: skip
"""Rows kept of large or one-shaped files, chosen by the hash in the row's id."""
LEFT_OUT = {
    "cyberseceval_pi_multi": "an attack only with its system prompt", "pii_spans_refilled": "spans, not judged for harm",
    "bipia_payloads_train": "only inside documents",
}  # fmt: skip
PLAIN_OVERRIDES = frozenset({"ignore_previous_instructions", "system_mode", "mixed_techniques", "virtualization"})
"""Variants of cyberseceval_pi that mean something without their system prompt."""
NEAR_DEV = frozenset({
    "aegis_train_sample:7a02752c5df6", "davidson:b6a18eed2792", "edos:b9ac66b7f214", "jailbreak_llms:3c21f8bf3812",
    "jailbreak_llms:2e8cd76c1bf1", "toxigen_demonstrations:e19a643724b4", "toxigen_prompt_sentences:e24a4734d676",
})  # fmt: skip
"""Rows that contain or nearly equal a row of `dev/`, as `guardproxy.training.leakage` found them: left out."""
DECLINES = re.compile(
    r"i'?m sorry|i apologi[sz]e|\bi (can ?not|can'?t|won'?t|will not)\b|\bi am (not able|unable)|\bi'm (not able|unable)"
    r"|as an ai|against my|unable to (assist|provide|fulfil|help)|not (able|comfortable|appropriate|ethical)|must decline"
)
"""Words of a refusal, looked for at the beginning of answers that people judged no compliance: weak labels."""
DECLINES_WITHIN = 200
CALIBRATION_FILES = frozenset({"self_instruct_seed", "vsr_domain_questions"})
"""Harmless files no head is trained on: what thresholds are set with must be new to the heads."""
CALIBRATION_SEEDS = "heldout"
"""How the names of our own files begin that are for calibration alone."""
HELD_OUT = 12
"""Percent of all other rows kept from training, for calibration."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text and what is known of it.

    `judges`: `request`, `content`, `attack`, `response` or `refusal` (whether an answer declines). `hazards` of a harmful row: ids of the tree; `certain` is false where
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


def training_rows(data: Path, seeds: Path, seed: int) -> list[Row]:
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
    written = read_seeds(seeds, seed) if seeds.is_dir() else []
    found += [row for one in written for row in _written(one)]
    found += _composed(data, found, written, seed)
    return found


def _composed(data: Path, found: Sequence[Row], written: Sequence[Seed], seed: int) -> Iterator[Row]:
    """Documents with and without an order to the machine; held-out parts make held-out documents alone."""
    bare = [given["text"] for given in read(data / "train" / "bipia_payloads_train.jsonl.gz")]
    bare += [row.text for row in found if row.file in ("contrast/att_over", "contrast/att_extract")]
    bare += [one.text for one in written if one.family in ("payload", "override")]
    human = [one.text for one in written if one.family in ("payload_ok", "trigger_ok")]
    clean = [row.text for row in found if row.file == "contrast/ctx_clean"]
    clean += [one.text for one in written if one.family.startswith("doc_") and one.family.endswith("_ok")] * 4
    for held in (False, True):
        parts = documents.Parts(
            *([t for t in texts if (part_of(t[:60]) < HELD_OUT) is held] for texts in (clean, bare, human))
        )
        made = documents.compose(parts, random.Random(seed + held), held=held)
        for n, (text, unsafe) in enumerate(made):
            yield _made(f"documents:{held:d}{n}", text, "attack", unsafe, held=held)


def _shipped(file: str, given: dict[str, Any]) -> Iterator[Row]:
    """One row of `train/`; pairs are judged by their answer, as content."""
    id_, judges, unsafe = given["id"], given["judges"], given["unsafe"]
    held = file in CALIBRATION_FILES or part_of(id_) < HELD_OUT
    hazards, certain = frozenset(given["hazards"]), True
    labels = given["labels"]
    if id_ in NEAR_DEV:
        return
    if given.get("response") and judges == "request":  # benign tasks with their answers
        yield Row(id_ + ":answer", file + "/answer", given["response"], "content", unsafe=False, held_out=held)
    if judges == "refusal_style":
        declined = declines(labels["propositions"])
        if declined is not None:
            yield Row(id_, file, given["response"], "refusal", declined, held_out=held)
        return
    if unsafe is None or (file == "cyberseceval_pi" and labels["injection_variant"] not in PLAIN_OVERRIDES):
        return
    text = given["text"]
    if judges == "response":
        text, judges = given["response"], "response" if file == "gptfuzz_responses_train" else "content"
    if unsafe and hazards == {"unspecified"} and judges == "request":
        hazards, certain = weak_hazards(given["text"]) or hazards, False
    if judges == "response" and (unsafe or DECLINES.search(text[:DECLINES_WITHIN].lower())):
        yield Row(id_ + ":refusal", file, text, "refusal", not unsafe, certain=False, held_out=held)
    if text.strip():
        dependent = bool(isinstance(labels, dict) and labels.get("policy_dependent"))
        yield Row(id_, file, text, judges, unsafe, hazards, certain, held, dependent)


def declines(stated: Mapping[str, bool]) -> bool | None:
    """Whether people's notes on an answer say that it declines; None where they say neither that nor full help."""
    if stated["fully_complies"]:
        return False
    said_no = stated["inability_to_comply"] or stated["reference_safety_policy"] or stated["meta_commentary"]
    return True if said_no and not stated["partially_complies"] else None


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


def _written(one: Seed) -> Iterator[Row]:
    """A row of our own seeds, once a judgement; answers are judged without their prompts."""
    text = one.answer or one.text
    held = one.file.startswith(CALIBRATION_SEEDS) or part_of(f"{one.file} {one.text[:40]}") < HELD_OUT
    for judges, unsafe in one.judged.items():
        attacks = frozenset(hazard for hazard in one.hazards if hazard.startswith("attack."))
        mine = attacks if judges == "attack" else one.hazards - attacks
        hazards = (
            (mine or frozenset({"attack.jailbreak" if judges == "attack" else "unspecified"}))
            if unsafe
            else mine - mine
        )
        if not unsafe and "harassment.profanity" in one.hazards and judges == "content":
            hazards = frozenset({"harassment.profanity"})
        yield Row(f"{one.id}:{judges}", f"seeds/{one.family}", text, judges, unsafe, hazards, held_out=held)


def _made(
    id_: str, text: str, judges: str, unsafe: bool, hazards: frozenset[str] = frozenset(), *, held: bool | None = None,  # noqa: FBT001
) -> Row:  # fmt: skip
    file = id_.partition(":")[0]
    if unsafe and judges == "attack":
        hazards = frozenset({"attack.injection"})
    return Row(id_, file, text, judges, unsafe, hazards, held_out=part_of(id_) < HELD_OUT if held is None else held)
