"""The workers of `serve --workers N` as their parent sees them: started, replaced when they die, drained together.

Crew(hall, desk, of).start()      N processes; `complete` once all of them serve
    .members                      those that can be spoken to
    .refresh()                    takes what they have counted and decided: before somebody reads it
    .drain(), .hurry()            SIGTERM to all, once and twice
    .ended()                      when the last one has gone
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from guardproxy.errors import ConfigError
from guardproxy.observe.logs import get_logger
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.server import HURRY_S
from guardproxy.proxy.settings import Settings
from guardproxy.proxy.tasks import spawn
from guardproxy.proxy.workers.channel import Answer, AskedInVain, Channel, ChannelLost, Message, pair
from guardproxy.proxy.workers.desk import Desk
from guardproxy.proxy.workers.duty import LOOK, STANDING
from guardproxy.proxy.workers.handdown import Welcome, packed
from guardproxy.proxy.workers.merging import ASK_EVERY_S
from guardproxy.proxy.workers.worker import FAREWELL, LOADED, SERVES, WELCOME

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 4.0
"""Pause before a worker is replaced, doubled each time one dies before it served."""
PATIENCE_S = 2.0
"""With a worker that is asked what it has counted; one that does not answer is shown as it was."""
TELL_EVERY_S = 0.25
LAST_PATIENCE_S = 2.0
"""Seconds after the grace until a worker that still runs is killed."""


NOT_STARTED = -1
"""In the place of an exit status: the system gave no process."""


@dataclass(slots=True, eq=False)
class Member:
    """One place in the crew, and the process that fills it."""

    number: int
    channel: Channel | None = None
    process: Process | None = None
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What workers are told of the whole, whenever it changes."""

    serve: int
    complete: bool
    audit: str
    ok: bool
    place: str
    at: float
    wait: float


