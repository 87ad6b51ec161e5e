"""What was measured: values by subject and metric, one a round; read as medians, kept as JSON.

sheet.add("guardproxy", "cpu_us_c64", 107.0)
sheet.median("guardproxy", "cpu_us_c64"), sheet.ratio("LiteLLM", "guardproxy", "cpu_us_c64")
sheet.write(Path("docs/bench/bench.json")), Sheet.read(path)
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Self


def machine() -> str:
    """In words, as the pages say it."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in info if line.startswith("model name")), "unknown processor")
    return f"{os.cpu_count()} shared cores, {model}"


def today() -> str:
    """The date in UTC."""
    return datetime.now(UTC).date().isoformat()


@dataclass(slots=True)
class Sheet:
    """Of one run. `command` made it; `load` is what other work did to the machine, in processes that wanted a core."""

    command: str
    machine: str = field(default_factory=machine)
    date: str = field(default_factory=today)
    load: float = 0.0
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, subject: str, metric: str, value: float) -> None:
        """One more round."""
        self.values.setdefault(subject, {}).setdefault(metric, []).append(value)

    def median(self, subject: str, metric: str) -> float | None:
        """None for what was not measured."""
        found = self.values.get(subject, {}).get(metric)
        return median(found) if found else None

    def ratio(self, over: str, under: str, metric: str) -> float | None:
        """Median of one by median of the other; None when either is missing or the lower is 0."""
        above, below = self.median(over, metric), self.median(under, metric)
        return above / below if above is not None and below else None

    @property
    def subjects(self) -> list[str]:
        """In the order they were measured."""
        return list(self.values)

    @property
    def made(self) -> str:
        """Command, machine, date, and what else must be known of the run."""
        rounds = max((len(found) for row in self.values.values() for found in row.values()), default=0)
        told = (
            f"`{self.command}`, {self.machine}, {self.date}; medians of {rounds} rounds"
            if rounds > 1
            else (f"`{self.command}`, {self.machine}, {self.date}; one round")
        )
        return f"{told}; other work meanwhile: load {self.load:.1f}"

    def write(self, path: Path) -> None:
        """JSON with every round."""
        kept = {
            subject: {m: [float(f"{v:.6g}") for v in vs] for m, vs in row.items()}
            for subject, row in self.values.items()
        }
        tree = {"command": self.command, "machine": self.machine, "date": self.date, "load": round(self.load, 2)}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**tree, "values": kept, "notes": self.notes}, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
