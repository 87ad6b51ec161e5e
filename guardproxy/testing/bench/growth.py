"""`make bench-growth`: how cost grows with what there is more of. Tables with fitted exponents, in docs/bench/growth.json.

CPU is that of the whole proxy, an answer, the cheapest of the rounds: noise only ever adds.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from guardproxy.testing.bench import page
from guardproxy.testing.bench.callers import HOLE, Aim, ask
from guardproxy.testing.bench.instant import SENTENCES, Said
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.subjects import NO_MODEL, Setup, Subject, ours
from guardproxy.testing.bench.track import Track
from guardproxy.testing.bench.wordlist import policy
from guardproxy.testing.process_figures import slope

CALLERS = 8
LENGTHS = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000)
TURNS = (1, 2, 5, 10, 20, 40, 80)
PATTERNS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
MOST_RULES = 2_000
"""A policy has at most so many rules; more patterns share a rule."""
STREAMS = (1, 10, 100, 500, 1_000, 2_000)
TENANTS = (1, 10, 100, 1_000)
SLOW_S, SLOW_EVENTS = 1.0, 10
CROWD_PATIENCE_S = 300.0
CROWD_ENVIRONMENT = {
    **NO_MODEL,
    "GUARDPROXY_LIMITS_INFLIGHT": "3000",
    "GUARDPROXY_UPSTREAM_POOL": "3000",
    # All come at once, and what is measured is CPU: nobody is turned away for having waited.
    **dict.fromkeys(("GUARDPROXY_UPSTREAM_CONNECT_TIMEOUT_S", "GUARDPROXY_LIMITS_HEADER_TIMEOUT_S"), "60"),
    "GUARDPROXY_LIMITS_BODY_TIMEOUT_S": "60",
}
FEWEST = 4
"""Sizes that make a table. A machine that is busy may not start a proxy of the largest within a minute."""
LINEAR = 1.1
"""An exponent up to here is linear: what a fit over two or three decades is off by."""


@dataclass(frozen=True, slots=True)
class Point:
    """So much of it, and CPU microseconds of an answer (of an event, for streams)."""

    size: float
    cost: float


def exponent(points: Sequence[Point]) -> float:
    """Slope of log(cost) over log(size) of the larger half of the sizes: there it shows how cost grows.

    A line gives 1, less where its fixed part is still seen; what grows faster gives more than 1.
    """
    return slope([(math.log(p.size), math.log(p.cost)) for p in points[len(points) // 2 :]])


@contextmanager
def running(track: Track, opened: Callable[[Path, int], object]) -> Iterator[Subject]:
    """A proxy of ours, warm."""
    with tempfile.TemporaryDirectory() as folder:
        with track.pinned():
            context = opened(Path(folder), track.port)
            subject: Subject = context.__enter__()  # type: ignore[attr-defined]
        try:
            track.says(Said.of())
            track.first_answer(subject)
            track.unary(subject, CALLERS, 0.5)
            yield subject
        finally:
            context.__exit__(None, None, None)  # type: ignore[attr-defined]


def cost(track: Track, subject: Subject, aim: Aim, seconds: float) -> float:
    """CPU microseconds an answer; AssertionError when one is refused."""
    burst = track.burst(subject, ask(aim, CALLERS, seconds))
    if burst.failed or not burst.answers:
        raise AssertionError(f"growth: {burst.answers} answers, failed: {dict(burst.failed)}")
    return burst.cost


def of_aims(
    track: Track, subject: Subject, aims: Sequence[tuple[float, Aim]], rounds: int, seconds: float
) -> list[Point]:
    """Sizes in turn, again and again; the cheapest of the rounds."""
    found: dict[float, list[float]] = {size: [] for size, _ in aims}
    for _ in range(rounds):
        for size, aim in aims:
            found[size].append(cost(track, subject, aim, seconds))
    return [Point(size, min(costs)) for size, costs in found.items()]


def prose(characters: int) -> str:
    """Sentences of so many characters, with a number of their own."""
    told = "".join(SENTENCES)
    return (f"{HOLE.decode()} " + told * (characters // len(told) + 1))[:characters]


def lengths(track: Track, rounds: int, seconds: float) -> list[Point]:
    """One turn, longer and longer."""
    with running(track, ours) as subject:
        return of_aims(track, subject, [(size, subject.aim(prose(size))) for size in LENGTHS], rounds, seconds)


def histories(track: Track, rounds: int, seconds: float) -> list[Point]:
    """A new turn after more and more old ones, which are the same in each request, as chat clients send them."""
    with running(track, ours) as subject:
        aims = [(float(turns), subject.aim(history=history(turns - 1))) for turns in TURNS]
        return of_aims(track, subject, aims, rounds, seconds)


def history(turns: int) -> list[dict[str, str]]:
    """Questions and answers, none like another."""
    said = []
    for at in range(turns):
        said.append({"role": "user", "content": f"Question {at}: " + SENTENCES[at % 4] * 2})
        said.append({"role": "assistant", "content": f"Answer {at}: " + SENTENCES[(at + 1) % 4] * 4})
    return said


def patterns(track: Track, rounds: int, seconds: float, sizes: Sequence[int] = PATTERNS) -> list[Point]:
    """A policy of more and more patterns; up to the most that a policy may have, each is a rule of its own."""
    points = []
    for many in sizes:
        text = policy(many, a_rule=_phrases_of_a_rule(many))
        try:
            with running(track, partial(ours, setup=Setup(text))) as subject:
                points += of_aims(track, subject, [(float(many), subject.aim())], rounds, seconds)
        except AssertionError:
            if len(points) < FEWEST:
                raise
            break
    return points


def _phrases_of_a_rule(many: int) -> int:
    """An eighth of the patterns are expressions, which are rules of their own whatever happens."""
    expressions = many // 8
    return math.ceil((many - expressions) / (MOST_RULES - expressions)) if many > MOST_RULES else 1


def streams(track: Track, rounds: int, _seconds: float) -> list[Point]:
    """More and more streams at once, an event a second each: CPU of an event, the opening of the stream included."""
    found: dict[float, list[float]] = {}
    with running(track, partial(ours, setup=Setup(environment=CROWD_ENVIRONMENT))) as subject:
        track.says(Said.of(SLOW_EVENTS, pause=SLOW_S))
        for _ in range(rounds):
            for many in STREAMS:
                burst = track.streamed(subject, many, 0.0, CROWD_PATIENCE_S)
                if burst.answers != many:
                    raise AssertionError(f"growth: {burst.answers} of {many} streams, failed: {dict(burst.failed)}")
                found.setdefault(float(many), []).append(burst.cost / (SLOW_EVENTS + 2))
    return [Point(size, min(costs)) for size, costs in found.items()]


def tenants(track: Track, rounds: int, seconds: float) -> list[Point]:
    """More and more tenants, each with its own limits."""
    points = []
    for many in TENANTS:
        named = "".join(f"  t{at}: {{requests_per_minute: 1000000}}\n" for at in range(many))
        with running(track, partial(ours, setup=Setup(more=f"tenants:\n{named}", tenant="t0"))) as subject:
            points += of_aims(track, subject, [(float(many), subject.aim())], rounds, seconds)
    return points


@dataclass(frozen=True, slots=True)
class Kind:
    """What there is more and more of, up to `largest`."""

    measured: Callable[[Track, int, float], list[Point]]
    largest: float


KINDS: Mapping[str, Kind] = {
    "prompt, characters": Kind(lengths, LENGTHS[-1]),
    "history, turns": Kind(histories, TURNS[-1]),
    "patterns": Kind(patterns, PATTERNS[-1]),
    "streams at once": Kind(streams, STREAMS[-1]),
    "tenants": Kind(tenants, TENANTS[-1]),
}


def main(arguments: list[str] | None = None) -> int:
    """Measures, writes, prints; 1 when something grows faster than what there is of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--into", type=Path, default=page.FOLDER)
    asked = parser.parse_args(arguments)
    sheet = Sheet("make bench-growth")
    with Track() as track:
        each = (track, asked.rounds, asked.seconds)
        for name in asked.kinds:
            kind = KINDS[name]
            try:
                points = kind.measured(*each)
            except (AssertionError, subprocess.TimeoutExpired) as error:  # the other tables are worth having
                sheet.notes[name] = str(error) or "no figures"
                continue
            if points[-1].size < kind.largest:
                sheet.notes[name] = (
                    f"a proxy of the next size after {points[-1].size:,.0f} did not start within a minute"
                )
            for point in points:
                sheet.add(name, f"{point.size:.0f}", point.cost)
            sheet.add(name, "exponent", exponent(points))
            sys.stdout.write(f"{name}: exponent {exponent(points):.2f}\n")
    sheet.load = os.getloadavg()[2]
    sheet.write(asked.into / "growth.json")
    if asked.into == page.FOLDER:
        page.PAGE.write_text(page.page(asked.into), encoding="utf-8")
    sys.stdout.write("".join(f"{name}: {note}\n" for name, note in sheet.notes.items()))
    steep = any((sheet.median(name, "exponent") or 0) > LINEAR for name in sheet.subjects)
    return int(steep or bool(sheet.notes))


if __name__ == "__main__":
    sys.exit(main())
