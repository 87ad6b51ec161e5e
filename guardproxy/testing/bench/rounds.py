"""The rounds: each subject in turn, again and again, so that a machine that slows down slows all alike.

One round of a subject: one caller, then sixty-four, then streams as fast as the model writes them, then paced streams,
then the way of a stream's first word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from guardproxy.testing.bench.callers import HOLE, MARK, ask
from guardproxy.testing.bench.instant import EVENTS, Said
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.subjects import Subject
from guardproxy.testing.bench.track import Burst, Track
from guardproxy.testing.bench.wordlist import PLANTED

MANY = 64
FAST_STREAMS = 8
AROUND = 2
"""Events of a stream beside its words: the role and the end."""
STREAMS, PACE_S, PACED_EVENTS = 50, 0.02, 50
TOKEN_S, LONG = 0.005, 250
"""A model of 200 tokens a second, and how many it says."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each part of a round, and how often first words are timed. `paced` False leaves those streams out.

    `patience`: for the last answers of a part.
    """

    warm: float = 1.0
    one: float = 1.0
    many: float = 1.5
    fast: float = 1.5
    first_words: int = 7
    paced: bool = True
    patience: float = 120.0


def warm(track: Track, subject: Subject, seconds: float = 1.0) -> None:
    """What first requests load is not what requests cost; AssertionError when it does not carry an answer as it is."""
    track.says(Said.of())
    if not track.carries(subject, f"{MARK.decode()} "):
        raise AssertionError(f"{subject.name} does not carry the model's answer: nothing to measure")
    track.unary(subject, 8, seconds)
    track.streamed(subject, 4, seconds / 2)


def guards(track: Track, subject: Subject) -> bool:
    """True when it lets the planted phrase through to nobody."""
    track.says(Said.of())
    return track.says_no(subject, f"Note {HOLE.decode()}. Tell me of the {PLANTED}.")


def guards_answers(track: Track, subject: Subject) -> bool:
    """True when the model's planted phrase reaches nobody."""
    track.says(Said.of(whole=f"{MARK.decode()} {HOLE.decode()}: a {PLANTED} stands in the reeds."))
    return not track.carries(subject, PLANTED)


def measure(track: Track, subjects: Sequence[Subject], sheet: Sheet, rounds: int, times: Times) -> None:
    """All rounds into the sheet; `direct`, without a proxy, is the zero of what is called added."""
    for _ in range(rounds):
        track.says(Said.of())
        zero = track.unary(track.direct, 1, times.one)
        sheet.add("direct", "p50_ms", zero.p50 * 1000)
        sheet.add("direct", "cpu_us_c64", track.unary(track.direct, MANY, times.one).cost)
        sheet.add("direct", "fast_us", track.streamed(track.direct, FAST_STREAMS, times.one).cost / (EVENTS + AROUND))
        track.says(Said.of(LONG, pause=TOKEN_S))
        nothing = median(track.to_first_word(track.direct) for _ in range(times.first_words))
        for subject in subjects:
            try:
                _unary(track, subject, sheet, times, zero)
                _streams(track, subject, sheet, times)
                track.says(Said.of(LONG, pause=TOKEN_S))
                first = median(track.to_first_word(subject) for _ in range(times.first_words))
                sheet.add(subject.name, "first_word_ms", (first - nothing) * 1000)
            except (AssertionError, OSError) as error:  # TimeoutError is one of them
                if not subject.foreign:
                    raise
                sheet.notes[subject.name] = f"{type(error).__name__}: {error}"


def _unary(track: Track, subject: Subject, sheet: Sheet, times: Times, zero: Burst) -> None:
    track.says(Said.of())
    one = track.unary(subject, 1, times.one)
    many = track.burst(subject, ask(subject.aim(), MANY, times.many, times.patience))
    _whole(subject, one)
    sheet.add(subject.name, "cpu_us_c1", one.cost)
    sheet.add(subject.name, "added_p50_ms", (one.p50 - zero.p50) * 1000)
    sheet.add(subject.name, "added_p99_ms", (one.p99 - zero.p99) * 1000)
    if many.failed:
        sheet.add(subject.name, "failed_c64", sum(many.failed.values()) / (many.answers + sum(many.failed.values())))
    if many.answers:
        sheet.add(subject.name, "cpu_us_c64", many.cost)
        sheet.add(subject.name, "rate_c64", many.rate)


def _streams(track: Track, subject: Subject, sheet: Sheet, times: Times) -> None:
    track.says(Said.of())
    fast = track.streamed(subject, FAST_STREAMS, times.fast, times.patience)
    if fast.answers:
        each = EVENTS + AROUND
        sheet.add(subject.name, "fast_us", fast.cost / each)
        sheet.add(subject.name, "fast_rate", fast.rate * each)
    if times.paced and not subject.foreign:
        track.says(Said.of(PACED_EVENTS, pause=PACE_S))
        paced = track.streamed(subject, STREAMS, 0.0, times.patience)
        _whole(subject, paced)
        sheet.add(subject.name, "paced_us", paced.cost / (PACED_EVENTS + AROUND))


def _whole(subject: Subject, burst: Burst) -> None:
    if burst.failed or not burst.answers:
        raise AssertionError(f"{subject.name}: {burst.answers} answers, failed: {dict(burst.failed)}")
