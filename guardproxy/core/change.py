"""Two policies on the same exchanges: what changes, which way, and by which rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from guardproxy.core.decide import Decision
from guardproxy.core.rules import Action
from guardproxy.core.share import Share


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one stage. The hazard is that of the winning verdict."""

    stage: str
    action: Action
    rule: str = ""
    hazard: str = ""

    @classmethod
    def of(cls, decision: Decision) -> Came:
        """The same, from a decision."""
        return cls(str(decision.stage), decision.action, decision.rule_name, decision.hazard)

    def __str__(self) -> str:
        if self.action is Action.ALLOW:
            return "allow"
        return f"{self.action.word} by {self.rule} at {self.stage}"


NOTHING_DECIDED = Came("input", Action.ALLOW)


class Direction(StrEnum):
    """Which way an exchange went. `OTHER`: the same action, by another rule, for another hazard or elsewhere."""

    SAME = "same"
    TIGHTER = "tighter"
    LOOSER = "looser"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Change:
    """One exchange under both policies: the input's outcome, then one for each choice."""

    id: str
    old: tuple[Came, ...]
    new: tuple[Came, ...]

    @property
    def before(self) -> Came:
        """What stood for the exchange: the strongest, the input's on a tie."""
        return max(self.old, key=lambda came: came.action, default=NOTHING_DECIDED)

    @property
    def after(self) -> Came:
        """What would stand for it."""
        return max(self.new, key=lambda came: came.action, default=NOTHING_DECIDED)

    @property
    def direction(self) -> Direction:
        """Which way it went."""
        if self.after.action > self.before.action:
            return Direction.TIGHTER
        if self.after.action < self.before.action:
            return Direction.LOOSER
        return Direction.SAME if self._alike() else Direction.OTHER

    @property
    def rule(self) -> str:
        """Whose change it is: the rule that acts now, or the one that no longer does."""
        if self.direction is Direction.LOOSER:
            return self.before.rule
        return self.after.rule or self.before.rule

    def _alike(self) -> bool:
        """A refused request has no answer: what was recorded behind it is not compared."""
        if self.new and self.new[0].stage == "input" and self.new[0].action is Action.REFUSE:
            return self.old[:1] == self.new[:1]
        return self.old == self.new


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many exchanges a rule moved."""

    rule: str
    tighter: int = 0
    looser: int = 0
    other: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """All exchanges that could be compared."""

    changes: tuple[Change, ...]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> Comparison:
        """Of these."""
        return cls(tuple(changes))

    @property
    def changed(self) -> tuple[Change, ...]:
        """Those that differ."""
        return tuple(change for change in self.changes if change.direction is not Direction.SAME)

    @property
    def share(self) -> Share:
        """How many differ."""
        return Share(len(self.changed), len(self.changes))

    def count(self, direction: Direction) -> int:
        """How many went this way."""
        return sum(change.direction is direction for change in self.changes)

    def by_rule(self) -> Sequence[RuleCount]:
        """The rules that moved something, those that moved most first."""
        moved: dict[str, list[Direction]] = {}
        for change in self.changed:
            moved.setdefault(change.rule, []).append(change.direction)
        ways = (Direction.TIGHTER, Direction.LOOSER, Direction.OTHER)
        found = [RuleCount(rule, *(went.count(way) for way in ways)) for rule, went in moved.items()]
        return sorted(found, key=lambda row: (-(row.tighter + row.looser + row.other), row.rule))

    def fails(self, wanted: str) -> bool:
        """`looser`, `tighter` or `any`: is there a change of this kind? "" asks for none."""
        if wanted == "any":
            return bool(self.changed)
        return bool(wanted) and self.count(Direction(wanted)) > 0
