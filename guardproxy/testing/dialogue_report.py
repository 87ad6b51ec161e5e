"""`python -m guardproxy.testing.dialogue_report`: how scripted dialogues go under the shipped policies.

Every dialogue is played twice through the embedded classifiers, once judged by the rules alone and once with the memory
of sessions. Prints a table of each policy: what is refused in each set, what of it is the session's doing, and where.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from guardproxy.core.rules import Action, Policy
from guardproxy.policy.hearing import World
from guardproxy.policy.loaded import load
from guardproxy.policy.shipped import directory
from guardproxy.proxy.rehearsal import Workbench, workbench
from guardproxy.proxy.settings import Settings
from guardproxy.testing.dialogues import FILES, Dialogue, Heard, Player, dialogues

NOW = 1_795_910_400.0
"""A fixed time (POSIX seconds), so that no exception or help line expires between two runs."""
TODAY = date(2026, 11, 29)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One dialogue under one policy: by the rules alone, and with the memory of sessions."""

    dialogue: Dialogue
    alone: tuple[Heard, ...]
    remembered: tuple[Heard, ...]

    @property
    def earned(self) -> tuple[Heard, ...]:
        """Turns that the session refused and the rules alone did not."""
        return tuple(h for a, h in zip(self.alone, self.remembered, strict=True) if _refused(h) and not _refused(a))


def policies(names: Sequence[str], bench: Workbench) -> list[Policy]:
    """Shipped policies by name."""
    found = load(directory(), World(bench.toolbox.infos, TODAY, settled=False)).compiled
    by_name = {one.policy.ref.name: one.policy for one in found}
    return [by_name[name] for name in names]


async def outcomes(bench: Workbench, policy: Policy, name: str) -> list[Outcome]:
    """One file of dialogues."""
    player = Player(bench, policy, NOW)
    found = []
    for dialogue in dialogues(name):
        alone = tuple(await player.play(dialogue, remembers=False))
        found.append(Outcome(dialogue, alone, tuple(await player.play(dialogue))))
    return found


def row(name: str, found: Sequence[Outcome]) -> str:
    """One line of the table."""
    heard = [h for one in found for h in one.remembered]
    cells = (
        name,
        f"{len(found)} ({len(heard)})",
        _share(found, [any(map(_refused, one.alone)) for one in found]),
        _share(found, [any(map(_refused, one.remembered)) for one in found]),
        sum(_refused(h) for one in found for h in one.alone),
        sum(map(_refused, heard)),
        _share(found, [any(h.by_session and h.action is Action.WARN for h in one.remembered) for one in found]),
        _share(found, [bool(one.earned) for one in found]),
        len({(id(one), h.hazard.partition(".")[0]) for one in found for h in one.remembered if h.paused}),
    )
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = (
    "| set | dialogues (turns) | dialogues refused: rules alone | with memory | turns refused: rules alone | with memory "
    "| dialogues warned by the session | refused by the session, not by the rules | cool-downs |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def details(found: Sequence[Outcome]) -> Iterator[str]:
    """A line for each dialogue: the turns that were warned of or refused. Rule and hazard, never a text."""
    for one in found:
        yield f"  {one.dialogue.name} ({one.dialogue.language}, {len(one.dialogue.exchanges)} turns)"
        for label, heard in (("rules alone", one.alone), ("with memory", one.remembered)):
            acts = [f"{h.turn} {h.action.word} {h.rule}{' (pause)' if h.paused else ''}" for h in heard if _acts(h)]
            yield f"    {label}: {', '.join(acts) or 'nothing'}"


async def report(names: Sequence[str], files: Sequence[str], *, each: bool) -> None:
    """Prints a table of each policy."""
    async with workbench(Settings(), NOW) as bench:
        if bench.missing:
            raise SystemExit(f"the embedded classifiers cannot be asked: {bench.missing}")
        for policy in policies(names, bench):
            sys.stdout.write(f"\n{policy.ref}\n\n{HEAD}\n")
            told: list[str] = []
            for name in files:
                found = await outcomes(bench, policy, name)
                sys.stdout.write(row(name, found) + "\n")
                told += [name, *details(found)]
            if each:
                sys.stdout.write("\n" + "\n".join(told) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", nargs="+", default=["default", "strict"], choices=_names())
    parser.add_argument("--sets", nargs="+", default=list(FILES), choices=FILES)
    parser.add_argument("--each", action="store_true", help="a line for each dialogue")
    options = parser.parse_args(arguments)
    asyncio.run(report(options.policies, options.sets, each=options.each))
    return 0


def _names() -> list[str]:
    return sorted(path.stem for path in Path(directory()).glob("*.yaml"))


def _refused(heard: Heard) -> bool:
    return heard.action is Action.REFUSE


def _acts(heard: Heard) -> bool:
    return heard.action >= Action.WARN


def _share(found: Sequence[Outcome], of: Sequence[bool]) -> str:
    return f"{sum(of)} of {len(found)}"


if __name__ == "__main__":
    raise SystemExit(main())
