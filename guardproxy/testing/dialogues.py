"""Scripted dialogues, and how they go under a policy: the proxy's own path with its memory of sessions, in process.

    dialogues(name) -> list[Dialogue]        a file of `scripted/`
    Player(bench, policy, now).play(dialogue, remembers=True) -> list[Heard]       turn by turn

The assistant's lines are in the script. What the proxy refuses stands in the history with the refusal in the place of
the answer, as a client would send it; what it lets pass, with the notices around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from guardproxy.core.conversation import Stage
from guardproxy.core.escalation import RULE
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Policy
from guardproxy.core.session import SessionState, Visit
from guardproxy.proxy.corpus import row_of
from guardproxy.proxy.rehearsal import Played, Rehearsal, Workbench
from guardproxy.state.answers import Answers

FOLDER = Path(__file__).parent / "scripted"
BENIGN, CRESCENDO, SPLIT = "benign", "crescendo", "split"
HALVES = ("tune", "held")
FILES = (*(f"{name}-{half}" for name in (BENIGN, CRESCENDO, SPLIT) for half in HALVES), "flagged", "recovers")
BETWEEN_TURNS = 20.0
"""Seconds from one turn to the next."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the user says, and what the model would answer."""

    user: str
    assistant: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One script; `name` is unique in its file."""

    name: str
    language: str
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the proxy did with one turn, counted from 1. `paused`: a cool-down spoke, no step of the ladder."""

    turn: int
    action: Action
    rule: str = ""
    hazard: str = ""
    at: Stage = Stage.INPUT
    paused: bool = False

    @property
    def by_session(self) -> bool:
        """Would the rules alone have been milder?"""
        return self.rule == RULE and self.action >= Action.WARN


def dialogues(name: str) -> list[Dialogue]:
    """All of one file; raises ValueError with its line where it cannot be read."""
    found: list[Dialogue] = []
    said: list[Exchange] = []
    user = ""
    for number, line in enumerate((FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines(), 1):
        head, _, rest = line.partition(" ")
        if not line or head == "#":
            continue
        if head == "==":
            title, _, language = rest.partition(" ")
            said = []
            found.append(Dialogue(title, language, ()))
        elif head == ">" and not user:
            user = rest
        elif user and found and head != ">":
            said.append(Exchange(user, line))
            user = ""
            found[-1] = Dialogue(found[-1].name, found[-1].language, tuple(said))
        else:
            raise ValueError(f"{name}.txt:{number}: a line of the user and one of the assistant take turns")
    return found


class Player:
    """One policy under which dialogues are played."""

    def __init__(self, bench: Workbench, policy: Policy, now: float) -> None:
        self._bench = bench
        self._policy = policy
        self._now = now

    async def play(self, dialogue: Dialogue, *, remembers: bool = True) -> list[Heard]:
        """Turn by turn. Without memory every request is judged by the rules alone."""
        state, now = SessionState(at=self._now), self._now
        messages: list[dict[str, str]] = []
        heard: list[Heard] = []
        answers = Answers(b"")
        for turn, exchange in enumerate(dialogue.exchanges, 1):
            now += BETWEEN_TURNS
            visit = Visit(self._policy, state, now) if remembers else None
            messages.append({"role": "user", "content": exchange.user})
            rehearsal = Rehearsal(self._bench, self._policy, Context(now=now), locale="en")
            row = row_of({"messages": messages, "assistant": exchange.assistant}, str(turn))
            played = await rehearsal.play(row.item, visit, answers)
            if played.turned_away:
                raise AssertionError(f"{dialogue.name}: turn {turn} was not judged: {played.turned_away}")
            heard.append(_heard(turn, played, visit))
            if visit is not None:
                outputs = [played.output] if played.output else []
                state = visit.settled(outputs, [f for look in played.answered for f in look.findings])
            messages.append({"role": "assistant", "content": played.text})
        return heard


def _heard(turn: int, played: Played, visit: Visit | None) -> Heard:
    decision = max(played.decisions, key=lambda one: one.action)
    subject = decision.because.hazard.partition(".")[0] if decision.because else ""
    resting = visit is not None and decision.rule_name == RULE and subject in visit.resting
    return Heard(turn, decision.action, decision.rule_name, decision.hazard, decision.stage, resting)
