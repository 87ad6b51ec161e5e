"""Stops asking what does not answer: a store that is away costs a few waits, not one for every request.

Breaker(failures, rest_s)
    .lets(now) -> bool          may this call go out? At most one at a time while it is being tried again
    .went(now, well=...)        how a call that was let out has ended
    .closed                     true while calls go out as usual
"""

from __future__ import annotations


class Breaker:
    """Opens after `failures` in a row, for `rest_s` seconds; then a single call tries. `now`: seconds, monotonic."""

    def __init__(self, failures: int, rest_s: float) -> None:
        self._most = failures
        self._rest_s = rest_s
        self._failed = 0
        self._until = 0.0
        self._failed_at = 0.0

    @property
    def closed(self) -> bool:
        """False from the failure that opened it to the next success."""
        return self._failed < self._most

    def lets(self, now: float) -> bool:
        """Whoever is let through while it is open holds the others off for another rest, however the call ends."""
        if self.closed:
            return True
        if now < self._until:
            return False
        self._until = now + self._rest_s
        return True

    def went(self, began: float, now: float, *, well: bool) -> None:
        """One success closes it. Calls that ran side by side and failed together count as one: a burst is no outage."""
        if well:
            self._failed = 0
            return
        if began < self._failed_at:
            return
        self._failed_at = now
        self._failed += 1
        if self._failed == self._most:
            self._until = now + self._rest_s
