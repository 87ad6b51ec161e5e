"""A short fine-tuning of the encoder with throw-away heads; the shipped heads are trained afterwards, on the int8 file.

Word embeddings and the lower layers stay frozen (rows are few). One window of a text at a time, drawn anew
each time; texts of like length share a batch. Leaves a checkpoint every minute, from which `--from-checkpoint` exports.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import process_time

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guardproxy.training.classifier import Heads, lift_of, loss
from guardproxy.training.encoder import FEATURES, Encoder
from guardproxy.training.labels import targets
from guardproxy.training.rows import Row

TOKENS_AT_MOST, BATCH, ENCODER_RATE, HEAD_RATE = 64, 32, 5e-5, 1e-3
LIMITS = {"contrast": 0.5, "edos": 0.5, "davidson": 0.5, "gptfuzz": 0.5, "diasafety": 0.4, "documents": 0.7}
"""Share of rows that take part, by the beginning of the file's name: minutes are few."""
FROZEN = 2
"""Lower layers that stay as they are: words are known already, and it saves a quarter of the time."""
CHECKPOINT_S = 60


def finetune(model: Encoder, rows: Sequence[Row], folder: Path, seed: int, seconds: float) -> Encoder:
    """One pass of at most `seconds` of all cores' time together, with a warm start and a falling rate."""
    chance = random.Random(seed)
    torch.manual_seed(seed)
    chosen = [row for row in rows if chance.random() < _share(row.file)]
    wanted = torch.tensor([targets(row.known) for row in chosen])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = [one.ids for one in tokenizer.encode_batch([row.text for row in chosen], add_special_tokens=False)]
    head = Heads(torch.zeros(FEATURES), torch.full((FEATURES,), 0.5))
    for frozen in (model.word, model.position, model.norm, *model.layers[:FROZEN]):
        frozen.requires_grad_(False)  # noqa: FBT003
    groups = [
        {"params": [p for p in model.parameters() if p.requires_grad], "lr": ENCODER_RATE},
        {"params": [p for p in head.parameters() if p.requires_grad], "lr": HEAD_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    lift, started, done, recent = lift_of(wanted), process_time(), 0, 0.0
    model.train()
    saved = started
    for batch in _batches(ids, chance):
        spent = process_time() - started
        if spent > seconds:
            break
        fall = min(1.0, (done + 1) / 60) * max(0.02, 1 - max(spent / seconds, done * BATCH / len(ids)))
        for group, rate in zip(optimiser.param_groups, (ENCODER_RATE, HEAD_RATE), strict=True):
            group["lr"] = rate * fall
        tokens, mask = _padded([ids[n] for n in batch], chance)
        cost = loss(head(model(tokens, mask)), wanted[batch], torch.ones(len(batch)), lift)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        done, recent = done + 1, 0.98 * recent + 0.02 * float(cost.detach())
        if done % 50 == 0:
            print(f"  {done} of {len(ids) // BATCH} batches, {spent:.0f} s, loss {recent:.4f}", flush=True)
        if process_time() - saved > CHECKPOINT_S:
            torch.save(model.state_dict(), folder / "encoder.pt")
            saved = process_time()
    torch.save(model.state_dict(), folder / "encoder.pt")
    model.eval()
    return model


def _share(file: str) -> float:
    return next((share for start, share in LIMITS.items() if file.startswith(start)), 1.0)


def _batches(ids: Sequence[list[int]], chance: random.Random) -> Iterator[list[int]]:
    """Every row once, batches of like length in random order."""
    order = sorted(range(len(ids)), key=lambda n: min(len(ids[n]), TOKENS_AT_MOST) + chance.random() * 4)
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    chance.shuffle(batches)
    yield from batches


def _padded(texts: Sequence[list[int]], chance: random.Random) -> tuple[Tensor, Tensor]:
    """A window of each, with the marks 101 and 102 of this tokenizer, padded to the longest."""
    windows = []
    for ids in texts:
        start = chance.randrange(max(1, len(ids) - TOKENS_AT_MOST + 1))
        windows.append([101, *ids[start : start + TOKENS_AT_MOST], 102])
    width = max(map(len, windows))
    tokens = torch.tensor([window + [0] * (width - len(window)) for window in windows])
    mask = torch.tensor([[1.0] * len(window) + [0.0] * (width - len(window)) for window in windows])
    return tokens, mask
