"""`make bench-profile`: in which rooms the time of a guarded answer and of a streamed event is spent.

cProfile over exchanges inside this process (no socket, no HTTP server, no upstream client), so shares and not times:
what is called often looks dearer than it is. A function of C or of a library belongs to the room that called it.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from guardproxy.testing.bench import page
from guardproxy.testing.bench.inside import MANY, Inside
from guardproxy.testing.bench.sheet import Sheet
from guardproxy.testing.bench.subjects import ROOT

ANSWERS, STREAMS = 200, 4
Key = tuple[str, int, str]
OUTSIDE = "asyncio and libraries"


def room(file: str) -> str:
    """Such as `core/canonical` or `proxy`; "" for what is not ours."""
    parts = Path(file).parts
    if "guardproxy" not in parts:
        return ""
    inner = parts[len(parts) - parts[::-1].index("guardproxy") : -1]
    return "/".join(inner) or "guardproxy"


def shares(stats: pstats.Stats) -> dict[str, float]:
    """Share of each room, of the time within functions; the largest first."""
    spent: defaultdict[str, float] = defaultdict(float)
    table: dict[Key, tuple[int, int, float, float, dict[Key, tuple[int, int, float, float]]]] = stats.stats  # type: ignore[attr-defined]
    for (file, _, _), (_, _, own, _, callers) in table.items():
        if mine := room(file):
            spent[mine] += own
            continue
        for (caller, _, _), (_, _, part, _) in callers.items():
            spent[room(caller) or OUTSIDE] += part
    whole = sum(spent.values())
    return {name: seconds / whole for name, seconds in sorted(spent.items(), key=lambda one: -one[1])}


def profiled(what: Callable[[], None], times: int) -> pstats.Stats:
    """Timed by what this process ran, so that other work on the machine does not count."""
    watch = cProfile.Profile(time.process_time)
    watch.enable()
    for _ in range(times):
        what()
    watch.disable()
    return pstats.Stats(watch)


def main() -> int:
    """Writes docs/bench/profile.json and the page, prints the shares."""
    sheet = Sheet("make bench-profile")
    with tempfile.TemporaryDirectory() as folder, Inside(Path(folder)) as inside:
        kinds = {"an answer": (inside.answer, ANSWERS), f"a stream of {MANY} events": (inside.stream, STREAMS)}
        for name, (what, times) in kinds.items():
            for place, share in shares(profiled(what, times)).items():
                sheet.add(name, place, share)
                sys.stdout.write(f"{name}: {place} {share:.1%}\n")
    sheet.load = os.getloadavg()[2]
    sheet.write(page.FOLDER / "profile.json")
    page.PAGE.write_text(page.page(page.FOLDER), encoding="utf-8")
    sys.stdout.write(f"{page.PAGE.relative_to(ROOT)} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
