"""What /proc says of a process: memory, descriptors, threads, time on a core. Linux only.

Figures.of(pid)     now
slope(points)       of a line through (x, y) points, least squares: does it grow?
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KIB = 1024.0


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


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Units of y for each unit of x; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
