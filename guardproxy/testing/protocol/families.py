"""All families of generated requests; a seed gives the same ones again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from guardproxy.testing.protocol import bodies, framing, sequences, targets
from guardproxy.testing.protocol.raw import Raw

MAKERS: tuple[Callable[[Random], Raw], ...] = (
    framing.framing_te,
    framing.framing_cl,
    framing.lines,
    framing.chunks,
    framing.whole_chunks,
    targets.host,
    targets.hosts_served,
    targets.target,
    targets.targets_served,
    targets.version,
    targets.method,
    bodies.packed,
    bodies.mistyped,
    bodies.doubled,
    bodies.malformed,
    bodies.mistaken,
    bodies.towers,
    bodies.oversized,
    bodies.plain,
    sequences.pipeline,
    sequences.floods,
    sequences.crowded,
    sequences.upgrades,
    sequences.expectations,
    sequences.believers,
)


def generated(seed: int, each: int) -> list[Raw]:
    """`each` requests of every maker."""
    made = []
    for maker in MAKERS:
        dice = Random(f"{seed} {maker.__name__}")  # noqa: S311 - requests to be repeated, not secrets
        made += [replace(maker(dice), id=f"{maker.__name__}-{seed}-{n}") for n in range(each)]
    return made
