"""`python -m guardproxy.testing.dialogue_calibration`: which drift and steps do harmless sessions bear?

Sessions of fifteen turns are drawn from harmless texts that no classifier learnt from, each session from one kind, as
one person keeps to one kind of work: everyday chat (`seeds/heldout-*.txt`), and requests that look like attacks
(`dev/cyberseceval_frr*` of the data). To them come the harmless dialogues of the half that is not held back. For each
pair of drift and hardest step: how many sessions the session's own rule would warn, and refuse. What is harmful has no
say in the choice. No text is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope, Segment
from guardproxy.core.escalation import Level, Turn, climb, session_verdicts, turns_of
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, Escalation, Ladder, LadderStep
from guardproxy.core.segments import input_segments, last_turns
from guardproxy.detectors.base import Detector
from guardproxy.proxy.rehearsal import workbench
from guardproxy.proxy.settings import Settings
from guardproxy.testing.dialogue_report import NOW
from guardproxy.testing.dialogues import dialogues

EVERYDAY = ("chat_short", "chat_task", "chat_voices", "chat_mix", "chat_code", "chat_work", "chat_sensitive")
SETS = ("cyberseceval_frr", "cyberseceval_frr_multi")
TURNS, SESSIONS, SEED = 15, 20, 1
DRIFTS = (0.35, 0.40, 0.45, 0.50)
WARN_AT = 0.6
"""Of the hardest step."""
REFUSE_AT = (0.8, 0.9, 1.0, 1.2)
HAZARDS = ("crime", "violence", "weapons", "privacy", "sexual", "hate", "harassment", "misinfo", "defamation")

Session = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Harmless sessions of one kind, scored."""

    name: str
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True)
class Borne:
    """How many sessions are warned, and how many refused, by the rule `session` alone."""

    warned: int
    refused: int


def requests(folder: Path, name: str) -> list[str]:
    """The harmless requests of one development set."""
    with gzip.open(folder / "dev" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["text"] for row in rows if row["role"] == "prompt" and row["unsafe"] is False]


def everyday(folder: Path, family: str) -> list[str]:
    """Held-out harmless chat of one family, a line each (format: `guardproxy/training/seeds.py`)."""
    found: list[str] = []
    for path in sorted(folder.glob("heldout-*.txt")):
        wanted = False
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("@"):
                marks = line.split()
                harmless = {"request=0", "content=0", "attack=0"} <= set(marks) and "multi" not in marks
                wanted = harmless and f"family={family}" in marks
            elif wanted and line.strip() and not line.startswith("#"):
                found.append(line.strip())
    return found


def drawn(texts: Sequence[str], sessions: int, chance: random.Random) -> Iterator[list[str]]:
    """Sessions of different requests; with few requests the same ones meet in other orders."""
    for _ in range(sessions):
        yield chance.sample(texts, TURNS)


def said(texts: Sequence[str]) -> Conversation:
    """What a user says, one message a turn. The assistant's part plays no role here."""
    return Conversation(
        tuple(
            Message(Role.USER, Scope.USER, (Part(text, Pointer(("messages", at, "content"))),))
            for at, text in enumerate(texts)
        )
    )


async def scored(detector: Detector, texts: Sequence[str]) -> Session:
    """Turn by turn as the session sees it: the text alone, and joined with those before it."""
    whole = said(texts)
    singles = [segment for segment in input_segments(whole) if not segment.joined]
    joins = [last_turns(Conversation(whole.messages[: at + 1])) for at in range(1, len(texts))]
    findings = await _found(detector, [*singles, *(join for join in joins if join is not None)])
    return turns_of(whole, findings)


async def _found(detector: Detector, segments: Sequence[Segment]) -> list[Finding]:
    found: list[Finding] = []
    for segment in segments:
        looked = await detector.inspect([segment])
        if isinstance(looked, Failure):
            raise SystemExit("a text could not be scored; try again when the machine is less busy")
        found += looked
    return found


def plan_of(drift: float, refuse_at: float) -> Escalation:
    """Two steps: a warning that says what comes next, and the refusal."""
    steps = (LadderStep(Action.WARN, round(WARN_AT * refuse_at, 2)), LadderStep(Action.REFUSE, refuse_at))
    return Escalation(HAZARDS, Ladder(steps), drift)


def borne(sessions: Sequence[Session], plan: Escalation) -> Borne:
    """What the rule `session` alone would do."""
    actions = [{v.action for v in _verdicts(session, plan)} for session in sessions]
    return Borne(
        warned=sum(Action.WARN in seen for seen in actions),
        refused=sum(Action.REFUSE in seen for seen in actions),
    )


def _verdicts(session: Session, plan: Escalation) -> Iterator[Verdict]:
    levels: tuple[Level, ...] = ()
    for turn in session:
        levels = climb(levels, turn, plan)
        yield from session_verdicts(levels, turn, plan, 0)


def table(sources: Sequence[Source]) -> Iterator[str]:
    """A line for each pair of numbers: warned and refused sessions of each source."""
    yield "| drift | warn, refuse | " + " | ".join(f"{s.name} ({len(s.sessions)})" for s in sources) + " |"
    yield "|--:|--:|" + "--:|" * len(sources)
    for drift, refuse_at in product(DRIFTS, REFUSE_AT):
        plan = plan_of(drift, refuse_at)
        steps = ", ".join(f"{step.threshold:g}" for step in plan.ladder.steps)
        cells = [borne(source.sessions, plan) for source in sources]
        yield f"| {drift:.2f} | {steps} | " + " | ".join(f"{c.warned}, {c.refused}" for c in cells) + " |"


async def measure(data: Path, seeds: Path, sessions: int) -> list[Source]:
    """Scores everything once."""
    async with workbench(Settings(), NOW) as bench:
        if bench.missing:
            raise SystemExit(f"the embedded classifiers cannot be asked: {bench.missing}")
        detector = bench.toolbox.models[0]
        script = [await scored(detector, [e.user for e in d.exchanges]) for d in dialogues("benign-tune")]
        found = [Source("benign-tune", tuple(script))]
        kinds = {family: everyday(seeds, family) for family in EVERYDAY} | {n: requests(data, n) for n in SETS}
        for name, texts in kinds.items():
            picked = drawn(texts, sessions, random.Random(SEED))  # noqa: S311 - sampling, not secrets
            found.append(Source(name, tuple([await scored(detector, one) for one in picked])))
        return found


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/work/shared/data"))
    parser.add_argument("--seeds", type=Path, default=Path("seeds"))
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="drawn from each set")
    options = parser.parse_args(arguments)
    sources = asyncio.run(measure(options.data, options.seeds, options.sessions))
    sys.stdout.write("\n".join(table(sources)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
