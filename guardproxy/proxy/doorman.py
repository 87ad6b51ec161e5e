"""At the door of the data listener: who is sent away before anything but the head of the request is read.

    doorman.meet(head) -> ErrorAnswer | None      called by the listener, before a task or an exchange is made
    doorman.full() -> Overloaded | None           all places are taken, or the service ends
    doorman.sends_away(…) -> ErrorAnswer          in the words of the surface; counted, not recorded

Sending away must be the cheapest thing of all, since under load it is what happens most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, thread_time

from guardproxy.errors import GuardproxyError, Overloaded, ShuttingDown, Unauthorized
from guardproxy.proxy.auth import Access
from guardproxy.proxy.cors import Cors
from guardproxy.proxy.crowd import A_TURN_S, Crowd
from guardproxy.proxy.hall import Hall, new_decision_id
from guardproxy.wire.errors import ErrorAnswer
from guardproxy.wire.headers import Headers
from guardproxy.wire.http_head import Head

MOST_OF_A_DEADLINE = 0.25
"""The share of a classifier's deadline that texts may wait for their turn."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the paths of a listener are called, and how their callers read errors. `cors`: what browsers need."""

    surfaces: dict[str, str]
    shaped: Callable[[str, GuardproxyError], ErrorAnswer]
    cors: Cors | None = None


class Doorman:
    """One for the data listener."""

    def __init__(self, hall: Hall, access: Access, signs: Signs) -> None:
        limits, pool = hall.settings.limits, hall.pool
        self._hall = hall
        self._access = access
        self._signs = signs
        self._alone = hall.keys is None
        self.crowd = Crowd(limits.lag_ms / 1000)
        self._waits: Callable[[], bool] = lambda: False
        if pool is not None and limits.lag_ms:
            longest = MOST_OF_A_DEADLINE * hall.settings.detectors.embedded_deadline_ms / 1000
            self._waits = lambda: pool.wait_s > longest
        self._answers: dict[tuple[str, str], ErrorAnswer] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._worked = 0.0
        self._late = 0.0
        self.draining = False
        hall.recorder.metrics.watch("event_loop_lag_seconds", lambda: self._late)

    def full(self) -> Overloaded | None:
        """Why nobody is let in now, if so."""
        if self.draining:
            return ShuttingDown()
        if self.crowd.inside >= self._hall.settings.limits.inflight:
            return Overloaded("too many requests at once", retry_after=1)
        return None

    def meet(self, head: Head) -> ErrorAnswer | None:
        """The answer for who is not let in now; None for who is, and for paths that are not guarded."""
        path = head.line.path
        if path not in self._signs.surfaces:
            return None
        error = self.full() or self._late_for(head)
        if error is None:
            self._start()
            return None
        answer = self.sends_away(path, error)
        if self._signs.cors is not None:
            marks = self._signs.cors.marks(_headers(head))
            answer = ErrorAnswer(answer.status, (*answer.headers, *marks), answer.body)
        return answer

    def sends_away(self, path: str, error: Overloaded) -> ErrorAnswer:
        """In the words of the path's surface. Nothing of the request was read, so the decision log is silent."""
        outcome = "overload" if error.status == 429 else "error"
        self._hall.recorder.turned_away(self._hall.routes.default.name, self._signs.surfaces[path], outcome)
        answer = self._answers.get((path, str(error)))
        if answer is None:  # few paths and three sentences
            answer = self._answers[path, str(error)] = self._signs.shaped(path, error)
        marks = (("x-guardproxy-decision", "error"), ("x-guardproxy-decision-id", new_decision_id()))
        return ErrorAnswer(answer.status, (*answer.headers, *marks), answer.body)

    def _late_for(self, head: Head) -> Overloaded | None:
        crowded = self._waits()
        if not crowded and not self.crowd.pressed:
            return None
        tenant, known = self._tenant(head)
        if self.crowd.lets_in(tenant, crowded=crowded, known=known):
            return None
        return Overloaded("more requests than can be answered in time: slow down", retry_after=1)

    def _tenant(self, head: Head) -> tuple[str, bool]:
        """Whose request it is, and whether that is known. Without keys all are one; with them a stranger is nobody."""
        if self._alone:
            return self._access.tenants.anybody.tenant.name, True
        try:
            query = head.line.target.partition(b"?")[2]
            return self._access.caller(_headers(head), query).tenant.name, True
        except Unauthorized:
            return "", False

    def _start(self) -> None:
        """The loop is watched while somebody is inside."""
        if self._beat is None:
            self._last, self._worked = monotonic(), thread_time()
            self._beat = asyncio.get_running_loop().call_later(A_TURN_S, self._beats)

    def _beats(self) -> None:
        took, worked = monotonic() - self._last, thread_time() - self._worked
        self._late = max(0.0, took - A_TURN_S)
        ours = self._late * min(1.0, worked / took)
        self.crowd.turn(ours, self._late - ours)
        self._beat = None
        if self.crowd.inside or self.crowd.pressed:
            self._start()
        else:
            self._late = 0.0


def _headers(head: Head) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.fields)
