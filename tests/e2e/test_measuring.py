"""A short `make bench` without Envoy: that it measures, not what."""

import sys
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from guardproxy.testing.bench.__main__ import beside
from guardproxy.testing.bench.rounds import Times
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.starts import starts
from guardproxy.testing.bench.subjects import Setup, Subject, free_port, ours, relay, started
from guardproxy.testing.bench.track import Track
from guardproxy.testing.bench.wordlist import policy

SHORT = Times(warm=0.1, one=0.1, many=0.1, fast=0.1, first_words=1, paced=False)
MEASURED = {"cpu_us_c1", "cpu_us_c64", "rate_c64", "added_p50_ms", "added_p99_ms", "fast_us", "fast_rate"}


@contextmanager
def broken(folder, upstream):
    """A peer that cannot be started here."""
    with started(folder, [sys.executable, "-c", "raise SystemExit('no such library')"]) as process:
        yield Subject("broken", free_port(), process.pid, perf_counter(), foreign=True)


def test_the_proxy_is_measured_beside_the_pass_through():
    sheet = Sheet("a test")
    beside(sheet, [partial(ours, setup=Setup(policy(10))), relay], rounds=1, times=SHORT, foreign=[broken])
    assert "no such library" in sheet.notes["broken"]
    assert "broken" not in sheet.values
    for subject in ("guardproxy", "pass-through"):
        assert MEASURED | {"first_word_ms", "rss_mb"} <= set(sheet.values[subject])
        assert all(value > 0 for value in (sheet.median(subject, "cpu_us_c64"), sheet.median(subject, "rss_mb")))
    assert sheet.ratio("guardproxy", "pass-through", "cpu_us_c64") > 1


def test_a_start_is_timed_to_its_first_answer():
    sheet = Sheet("a test")
    with Track() as track:
        starts(track, [relay], sheet, rounds=1)
    assert 0 < sheet.median("pass-through", "start_s") < 60
    assert sheet.median("pass-through", "idle_mb") > 5
