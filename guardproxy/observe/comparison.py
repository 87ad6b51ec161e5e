"""Two policies on the same traffic: how often they differ, by rule, with 95% intervals. Counts and ids, no text.

A change is counted for the rule that makes it: the candidate's deciding rule where it is tighter, the live policy's
where the candidate is looser.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.change import Direction
from guardproxy.core.decide import Decision
from guardproxy.core.rules import PolicyRef
from guardproxy.core.share import Share

EXAMPLES = 5


@dataclass(slots=True)
class RuleRow:
    """One rule at one stage. `live` and `candidate`: enforced verdicts on either side; `examples`: decision ids."""

    live: int = 0
    candidate: int = 0
    tighter: int = 0
    looser: int = 0
    examples: deque[str] = field(default_factory=lambda: deque(maxlen=EXAMPLES))


def change_of(live: Decision, candidate: Decision) -> tuple[Direction, str]:
    """Which way the candidate's action goes, and the rule that makes it differ ("" for `SAME`)."""
    if candidate.action > live.action:
        return Direction.TIGHTER, candidate.rule_name
    if candidate.action < live.action:
        return Direction.LOOSER, live.rule_name
    return Direction.SAME, ""


class Comparison:
    """One live policy beside one candidate."""

    def __init__(self, live: PolicyRef, candidate: PolicyRef) -> None:
        self.live = live
        self.candidate = candidate
        self.exchanges = 0
        self._stages: Counter[str] = Counter()
        self._moves: Counter[tuple[str, str, str]] = Counter()
        self._rules: dict[tuple[str, str], RuleRow] = {}

    def begin(self) -> None:
        """One more exchange."""
        self.exchanges += 1

    def add(self, live: Decision, candidate: Decision, decision_id: str) -> None:
        """Both decisions on one stage of it."""
        stage = str(live.stage)
        self._stages[stage] += 1
        self._moves[stage, live.action.word, candidate.action.word] += 1
        for rule in dict.fromkeys(v.rule.id for v in live.enforced):
            self._row(stage, rule).live += 1
        for rule in dict.fromkeys(v.rule.id for v in candidate.enforced):
            self._row(stage, rule).candidate += 1
        change, rule = change_of(live, candidate)
        if change == Direction.SAME:
            return
        row = self._row(stage, rule)
        row.tighter += change == Direction.TIGHTER
        row.looser += change == Direction.LOOSER
        row.examples.append(decision_id)

    def join(self, view: Mapping[str, Any]) -> None:
        """What another process has counted of the same two policies."""
        self.exchanges += view["exchanges"]
        for stage, told in view["stages"].items():
            self._stages[stage] += told["decided"]
            for move in told["moves"]:
                self._moves[stage, move["live"], move["candidate"]] += move["count"]
        for told in view["rules"]:
            row = self._row(told["stage"], told["rule"])
            row.live += told["live"]
            row.candidate += told["candidate"]
            row.tighter += told["tighter"]["count"]
            row.looser += told["looser"]["count"]
            row.examples.extend(told["examples"])

    def view(self) -> dict[str, Any]:
        """Everything as JSON; rules that change most first."""
        ranked = sorted(self._rules.items(), key=lambda item: (-item[1].tighter - item[1].looser, item[0]))
        return {
            "live": str(self.live),
            "live_hash": self.live.hash,
            "candidate": str(self.candidate),
            "candidate_hash": self.candidate.hash,
            "exchanges": self.exchanges,
            "stages": {stage: self._stage(stage) for stage in sorted(self._stages)},
            "rules": [self._shown(stage, rule, row) for (stage, rule), row in ranked],
        }

    def _row(self, stage: str, rule: str) -> RuleRow:
        return self._rules.setdefault((stage, rule), RuleRow())

    def _stage(self, stage: str) -> dict[str, Any]:
        moves = {(a, b): n for (of, a, b), n in self._moves.items() if of == stage}
        changed = sum(n for (a, b), n in moves.items() if a != b)
        rows = [{"live": a, "candidate": b, "count": n} for (a, b), n in sorted(moves.items())]
        return {"decided": self._stages[stage], "changed": _share(changed, self._stages[stage]), "moves": rows}

    def _shown(self, stage: str, rule: str, row: RuleRow) -> dict[str, Any]:
        of = self._stages[stage]
        return {
            "stage": stage,
            "rule": rule,
            "live": row.live,
            "candidate": row.candidate,
            "tighter": _share(row.tighter, of),
            "looser": _share(row.looser, of),
            "examples": list(row.examples),
        }


def together(views: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Views of several processes: those of the same two policies become one. In the order in which they first come."""
    pairs: dict[tuple[str, str], Comparison] = {}
    for view in views:
        live, other = (_ref(view[side], view[f"{side}_hash"]) for side in ("live", "candidate"))
        pairs.setdefault((live.hash, other.hash), Comparison(live, other)).join(view)
    return [pair.view() for pair in pairs.values()]


def _ref(shown: str, digest: str) -> PolicyRef:
    name, _, revision = shown.rpartition("@")
    return PolicyRef(name, int(revision), digest)


def _share(hits: int, of: int) -> dict[str, float]:
    found = Share(hits, of)
    low, high = found.interval.low, found.interval.high
    return {"count": hits, "share": round(found.rate, 6), "low": round(low, 6), "high": round(high, 6)}
