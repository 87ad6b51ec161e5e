"""What /proc says of a process: memory, descriptors, threads, time on a core. Linux only.

Figures.of(pid)     now
tree(pid)           the process and all below it
run_time(pids)      seconds that all their threads have run, those that ended included, to the nanosecond
ended(pid)          nothing of it is left but its exit status
loop_time(pid)      the same of its first thread, where its event loop runs
resident(pids)      MiB, pages that several share counted once for each
slope(points)       of a line through (x, y) points, least squares: does it grow?
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

KIB = 1024.0
_SCHEDULED = 2
"""Linux numbers the clocks of a process by its id: clock_getcpuclockid(3)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`resident` is MiB, `seconds` of processor time; `descriptors` and `threads` are counts."""

    resident: float
    descriptors: int
    threads: int
    seconds: float

    @classmethod
    def of(cls, pid: int) -> Figures:
        """Raises FileNotFoundError when there is no such process."""
        proc = Path(f"/proc/{pid}")
        lines = (line.split() for line in (proc / "status").read_text(encoding="ascii").splitlines())
        status = {words[0]: words[1] for words in lines if len(words) > 1}
        fields = (proc / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return cls(
            resident=int(status["VmRSS:"]) / KIB,
            descriptors=len(list((proc / "fd").iterdir())),
            threads=int(status["Threads:"]),
            seconds=(int(fields[11]) + int(fields[12])) / ticks,
        )


def tree(pid: int) -> list[int]:
    """The process and all below it, oldest first; raises FileNotFoundError when there is no such process."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def run_time(pids: Iterable[int]) -> float:
    """Seconds on a core. It is what /proc/PID/task/*/schedstat adds up to, in one call, and keeps threads that ended.

    A process that has ended is an OSError.
    """
    return sum(time.clock_gettime((~pid << 3) | _SCHEDULED) for pid in pids)


def ended(pid: int) -> bool:
    """True for a process that is over, whether or not somebody has asked how it ended."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


def loop_time(pid: int) -> float:
    """Seconds that its first thread has run."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def resident(pids: Iterable[int]) -> float:
    """MiB of all together."""
    return sum(Figures.of(pid).resident for pid in pids)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Units of y for each unit of x; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
