"""The shipped folder: files, thresholds, manifest; and the table of the card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from guardproxy.core.share import Share
from guardproxy.detectors.model_files import Head
from guardproxy.training.calibration import REFUSE, WARN
from guardproxy.training.evaluation import Line

MODEL_FILES = ("encoder.onnx", "heads.onnx", "tokenizer.json", "calibration.json")
REPORTS = ("report.md", "languages.md")
KEPT = ("card.md", "NOTICE", "LICENSE")
"""Written by hand; the export leaves them and adds their hashes."""
LARGEST = 30_000_000
"""Bytes of the whole folder."""


def ship(work: Path, target: Path, heads: Sequence[Head]) -> None:
    """Copies the model, writes heads.json, thresholds.json, report.md and last the manifest."""
    target.mkdir(parents=True, exist_ok=True)
    for name in (*MODEL_FILES, *REPORTS):
        shutil.copyfile(work / name, target / name)
    _write(target / "heads.json", {"heads": [{"judges": h.judges, "hazard": h.hazard} for h in heads]})
    steps = {"log": 0.4, "warn": WARN, "refuse": REFUSE}
    _write(target / "thresholds.json", dict.fromkeys(sorted({h.hazard for h in heads if h.judges != "refusal"}), steps))
    positives = json.loads((work / "positives.json").read_text(encoding="utf-8"))
    _write(
        target / "training.json",
        {"rows": json.loads((work / "rows.json").read_text(encoding="utf-8")), "positives": positives},
    )
    names = [
        *MODEL_FILES,
        *REPORTS,
        "heads.json",
        "thresholds.json",
        "training.json",
        *(n for n in KEPT if (target / n).exists()),
    ]
    files = {name: sha256((target / name).read_bytes()).hexdigest() for name in sorted(names)}
    _write(
        target / "manifest.json", {"name": "embedded", "licence": "Apache-2.0; attributions in NOTICE", "files": files}
    )
    size = sum((target / name).stat().st_size for name in names)
    if size > LARGEST:
        raise ValueError(f"{size} bytes are more than the {LARGEST} that may ship")
    print(f"shipped {size} bytes to {target}")


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def table(lines: Sequence[Line], named: Mapping[str, tuple[Share, Share]]) -> str:
    """Markdown: a line a set and class, then the right family per set and hazard."""
    text = [
        "| set | rows | figure | at warn 0.5 | at refuse 0.9 | AUPRC | length only |",
        "|---|--:|---|---|---|---|---|",
    ]
    text += [f"| {x.set} | {x.rows} | {x.what} | {x.warn} | {x.refuse} | {x.auprc} | {x.length_only} |" for x in lines]
    text += ["", "| set: hazard | rows | family named at 0.5 | at 0.9 |", "|---|--:|---|---|"]
    text += [f"| {key} | {warn.of} | {warn} | {refuse} |" for key, (warn, refuse) in named.items()]
    return "\n".join(text) + "\n"
