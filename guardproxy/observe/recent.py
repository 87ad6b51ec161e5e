"""The last outcomes, for the console's "why": ids, rules, places, scores. No text."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardproxy.observe.record import Outcome


class Recent:
    """A ring of the last `size` outcomes."""

    def __init__(self, size: int = 200) -> None:
        self._ring: deque[Outcome] = deque(maxlen=size)

    def add(self, outcome: Outcome) -> None:
        """The newest outcome pushes out the oldest."""
        self._ring.append(outcome)

    def find(self, decision_id: str) -> Outcome | None:
        """The outcome of this decision, if it is still here."""
        return next((o for o in self._ring if o.decision_id == decision_id), None)

    def newest(self, count: int = 50) -> list[Outcome]:
        """Newest first."""
        return list(reversed(self._ring))[:count]
