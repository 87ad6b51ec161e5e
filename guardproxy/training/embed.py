"""Texts → features, with the very code that serves; kept on disk, so that heads can be tried again for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from guardproxy.detectors.scorer import Reader

Numbers = np.ndarray[Any, np.dtype[Any]]

CHUNK = 500
MOST_WINDOWS = 10
"""Windows of one text that training looks at, spread over it; serving looks at all."""


def embed(
    texts: Sequence[str], encoder: Path, tokenizer: Path, cache: Path, workers: int = 2
) -> tuple[Numbers, Numbers]:
    """Features of all windows, shape (windows, features), and the number of the text each belongs to."""
    cache.mkdir(parents=True, exist_ok=True)
    key = sha256(encoder.read_bytes() + tokenizer.read_bytes()).hexdigest()[:16]
    jobs = []
    for start in range(0, len(texts), CHUNK):
        chunk = list(texts[start : start + CHUNK])
        name = sha256("\x1e".join([key, *chunk]).encode("utf-8", "replace")).hexdigest()[:24]
        jobs.append((chunk, encoder, tokenizer, cache / f"{name}.npz"))
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(_chunk, jobs), start=1):
            if done % 10 == 0:
                print(f"  {done * CHUNK} of {len(texts)} texts", flush=True)
    features, owners = [], []
    for number, job in enumerate(jobs):
        with np.load(job[3]) as kept:
            features.append(kept["features"])
            owners.append(kept["owners"] + number * CHUNK)
    return np.concatenate(features), np.concatenate(owners)


def _chunk(job: tuple[list[str], Path, Path, Path]) -> None:
    texts, encoder, tokenizer, target = job
    if target.exists():
        return
    reader = Reader(encoder, tokenizer)
    features, owners = [], []
    for number, text in enumerate(texts):
        windows = reader.windows(text)
        step = max(1, -(-len(windows) // MOST_WINDOWS))
        for window in islice(windows, 0, None, step):
            features.append(reader.features(window)[0].astype(np.float16))
            owners.append(number)
    partial = target.with_suffix(".part.npz")
    np.savez(partial, features=np.array(features), owners=np.array(owners))
    partial.rename(target)
