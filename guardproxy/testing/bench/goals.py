"""The goals of performance.md beside what a run gave: must, goal, stretch, ours, and which of them is met.

table(sheet) -> str       Markdown; a row that the run did not measure says so
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from guardproxy.testing.bench.models import UPSTREAM_TTFT_S, WITH
from guardproxy.testing.bench.peers import CLASSIC, LITELLM, NEMO
from guardproxy.testing.bench.sheet import Sheet

OURS = "guardproxy"
NAMES = ("must", "goal", "stretch")
Value = Callable[[Sheet], float | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """`steps` are must, goal and stretch: bounds, or least values where `least`; None where the page names none.

    `form` shows a value and a bound.
    """

    title: str
    value: Value
    steps: tuple[float | None, float | None, float | None]
    form: str
    least: bool = False

    def met(self, value: float) -> str:
        """The furthest step that the value reaches, all before it included."""
        reached = "**missed**"
        for name, step in zip(NAMES, self.steps, strict=True):
            if step is None:
                continue
            if (value < step) if self.least else (value > step):
                break
            reached = name
        return reached


def _of(sheet: Sheet, subject: str, metric: str) -> float | None:
    return sheet.median(subject, metric)


def _times(sheet: Sheet, peer: str) -> float | None:
    return sheet.ratio(peer, OURS, "cpu_us_c64")


def _of_envoy(sheet: Sheet) -> float | None:
    return sheet.ratio(OURS, "Envoy", "cpu_us_c64")


def _events(sheet: Sheet) -> float | None:
    cost = sheet.median(OURS, "paced_us")
    return 1e6 / cost if cost else None


def _crowd(sheet: Sheet) -> float | None:
    one, many = sheet.median(OURS, "cpu_us_c1"), sheet.median(OURS, "cpu_us_c64")
    return many / one if one and many else None


def _late(sheet: Sheet) -> float | None:
    """Milliseconds of the 95th percentile beyond what the check needs more than the model."""
    late, check = sheet.median(WITH, "late_p95_ms"), sheet.median(WITH, "check_p50_ms")
    return None if late is None or check is None else late - max(0.0, check - UPSTREAM_TTFT_S * 1000)


def _ours(metric: str) -> Value:
    return partial(_of, subject=OURS, metric=metric)


def _with(metric: str) -> Value:
    return partial(_of, subject=WITH, metric=metric)


GOALS = (
    Goal(
        "CPU per guarded request, c=64: LiteLLM takes",
        partial(_times, peer=LITELLM.name),
        (50, 100, 200),
        "{:.0f} ×",
        least=True,
    ),
    Goal("NeMo IORails takes", partial(_times, peer=NEMO.name), (5, 10, 14), "{:.1f} ×", least=True),
    Goal("NeMo classic takes", partial(_times, peer=CLASSIC.name), (100, 250, 400), "{:.0f} ×", least=True),
    Goal("against bare Envoy", _of_envoy, (3.3, 2, 1), "{:.1f} ×"),
    Goal("added p50 latency, c=1", _ours("added_p50_ms"), (0.6, 0.35, 0.2), "{:.2f} ms"),
    Goal("guarded SSE events per core-second", _events, (10_000, 20_000, 28_000), "{:.0f}", least=True),
    Goal("added TTFT p50, output rules on", _ours("first_word_ms"), (10, 5, 2), "{:.1f} ms"),
    Goal(
        "added TTFT with the check of the prompt, upstream TTFT 200 ms: p95 over `max(0, check - TTFT)`",
        _late,
        (5, None, None),
        "{:.1f} ms",
    ),
    Goal(
        "the same: share of requests with nothing added", _with("late_none"), (None, 0.95, 0.99), "{:.0%}", least=True
    ),
    Goal("32 k-character prompt: event loop busy at most", _ours("loop_ms_32k"), (5, 1, 0.3), "{:.1f} ms"),
    Goal("CPU per request, c=64 against c=1", _crowd, (1, 0.7, 0.6), "{:.2f} ×"),
    Goal("RSS, no model", _ours("rss_mb"), (80, 50, 40), "{:.0f} MB"),
    Goal("RSS with the embedded classifiers", _with("rss_mb"), (250, 150, 120), "{:.0f} MB"),
    Goal("cold start to the first answer, no model", _ours("start_s"), (2, 1, 0.5), "{:.1f} s"),
    Goal("cold start with the embedded classifiers", _with("start_s"), (4, 2, 1), "{:.1f} s"),
    Goal("install without the `hf` extra", _ours("install_mb"), (200, 150, 100), "{:.0f} MB"),
    Goal("embedded classifiers: p50 for a 32-token prompt, one core", _with("check_p50_ms"), (12, 7, 4), "{:.1f} ms"),
    Goal(
        "guarded prompts/s on 2 cores with the classifiers", _with("checks_rate"), (120, 250, 400), "{:.0f}", least=True
    ),
)


def table(sheet: Sheet) -> str:
    """Every goal."""
    lines = ["| metric | must | goal | stretch | ours | met |", "|---|---|---|---|---|---|"]
    for goal in GOALS:
        sign = "≥" if goal.least else "≤"
        steps = " | ".join("–" if step is None else f"{sign} {goal.form.format(step)}" for step in goal.steps)
        value = goal.value(sheet)
        ours = "not measured | –" if value is None else f"{goal.form.format(value)} | {goal.met(value)}"
        lines.append(f"| {goal.title} | {steps} | {ours} |")
    return "\n".join(lines)