@dataclass(slots=True)
class Crew:
    """Everything here runs on the parent's event loop."""

    hall: Hall
    desk: Desk
    of: int
    settings: Settings
    """A worker's, see `handdown.share`."""
    secret: bytes = field(repr=False)
    loaded: Callable[[Member, list[str]], Awaitable[None]] | None = None
    """Awaited with the hashes that a new worker has loaded, before it serves."""
    _members: list[Member] = field(default_factory=list)
    _keepers: list[asyncio.Task[None]] = field(default_factory=list)
    _complete: asyncio.Future[None] | None = None
    _stopping: bool = False
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _told: Told | None = None

    def start(self) -> None:
        """Starts the processes; they load while the parent does other things."""
        self._complete = asyncio.get_running_loop().create_future()
        self._members = [Member(number) for number in range(1, self.of + 1)]
        self._keepers = [spawn(self._keep(member)) for member in self._members]
        spawn(self._attend())

    async def complete(self) -> None:
        """Until all serve. ConfigError when one ends before it did."""
        if self._complete is not None:
            await self._complete

    @property
    def stopping(self) -> bool:
        """Nobody is replaced any more."""
        return self._stopping

    @property
    def members(self) -> list[Member]:
        """Those that can be spoken to."""
        return [one for one in self._members if one.channel is not None and one.channel.is_open]

    @property
    def serving(self) -> int:
        """How many serve."""
        return sum(one.serves for one in self._members)

    async def refresh(self) -> None:
        """Takes what each has counted and decided. Never raises, and waits for nobody longer than `PATIENCE_S`."""
        async with self._looking:
            await asyncio.gather(*(self._look(one) for one in self.members if one.serves))

    def drain(self) -> None:
        """They stop accepting; running exchanges may end."""
        self._stopping = True
        self._signal(signal.SIGTERM)

    def hurry(self) -> None:
        """What still runs ends now."""
        self._signal(signal.SIGTERM)

    def replace(self, member: Member) -> None:
        """Kills it; its place is filled again."""
        if member.process is not None and member.process.returncode is None:
            with suppress(ProcessLookupError):
                member.process.kill()

    async def ended(self) -> None:
        """Until the last has gone; whoever outlasts the grace is killed."""
        longest = self.hall.settings.listen.grace_s + HURRY_S + LAST_PATIENCE_S
        _, late = await asyncio.wait(self._keepers, timeout=longest)
        if late:
            self._signal(signal.SIGKILL)
            await asyncio.wait(late)

    def _signal(self, number: signal.Signals) -> None:
        for one in self._members:
            if one.process is not None and one.process.returncode is None:
                with suppress(ProcessLookupError):
                    one.process.send_signal(number)

    async def _keep(self, member: Member) -> None:
        """Fills the place, and again when it becomes empty."""
        pause = FIRST_PAUSE_S
        while not self._stopping:
            code, served = await self._live(member)
            if self.stopping:
                return
            get_logger().error("worker_ended", worker=member.number, code=code, served=served)
            if not served and self._complete is not None and not self._complete.done():
                self._complete.set_exception(
                    ConfigError(f"worker {member.number} ended with {code} before it served: see its lines above")
                )
                return
            pause = FIRST_PAUSE_S if served else min(2 * pause, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _live(self, member: Member) -> tuple[int, bool]:
        """One process from start to end: its exit status, and whether it ever served."""
        mine, theirs = pair()
        with theirs:
            try:
                process = await _started(theirs.fileno())
            except OSError:
                mine.close()
                return NOT_STARTED, False
        member.process = process
        channel = Channel({**self.desk.answers, **self._answers(member)})
        await channel.open(mine)
        member.channel = channel
        if self._stopping:
            process.terminate()
        try:
            channel.say(WELCOME, packed(self._welcome(member.number)))
            code = await process.wait()
            served = member.serves
        finally:
            member.serves, member.channel = False, None
            await channel.settled()
            channel.close()
        await self.desk.leave(member.number)
        return code, served

    def _welcome(self, number: int) -> Welcome:
        hall = self.hall
        beside = hall.trial.shelf
        return Welcome(
            settings=self.settings,
            number=number,
            of=self.of,
            held=hall.shelf.held(),
            candidate=beside.held() if beside is not None else None,
            hmac_key=hall.recorder.hmac_key,
            state_secret=self.secret,
        )

    def _answers(self, member: Member) -> dict[str, Answer]:
        async def loaded(message: Message) -> None:
            if self.loaded is not None:
                await self.loaded(member, message.fields["hashes"])

        def serves(_message: Message) -> None:
            member.serves = True
            if self.serving == self.of and self._complete is not None and not self._complete.done():
                self._complete.set_result(None)
            self._tell()

        def farewell(message: Message) -> None:
            self.desk.take(member.number, message)

        return {LOADED: loaded, SERVES: serves, FAREWELL: farewell}

    async def _look(self, member: Member) -> None:
        if member.channel is None:
            return
        with suppress(TimeoutError, ChannelLost, AskedInVain):
            async with asyncio.timeout(PATIENCE_S):
                self.desk.take(member.number, await member.channel.ask(LOOK))

    async def _attend(self) -> None:
        """Tells workers how the whole stands, and asks them now and then."""
        rounds = round(ASK_EVERY_S / TELL_EVERY_S)
        while not self._stopping:
            for _ in range(rounds):
                self._tell()
                await asyncio.sleep(TELL_EVERY_S)
            await self.refresh()

    def _tell(self) -> None:
        last = self.hall.shelf.last
        complete = self._complete is not None and self._complete.done()
        now = Told(self.serving, complete, self.desk.fault, last.ok, last.place, last.at, self.desk.wait_s)
        if now != self._told:
            self._told = now
            for one in self.members:
                if one.channel is not None:
                    one.channel.say(STANDING, serve=now.serve, complete=now.complete, audit=now.audit,
                                    ok=now.ok, place=now.place, at=now.at, wait=now.wait)  # fmt: skip


async def _started(descriptor: int) -> Process:
    """In a session of its own: a Ctrl-C at the terminal is for the parent. OSError when the system gives none."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guardproxy.proxy.workers.worker", str(descriptor),
        pass_fds=(descriptor,), stdin=DEVNULL, start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
