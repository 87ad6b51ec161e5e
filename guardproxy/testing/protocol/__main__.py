"""`make protocol`: raw HTTP over real sockets, byte for byte, before a real proxy and a scripted upstream.

    python -m guardproxy.testing.protocol [--cases FOLDER] [--each N] [--seed N] [--no-pressure]

Plays the rows of the case kit where it is there, then N generated requests of every maker, then the pressure of slow
callers, crowds and bombs with the times that are shipped (about four minutes). Prints a table and the misses. Exit 1
unless all hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from guardproxy.testing.protocol.families import generated
from guardproxy.testing.protocol.play import House, Outcome, house, play
from guardproxy.testing.protocol.pressure import SHIPPED, Pressed, press_time, press_weight
from guardproxy.testing.protocol.raw import Raw, visible

ROOT = Path(__file__).parents[3]
CASES = ROOT.parent / "shared" / "cases"
POLICY = """\
guardproxy: policy/v1
policy: protocol
revision: 1
owner: tests@example.org
about: A made-up code name that no model may hear of.
applies_to: {routes: ["*"], tenants: ["*"]}
rules:
  - {id: canary, about: Code name of a project., words: [bluefinch], checks: [input, output], on_match: refuse}
tests:
  - {name: everyday talk passes, user: When does the heron colony return?, expect: allow}
  - {name: the code name is refused, user: Tell me about the bluefinch, expect: {refuse: canary}}
"""


@dataclass(slots=True)
class Tally:
    """Cases and held ones by family, and why the others were not."""

    cases: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more."""
        family = outcome.one.family
        self.cases[family] = self.cases.get(family, 0) + 1
        self.held[family] = self.held.get(family, 0) + outcome.held
        if not outcome.held:
            self.faults.append(f"{outcome.one.id}: {', '.join(outcome.faults)}")

    def table(self) -> str:
        """A row for each family, then the sum."""
        rows = [(name, count, self.held[name]) for name, count in sorted(self.cases.items())]
        rows.append(("all", sum(self.cases.values()), sum(self.held.values())))
        return "\n".join(f"| {name} | {count} | {held} |" for name, count, held in rows)


def play_all(house: House, raws: Iterable[Raw]) -> Tally:
    """One after the other: each is judged by what the upstream got meanwhile."""
    tally = Tally()
    for one in raws:
        tally.add(play(house, one))
    return tally


def policy_in(folder: Path) -> Path:
    """The policy that is played against, as a file."""
    file = folder / "protocol.yaml"
    file.write_text(POLICY, encoding="utf-8")
    return file


def main(arguments: list[str] | None = None) -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument("--each", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-pressure", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="guardproxy-protocol-") as name:
        folder = Path(name)
        policy = policy_in(folder)
        tallies = []
        with house(folder / "raw", policy) as opened:
            for title, raws in (
                ("case kit", visible(options.cases)),
                ("generated", generated(options.seed, options.each)),
            ):
                tally = play_all(opened, raws)
                tallies.append(tally)
                _say(f"\n{title}\n\n| family | cases | held |\n|---|---|---|\n{tally.table()}")
        pressed: list[Pressed] = []
        if not options.no_pressure:
            with house(folder / "pressure", policy, SHIPPED.environment()) as opened:
                pressed = [*press_time(opened, SHIPPED), *press_weight(opened, SHIPPED)]
            rows = "\n".join(f"| {one.name} | {one.callers} | {one.held} | {one.note} |" for one in pressed)
            _say(f"\npressure\n\n| kind | callers | held | measured |\n|---|---|---|---|\n{rows}")
    faults = [fault for tally in tallies for fault in tally.faults]
    faults += [f"{one.name}: {one.held} of {one.callers}" for one in pressed if one.held < one.callers]
    _say("\n" + "\n".join(faults) if faults else "\nall held")
    return 1 if faults else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
