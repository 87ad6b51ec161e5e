"""Fine-tuning of the encoder with throw-away heads; the shipped heads are trained afterwards, on the int8 file.

Word embeddings and the lower layers stay frozen (rows are few). One window of a text at a time, drawn anew
each time; texts of like length share a batch. Leaves a checkpoint every minute, from which it goes on or is exported.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guardproxy.training.classifier import Heads, lift_of, loss
from guardproxy.training.encoder import FEATURES, Encoder
from guardproxy.training.samples import Sample, weight_of

BATCH = 32
SHARES = {"contrast": 0.8, "edos": 0.4, "davidson": 0.4, "gptfuzz": 0.5, "diasafety": 0.3, "gpteacher_code/answer": 0.4,
          "gpteacher_tool": 0.5, "gpteacher_roleplay/answer": 0.4, "seeds": 1.0, "documents": 0.8}  # fmt: skip
"""Share of samples that take part, by the beginning of the file's name: minutes are few."""
FROZEN = 2
"""Lower layers that stay as they are: words are known already, and it saves a quarter of the time."""
CHECKPOINT_S = 60
WHOLE = ("documents", "seeds/doc_")
"""Files of which a window may lack what the label is about: texts longer than one window are left out here."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast. `tokens`: longest window; `seconds`: wall time at most."""

    seconds: float
    tokens: int = 64
    encoder_rate: float = 5e-5
    head_rate: float = 1e-3
    seed: int = 7


def finetune(model: Encoder, samples: Sequence[Sample], folder: Path, plan: Plan) -> Encoder:
    """One pass over the chosen samples of at most `plan.seconds`, with a warm start and a falling rate."""
    chance = random.Random(plan.seed)
    torch.manual_seed(plan.seed)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    chosen = [one for one in samples if chance.random() < weight_of(one.file, SHARES)]
    ids = [one.ids for one in tokenizer.encode_batch([one.text[:6000] for one in chosen], add_special_tokens=False)]
    kept = [n for n, one in enumerate(chosen) if not one.file.startswith(WHOLE) or len(ids[n]) <= plan.tokens]
    chosen, ids = [chosen[n] for n in kept], [ids[n] for n in kept]
    wanted = torch.tensor([one.wanted for one in chosen])
    weight = torch.tensor([one.weight for one in chosen])
    head = _heads(folder)
    for frozen in (model.word, model.position, model.norm, *model.layers[:FROZEN]):
        frozen.requires_grad_(False)  # noqa: FBT003
    groups = [
        {"params": [p for p in model.parameters() if p.requires_grad], "lr": plan.encoder_rate},
        {"params": [p for p in head.parameters() if p.requires_grad], "lr": plan.head_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    lift, started, recent = lift_of(wanted), time.monotonic(), 0.0
    model.train()
    saved = started
    for done, batch in enumerate(_batches(ids, plan.tokens, chance), start=1):
        spent = time.monotonic() - started
        if spent > plan.seconds:
            break
        fall = min(1.0, done / 60) * max(0.02, 1 - max(spent / plan.seconds, done * BATCH / len(ids)))
        for group, rate in zip(optimiser.param_groups, (plan.encoder_rate, plan.head_rate), strict=True):
            group["lr"] = rate * fall
        tokens, mask = _padded([ids[n] for n in batch], plan.tokens, chance)
        cost = loss(head(model(tokens, mask)), wanted[batch], weight[batch], lift)
        optimiser.zero_grad()
        cost.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        recent = 0.98 * recent + 0.02 * float(cost.detach())
        if done % 50 == 0:
            print(f"  {done} of {len(ids) // BATCH} batches, {spent:.0f} s, loss {recent:.4f}", flush=True)
        if time.monotonic() - saved > CHECKPOINT_S:
            _save(model, head, folder)
            saved = time.monotonic()
    _save(model, head, folder)
    model.eval()
    return model


def _heads(folder: Path) -> Heads:
    """Those of the last pass, or new ones."""
    head = Heads(torch.zeros(FEATURES), torch.full((FEATURES,), 0.5))
    if (folder / "pass_heads.pt").exists():
        head.load_state_dict(torch.load(folder / "pass_heads.pt", weights_only=True))
    return head


def _save(model: Encoder, head: Heads, folder: Path) -> None:
    torch.save(model.state_dict(), folder / "encoder.pt")
    torch.save(head.state_dict(), folder / "pass_heads.pt")


def _batches(ids: Sequence[list[int]], tokens: int, chance: random.Random) -> Iterator[list[int]]:
    """Every row once, batches of like length in random order."""
    order = sorted(range(len(ids)), key=lambda n: min(len(ids[n]), tokens) + chance.random() * 4)
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    chance.shuffle(batches)
    yield from batches


def _padded(texts: Sequence[list[int]], longest: int, chance: random.Random) -> tuple[Tensor, Tensor]:
    """A window of each, with the marks 101 and 102 of this tokenizer, padded to the longest."""
    windows = []
    for ids in texts:
        start = chance.randrange(max(1, len(ids) - longest + 1))
        windows.append([101, *ids[start : start + longest], 102])
    width = max(map(len, windows))
    tokens = torch.tensor([window + [0] * (width - len(window)) for window in windows])
    mask = torch.tensor([[1.0] * len(window) + [0.0] * (width - len(window)) for window in windows])
    return tokens, mask
