"""What the embedded classifiers cost, and what a long prompt does to the event loop: ours alone, nobody to compare.

classified(track, sheet, rounds)        rows of "guardproxy with classifiers"
long_prompts(track, sheet, rounds)      `loop_ms_32k` of "guardproxy"
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from types import MappingProxyType

from guardproxy.testing.bench.callers import HOLE, Aim, ask, post
from guardproxy.testing.bench.instant import SENTENCES, Said
from guardproxy.testing.bench.rounds import LONG, TOKEN_S
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.subjects import QUIET, Setup, Subject, ours
from guardproxy.testing.bench.track import Track
from guardproxy.testing.bench.wordlist import policy
from guardproxy.testing.process_figures import loop_time, resident, run_time

WITH = "guardproxy with classifiers"
CHARACTERS = 32_000
UPSTREAM_TTFT_S = 0.2
FIRST_WORDS = 20
NOTHING_MS = 2.0
"""What is added to a stream's first word is called nothing below this: it is what two processes take to be woken."""
CALLERS = 8
SHORT = f"note {HOLE.decode()} on herons: what do herons eat in winter when the lake is frozen, and where do they sleep at night?"
"""32 tokens, give or take one for the number."""
RULE = """\
  - {id: crime, about: Help with violent crime., hazard: violence.crime, checks: [input], thresholds: {refuse: 0.99}}
"""
BOTH_CORES = MappingProxyType({**QUIET, "GUARDPROXY_DETECTORS_EMBEDDED_WORKERS": "2"})


def with_hazard() -> str:
    """The policy of the other measurements and a rule that needs the classifiers, on prompts."""
    head, rules, rest = policy().partition("rules:\n")
    return head + "not_watched: rest\n" + rules + RULE + rest


def checks(subject: Subject, text: str = SHORT) -> Aim:
    """A prompt for the classifiers alone: no model takes part."""
    body = b'{"input": "' + text.encode("ascii") + b'"}'
    return Aim(subject.port, post("/v1/moderations", body, *subject.headers))


def classified(track: Track, sheet: Sheet, rounds: int) -> None:
    """On one core: start, memory, time of a short prompt, first words; on all cores: prompts a second."""
    track.says(Said.of())
    one = partial(ours, setup=Setup(with_hazard(), QUIET, name=WITH))
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            with track.pinned():
                opened = one(Path(folder), track.port)
                subject = opened.__enter__()
            try:
                track.says(Said.of())
                sheet.add(WITH, "start_s", track.first_answer(subject))
                sheet.add(WITH, "start_cpu_s", run_time(subject.tree))
                track.run(ask(checks(subject), 1, 0.5))
                burst = track.burst(subject, ask(checks(subject), 1, 1.5))
                sheet.add(WITH, "check_p50_ms", burst.p50 * 1000)
                sheet.add(WITH, "check_cpu_ms", burst.cost / 1000)
                first_words(track, subject, sheet)
                sheet.add(WITH, "rss_mb", resident(subject.tree))
            finally:
                opened.__exit__(None, None, None)
    with tempfile.TemporaryDirectory() as folder:
        with track.pinned(to_all=True):
            opened = ours(Path(folder), track.port, Setup(with_hazard(), BOTH_CORES))
            subject = opened.__enter__()
        try:
            track.says(Said.of())
            track.first_answer(subject)
            for _ in range(rounds):
                volley = track.run(ask(checks(subject), CALLERS, 2.0))
                sheet.add(WITH, "checks_rate", volley.answers / volley.seconds)
        finally:
            opened.__exit__(None, None, None)


def first_words(track: Track, subject: Subject, sheet: Sheet) -> None:
    """The model takes its time; what does the check of the prompt add to its first word?"""
    track.says(Said.of(LONG, delay=UPSTREAM_TTFT_S, pause=TOKEN_S))
    added = sorted((track.since_asked(subject) - UPSTREAM_TTFT_S) * 1000 for _ in range(FIRST_WORDS))
    sheet.add(WITH, "late_p50_ms", added[len(added) // 2])
    sheet.add(WITH, "late_p95_ms", added[int(len(added) * 0.95)])
    sheet.add(WITH, "late_none", sum(one <= NOTHING_MS for one in added) / len(added))


def long_prompts(track: Track, sheet: Sheet, rounds: int) -> None:
    """CPU of the event loop's thread for a prompt of 32,000 characters, more than for a short one.

    It is what the loop can be held up by in one stretch at most, measured by the scheduler and not by the clock.
    """
    track.says(Said.of())
    text = f"{HOLE.decode()} " + "".join(SENTENCES) * (CHARACTERS // len("".join(SENTENCES)) + 1)
    with tempfile.TemporaryDirectory() as folder:
        with track.pinned():
            opened = ours(Path(folder), track.port)
            subject = opened.__enter__()
        try:
            track.first_answer(subject)
            track.unary(subject, 1, 0.5)
            for _ in range(rounds):
                short, long = (
                    _of_the_loop(track, subject, aim) for aim in (subject.aim(), subject.aim(text[:CHARACTERS]))
                )
                sheet.add(subject.name, "loop_ms_32k", (long - short) * 1000)
        finally:
            opened.__exit__(None, None, None)


def _of_the_loop(track: Track, subject: Subject, aim: Aim) -> float:
    before = loop_time(subject.pid)
    volley = track.run(ask(aim, 1, 0.7))
    return (loop_time(subject.pid) - before) / volley.answers
