"""Policies from the parent to its workers: all take a set over, or none does.

    Handover(hall, crew)       hooks itself to the shelf and the trial of the parent's hall
        .welcome(member, …)    a new worker may have loaded a set that is no longer in force

The shelf asks before it swaps: every worker makes the set ready, and one that cannot, or takes too long, keeps it from
coming into force anywhere. Then all swap, each in one assignment, so that a request is judged by one whole set. A worker
that dies in between begins again with what is in force then. Shelf and office call from threads; the loop does the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from guardproxy.core.rules import Source
from guardproxy.observe.logs import get_logger
from guardproxy.policy.problems import Problem
from guardproxy.policy.shelf import Held
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.workers.channel import AskedInVain, ChannelLost
from guardproxy.proxy.workers.crew import Crew, Member
from guardproxy.proxy.workers.duty import COMMIT, PREPARE, TRIAL
from guardproxy.proxy.workers.handdown import packed

PATIENCE_S = 30.0
"""With a worker that makes a set ready."""
SWAP_S = 5.0
"""With a worker that swaps: one that cannot even do that is replaced."""
T = TypeVar("T")


class Handover:
    """One for the parent; make it on the running loop, when the hall is open."""

    def __init__(self, hall: Hall, crew: Crew) -> None:
        self._hall = hall
        self._crew = crew
        self._loop = asyncio.get_running_loop()
        self._generation = 0
        self._own = hall.shelf.prepare
        hall.shelf.prepare = self._prepare
        hall.shelf.swapped = lambda: self._here(self._commit(hall.shelf.held()))
        hall.trial.changed = self._trial_changed
        crew.loaded = self.welcome

    async def welcome(self, member: Member, hashes: list[str]) -> None:
        """Before a new worker serves: the set in force, if it has loaded another one."""
        held = self._hall.shelf.held()
        if [ref.hash for ref in held.set.refs] != hashes:
            await self._again(member, held)

    def _here(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs on the loop while a thread waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _prepare(self, held: Held) -> tuple[Problem, ...]:
        return self._own(held) or self._here(self._prepared(held))

    async def _prepared(self, held: Held) -> tuple[Problem, ...]:
        self._generation += 1
        body, members = packed(held), self._crew.members
        done = await asyncio.gather(*(self._made_ready(one, body) for one in members))
        late = [one.number for one, fine in zip(members, done, strict=True) if not fine]
        if not late:
            return ()
        get_logger().error("workers_not_prepared", workers=late)
        who = f"worker {', '.join(map(str, late))}"
        hint = "the set before it stays in force everywhere; look for lines of this worker in the log, then load again"
        place = Source(str(held.path), 1, 1)
        return (Problem("GP013", place, f"{who} did not take the policies over", hint=hint),)

    async def _made_ready(self, member: Member, body: bytes) -> bool:
        """True for one that died: it begins again with what is in force then."""
        if member.channel is None:
            return True
        try:
            async with asyncio.timeout(PATIENCE_S):
                await member.channel.ask(PREPARE, body, generation=self._generation)
        except ChannelLost:
            return True
        except (TimeoutError, AskedInVain):
            return False
        return True

    async def _commit(self, held: Held) -> None:
        await asyncio.gather(*(self._swapped(one, held) for one in self._crew.members))

    async def _swapped(self, member: Member, held: Held) -> None:
        """A worker that cannot is killed: it must not go on with the old set."""
        if member.channel is None:
            return
        try:
            async with asyncio.timeout(SWAP_S):
                answer = await member.channel.ask(COMMIT, generation=self._generation)
            if "missing" in answer.fields:
                await self._again(member, held)
        except ChannelLost:
            return
        except (TimeoutError, AskedInVain):
            get_logger().error("worker_not_swapped", worker=member.number)
            self._crew.replace(member)

    async def _again(self, member: Member, held: Held) -> None:
        """Both steps for one that was not there for the first."""
        if member.channel is not None:
            async with asyncio.timeout(PATIENCE_S):
                await member.channel.ask(PREPARE, packed(held), generation=self._generation)
                await member.channel.ask(COMMIT, generation=self._generation)

    def _trial_changed(self) -> None:
        """In the thread of the office: a candidate has come or gone, and its files will change."""
        shelf = self._hall.trial.shelf
        if shelf is not None:
            shelf.swapped = lambda: self._tell_trial(shelf.held(), again=True)
        self._loop.call_soon_threadsafe(self._crew.desk.forget_views)
        self._tell_trial(shelf.held() if shelf is not None else None, again=False)

    def _tell_trial(self, held: Held | None, *, again: bool) -> None:
        """Returns when every worker judges by it, so that whoever began a trial misses none of what follows."""
        body = packed(held) if held is not None else b""
        self._here(self._told_trial(body, again=again))

    async def _told_trial(self, body: bytes, *, again: bool) -> None:
        await asyncio.gather(*(self._told(one, body, again=again) for one in self._crew.members))

    async def _told(self, member: Member, body: bytes, *, again: bool) -> None:
        """One that died begins with the candidate of then; one that cannot compares nothing."""
        if member.channel is None or not member.channel.is_open:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await member.channel.ask(TRIAL, body, again=again)
        except ChannelLost:
            return
        except (TimeoutError, AskedInVain):
            get_logger().error("worker_without_candidate", worker=member.number)
