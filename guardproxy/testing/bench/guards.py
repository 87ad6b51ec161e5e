"""Costs that must not be there: of idle connections, of length beyond its share, of chunks that are all alike.

Each is a ratio of CPU times of one process, of the cheapest of several rounds: noise only ever adds.
"""

from __future__ import annotations

from guardproxy.testing.bench.callers import ask, idle
from guardproxy.testing.bench.growth import exponent, of_aims, prose
from guardproxy.testing.bench.instant import Said
from guardproxy.testing.bench.rounds import AROUND
from guardproxy.testing.bench.subjects import Subject
from guardproxy.testing.bench.track import Track

IDLE = 500
MOST_OF_IDLE, MOST_OF_ALIKE = 1.2, 1.2
LENGTHS = (1_000, 8_000, 16_000, 32_000, 64_000)
TOGETHER_S = 1.0
"""The model takes so long that all idle callers are asked about at once, so that as many upstream connections open."""


def of_idle(track: Track, subject: Subject, rounds: int = 3, seconds: float = 0.6, connections: int = IDLE) -> float:
    """CPU of an answer beside so many idle connections, both ways, by that beside one."""
    costs: dict[int, list[float]] = {1: [], connections: []}
    for _ in range(rounds):
        for many, found in costs.items():
            track.says(Said.of(delay=TOGETHER_S))
            held = idle(subject.aim(), many, 60.0)
            track.run(held.__aenter__())
            try:
                track.says(Said.of())
                found.append(track.burst(subject, ask(subject.aim(), 1, seconds)).cost)
            finally:
                track.run(held.__aexit__(None, None, None))
    return min(costs[connections]) / min(costs[1])


def of_length(track: Track, subject: Subject, rounds: int = 2, seconds: float = 0.4) -> float:
    """The exponent with which cost grows with the length of a prompt."""
    track.says(Said.of())
    aims = [(float(size), subject.aim(prose(size))) for size in LENGTHS]
    return exponent(of_aims(track, subject, aims, rounds, seconds))


def of_alike(track: Track, subject: Subject, few: int, many: int) -> float:
    """CPU of one of many chunks that are all alike, by that of one of few; AssertionError when they do not pass."""
    costs = []
    for chunks in (few, many):
        track.says(Said.of(words=["la "] * chunks))
        burst = track.streamed(subject, 1, 0.0, 120.0)
        if burst.answers != 1:
            raise AssertionError(f"{chunks} chunks that are alike do not pass: {dict(burst.failed)}")
        costs.append(burst.cost / (chunks + AROUND))
    return costs[1] / costs[0]
