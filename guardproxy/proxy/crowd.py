"""Who is let in while the event loop is late. Nothing but arithmetic: others measure how late it is.

    crowd = Crowd(most_late)
    crowd.turn(late, lost)        once a turn of the loop: seconds by which our own work, and others', have made it late
    crowd.lets_in(tenant)         at the head of a request, before anything else of it is read
    crowd.enter / leave(tenant)   while an exchange runs

A loop that is late has more to do than it can: whoever is let in makes all the others wait. Of the first `ROOM` nobody
is sent away, for they cannot wait long for each other. Beyond them, from the first late turn on, only so many are let
in each turn: fewer after each late turn that used them all, more after each that was in time and had to send someone
away. One long turn by itself (a reload, a collection of garbage) sends nobody away unless more than `FIRST` come in
the turn behind it. A tenant that has less inside than its share of all comes in whatever the loop does: who sends
much makes itself wait, not the others.
"""

from __future__ import annotations

from collections import Counter

ROOM = 64
"""Exchanges that may be inside however late the loop is; while several tenants ask, half of them, shared evenly."""
RECENT = 200
"""Turns for which a tenant that asked still counts as one that asks."""
FIRST = 8.0
"""Let in each turn when lateness begins."""
A_TURN_S = 0.01
"""Seconds from one turn to the next when the loop is in time."""
LEAST = 0.25
"""However late the loop is: one in four turns."""
FEWER, MORE = 0.5, 0.25
"""Times so many after a late turn; so many more after one in time."""
CALM = 50
"""Turns in time, with nobody sent away, until the lateness is forgotten."""


class Crowd:
    """One for the data listener. `most_late`: seconds that the loop may be late; 0: however long."""

    def __init__(self, most_late: float) -> None:
        self._most_late = most_late
        self._inside: Counter[str] = Counter()
        self._total = 0
        self._came: Counter[str] = Counter()
        self._coming = 0
        self._each_turn = FIRST
        self._left = FIRST
        self._sent_away = False
        self._calm = 0
        self._turns = 0
        self._asked: dict[str, int] = {}
        self._room = ROOM
        self.pressed = False

    @property
    def inside(self) -> int:
        """Exchanges that run."""
        return self._total

    def enter(self, tenant: str) -> None:
        """Its exchange begins; `leave` is due."""
        self._inside[tenant] += 1
        self._total += 1

    def leave(self, tenant: str) -> None:
        """Its exchange is over."""
        self._total -= 1
        self._inside[tenant] -= 1
        if not self._inside[tenant]:
            del self._inside[tenant]

    def turn(self, late: float, lost: float = 0.0) -> None:
        """A turn of the loop has begun, so many seconds after it should have. In those that were `lost` somebody else had
        the processor: callers came all the same, and it helps nobody to send more of them away.
        """
        is_late = late > self._most_late > 0
        if self.pressed:
            self._adapt(is_late=is_late)
        elif is_late:
            self.pressed, self._calm, self._each_turn, self._left = True, 0, FIRST, 0.0
        # Part of a place is saved up; what was let in beyond the turn's share is taken from the next.
        share = self._each_turn * (1 + lost / A_TURN_S)
        self._left = share + max(-share, min(self._left, 0.99))
        self._sent_away = False
        self._came.clear()
        self._coming = 0
        self._turns += 1
        self._asked = {tenant: turn for tenant, turn in self._asked.items() if turn > self._turns - RECENT}
        self._room = ROOM // 2 // len(self._asked) if len(self._asked) > 1 else ROOM

    def lets_in(self, tenant: str, *, crowded: bool = False, known: bool = True) -> bool:
        """False: not now. `crowded`: others say that there is no room; who is not `known` has no share of its own."""
        if known:
            self._asked[tenant] = self._turns
        late = self.pressed and self._left < 1 and not (known and self._has_room(tenant))
        nobody = self._total + self._coming == 0  # then it is nobody's fault
        if (crowded or late) and not nobody and not (known and self._has_little(tenant)):
            self._sent_away = True
            return False
        self._left -= 1
        self._came[tenant] += 1
        self._coming += 1
        return True

    def _adapt(self, *, is_late: bool) -> None:
        wanted = self._sent_away or self._coming > 0
        if is_late and wanted and self._left < 1:
            self._each_turn = max(LEAST, self._each_turn * FEWER)
        elif not is_late and self._sent_away:
            self._each_turn += MORE
        self._calm = 0 if is_late or self._sent_away else self._calm + 1
        self.pressed = self._calm < CALM

    def _has_room(self, tenant: str) -> bool:
        mine = self._inside[tenant] + self._came[tenant]
        return mine < self._room and self._total + self._coming < ROOM

    def _has_little(self, tenant: str) -> bool:
        """Less than its share of all that is inside."""
        mine = self._inside[tenant] + self._came[tenant]
        tenants = len(self._inside) + sum(name not in self._inside for name in {tenant, *self._came})
        return mine * tenants < self._total + self._coming
