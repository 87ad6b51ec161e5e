"""A streamed answer: upstream events in, released events out, one task, back-pressure all the way.

While detectors look at a window nothing more is read: the upstream waits in its socket, the order stays plain, and
no task is made per event. Events that came together are looked at together and leave together: how the upstream's
text is cut changes nothing (`core.channels`), so a proxy that falls behind catches up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

from guardproxy.core.commands import Channel, ChannelKind, Command, Halt, Release
from guardproxy.core.drafts import rejects
from guardproxy.core.rules import NoticePlace
from guardproxy.errors import (
    AuditUnavailable,
    GuardproxyError,
    GuardUnavailable,
    ShuttingDown,
    UpstreamBadAnswer,
    UpstreamError,
    UpstreamTimeout,
)
from guardproxy.proxy.answering import Interrupted, Moderated, notices_of, refuse_unread
from guardproxy.proxy.drafting import DraftRejected
from guardproxy.proxy.ledger import code_of
from guardproxy.proxy.upstream import Reply, read_all
from guardproxy.proxy.wording import Notice, Wording
from guardproxy.wire.answer import Called
from guardproxy.wire.dialect import AnswerStream, Delta, Dialect, Reading
from guardproxy.wire.envelope import Envelope, refused_finish
from guardproxy.wire.headers import STREAM_HEADERS
from guardproxy.wire.request import Request
from guardproxy.wire.sse import Event, SseDecoder

TICK = 0.25
"""Seconds between two looks at the clock while text waits for a window; if none does, nothing happens until the
next heartbeat, and thousands of slow streams cost next to nothing."""
HEARTBEAT = 15.0
TOGETHER = 1000
"""Characters of neighbouring events that are looked at as one: a scanner's window, beyond which nothing is gained."""
PATIENCE = 10.0
"""Seconds without a first event after which the headers leave anyway (wire.md 3.2)."""

if TYPE_CHECKING:
    from guardproxy.proxy.flow import Flow


class _Withheld(Exception):
    """Nothing has left yet, and on this route a refusal is an HTTP error. `text` is ours."""

    def __init__(self, text: str) -> None:
        super().__init__("an answer was withheld before its first byte")
        self.text = text


@dataclass(slots=True)
class StreamRun:
    """One streamed answer of one exchange. `heard`: when the model last said something; None: not yet."""

    flow: Flow
    request: Request
    reply: Reply
    moderated: Moderated
    words: Wording
    notices: list[Notice]
    envelope: Envelope
    dialect: Dialect
    _told: set[int] = field(default_factory=set)
    """The choices that have their notices in front."""
    began: float = field(default_factory=perf_counter)
    heard: float | None = None
    _said: list[Delta] = field(default_factory=list)
    """Neighbours of one channel that nobody has looked at yet."""
    _size: int = 0
    _out: list[bytes] = field(default_factory=list)
    """What may leave, and leaves before anything is waited for."""

    async def run(self) -> None:
        """Until the stream has ended well-formed, whatever happens upstream."""
        stream = self.dialect.stream(self.envelope, self.flow.ask(self.request))
        if not all(notice.patient for notice in self._in_front()):
            for choice in range(self.request.n):
                await self._tell(stream, choice)
        try:
            with self.flow.client.interruptible():
                await self._relay(stream)
        except _Withheld as refused:
            self.flow.take(self.moderated)
            await self.flow.refuse_by_error(refused.text)
        except (GuardUnavailable, AuditUnavailable, ShuttingDown, UpstreamError) as error:
            if not self.flow.client.started:
                raise
            await self._fault(stream, error)

    def _in_front(self) -> list[Notice]:
        return [notice for notice in self.notices if notice.place is NoticePlace.BEFORE]

    async def _tell(self, stream: AnswerStream, choice: int) -> None:
        """The notices in front of a choice, once."""
        if choice in self._told:
            return
        self._told.add(choice)
        for notice in self._in_front():
            self.flow.remember([notice.text])
            await self._write(stream.notice(choice, notice.text, before=True))
            self.words.introduced |= notice.patient

    async def _relay(self, stream: AnswerStream) -> None:
        kind = self.reply.headers.get("content-type", "")
        if "text/event-stream" in kind:
            await self._read_events(stream)
        elif "json" in kind:
            raw = await read_all(self.reply, 16 * 1024 * 1024)
            for tree in self.dialect.event_trees(raw):
                await self._heed(stream, self._read(stream, tree))
            await self._catch_up(stream)
        else:
            raise UpstreamBadAnswer("the upstream answered with something that is neither JSON nor an event stream")
        if not stream.complete:
            raise UpstreamBadAnswer("the upstream's stream ended before its answer did", kind="reset")
        await self._finish(stream)

    async def _read_events(self, stream: AnswerStream) -> None:
        decoder = SseDecoder()
        while not stream.all_halted:
            piece = await self._piece(stream)
            events = decoder.feed(piece) if piece else decoder.flush()
            ended = await self._take(stream, events)
            await self._send()
            if ended or not piece:
                return

    async def _take(self, stream: AnswerStream, events: Sequence[Event]) -> bool:
        """The events of one piece; true when the last of all was among them."""
        for event in events:
            if event.done:
                await self._catch_up(stream)
                return True
            try:
                reading = self._read(stream, self.dialect.event_tree(event))
            except UpstreamBadAnswer:
                await self._catch_up(stream)  # what came before the fault leaves as if it had come alone
                raise
            await self._heed(stream, reading)
        await self._catch_up(stream)
        return False

    async def _piece(self, stream: AnswerStream) -> bytes:
        """The upstream's next bytes. Meanwhile time passes for the moderator, and the caller hears a heartbeat."""
        began = said = perf_counter()
        while True:
            longest = min(self._patience(began), said + self._quiet - perf_counter())
            try:
                async with asyncio.timeout(max(0.0, min(longest, TICK) if self.moderated.waits else longest)):
                    piece = await self.reply.piece()
            except TimeoutError:
                now = perf_counter()
                if self.moderated.waits:
                    await self._judge(stream, self.moderated.tick(now * 1000))
                if now - said >= self._quiet:
                    said = now
                    await self._write([stream.heartbeat()])
                await self._send()
                continue
            self.flow.ledger.upstream_seconds += perf_counter() - began
            return piece

    @property
    def _quiet(self) -> float:
        """Seconds for which the caller need not hear of us."""
        return HEARTBEAT if self.flow.client.started else PATIENCE

    def _patience(self, since: float) -> float:
        """Seconds that the upstream still has; raises UpstreamTimeout when it has none. `since`: when we began to wait.

        Silence is counted on what the model says, or comments could hold a stream open for ever. Before its first
        word they are a sign of life (a model that loads, a queue) until the time for an answer is over.
        """
        now, times = perf_counter(), self.flow.times
        whole = self.began + self.flow.route.total_timeout_s
        first = self.began + times.answer_timeout if self.heard is None else whole
        idle = (since if self.heard is None else self.heard) + times.idle_timeout
        if now >= whole:
            raise UpstreamTimeout("the upstream's answer took too long in all")
        if now >= first:
            raise UpstreamTimeout("the upstream kept the stream open and said nothing")
        if now >= idle:
            raise UpstreamTimeout("the upstream fell silent in mid-answer", kind="idle")
        return min(whole, first, idle) - now

    def _read(self, stream: AnswerStream, tree: dict[str, object]) -> Reading:
        self.flow.meter.note(tree)
        return stream.chunk(tree)

    async def _heed(self, stream: AnswerStream, reading: Reading) -> None:
        """Text waits for its neighbours of the same piece; all else takes its turn behind it."""
        if reading.called or reading.closed or reading.finished:
            await self._catch_up(stream)
            await self._chunk(stream, reading)
            return
        for delta in reading.deltas:
            last = self._said[-1] if self._said else delta
            if (last.choice, last.channel) != (delta.choice, delta.channel) or self._size >= TOGETHER:
                await self._catch_up(stream)
            self._said.append(delta)
            self._size += len(delta.text)

    async def _catch_up(self, stream: AnswerStream) -> None:
        """What waits is looked at, and what may leave after it leaves."""
        said, self._said, self._size = self._said, [], 0
        if said:
            joined = Delta(said[0].choice, said[0].channel, "".join(delta.text for delta in said))
            await self._chunk(stream, Reading((joined,)))
        else:
            await self._write(stream.ready())

    async def _chunk(self, stream: AnswerStream, reading: Reading) -> None:
        await self._check_calls(stream, reading.called)
        closing = dict.fromkeys((closed.choice, closed.channel) for closed in reading.closed)
        last = {(delta.choice, delta.channel): at for at, delta in enumerate(reading.deltas)}
        for at, delta in enumerate(reading.deltas):
            if self.moderated.is_halted(delta.choice):
                continue
            await self._judge(stream, self.moderated.feed(delta.choice, [(delta.channel, delta.text)]))
            key = (delta.choice, delta.channel)
            if key in closing and last[key] == at:  # at once: a channel that is over costs those behind it nothing
                del closing[key]
                await self._close(stream, *key)
        for choice, channel in closing:
            await self._close(stream, choice, channel)
        for choice in reading.finished:
            if not self.moderated.is_halted(choice):
                try:
                    await self._judge(stream, self.moderated.flush(choice))
                except GuardUnavailable:
                    stream.broke_off(choice)
                    raise
        await self._write(stream.ready())
        if reading.deltas or reading.finished:
            self.heard = perf_counter()  # not before: our own work and a slow caller are no silence of the model

    async def _close(self, stream: AnswerStream, choice: int, channel: Channel) -> None:
        if not self.moderated.is_halted(choice):
            await self._judge(stream, self.moderated.close(choice, channel))

    async def _check_calls(self, stream: AnswerStream, called: tuple[Called, ...]) -> None:
        for call in called:
            if call.name not in self.request.tool_names and not self.moderated.is_halted(call.choice):
                halt = self.moderated.end(call.choice, refuse_unread(self.words.policy.ref))
                await self._obey(stream, [halt])

    async def _judge(self, stream: AnswerStream, looking: Awaitable[list[Command]]) -> None:
        """Does what is said. What was cleared before a fault leaves, as it does when it came in a piece of its own."""
        try:
            commands = await looking
        except Interrupted as fault:
            await self._obey(stream, fault.before)
            raise
        await self._obey(stream, commands)

    async def _obey(self, stream: AnswerStream, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Release):
                if self.flow.ledger.first_token is None:
                    self.flow.ledger.first_token = perf_counter() - self.flow.ledger.started
                await self._tell(stream, command.choice)
                await self._write(stream.release(command))
            elif isinstance(command, Halt):
                if rejects(command.decision):
                    if not self.flow.client.started:
                        raise DraftRejected(command.decision)
                    command = self.moderated.harden(command)  # noqa: PLW2901 - what has begun cannot be written again
                shown = any(r.text for r in self.moderated.given[command.choice].releases)
                text = self._refusal(command, "cut" if shown else "withheld")
                if self.flow.refuses_by_error and not self.flow.client.started:
                    raise _Withheld(text)
                in_field = self.flow.ask(self.request).in_field and not self._wrote(command.choice)
                self.flow.ledger.finish_reason = refused_finish(in_field)
                await self._write(stream.halt(command.choice, text))

    def _refusal(self, halt: Halt, shape: str) -> str:
        told = bool(self._in_front()) and halt.choice in self._told
        return self.words.refusal(halt.decision, shape, introduced=told or self.flow.refuses_by_error)

    def _wrote(self, choice: int) -> bool:
        """True when the client has words of the answer, behind which a refusal is words as well."""
        released = self.moderated.given[choice].releases
        told = bool(self._in_front()) and choice in self._told
        return told or any(r.text for r in released if r.channel.kind is ChannelKind.CONTENT)

    async def _finish(self, stream: AnswerStream) -> None:
        self.flow.take(self.moderated)
        for choice in sorted(self.moderated.given):
            if self.moderated.is_halted(choice):
                continue
            own = notices_of(self.request, self.words, self.moderated.decision(choice))
            said = "".join(r.text for r in self.moderated.given[choice].releases)
            late = [n for n in self.notices if n.place is NoticePlace.AFTER] + own
            texts = dict.fromkeys(n.text for n in late if n.text not in said)
            if texts:
                self.flow.remember(["\n\n".join(texts)])
                await self._write(stream.notice(choice, "\n\n".join(texts), before=False))
        self.flow.ledger.status = 200
        await self._send()
        await self.flow.record()
        await self._write(stream.finish(self.flow.annotation()))
        await self._end()

    async def _fault(self, stream: AnswerStream, error: GuardproxyError) -> None:
        """Held text is dropped; an error frame, a finish chunk `length`, [DONE]. Never looks like a refusal."""
        self.flow.witness(self.moderated)
        self.flow.ledger.failed(error)
        code = code_of(error)
        message = self.words.plain("guard_unavailable_cut") if code == "guard_unavailable" else str(error)
        await self._send()
        await self.flow.record_fault()
        await self._write(stream.fault(code, message, self.flow.annotation()))
        await self._end()

    async def _write(self, events: list[bytes]) -> None:
        """The first of all leave at once, for much depends on whether anything has left; the others with their piece."""
        if not events:
            return
        self._out += events
        if not self.flow.client.started:
            self.flow.know(self.moderated)
            self.flow.begin()
            await self.flow.client.start(200, (*STREAM_HEADERS, *self.flow.ledger.headers()))
            await self._send()

    async def _send(self) -> None:
        if self._out:
            out, self._out = self._out, []
            await self.flow.client.write(b"".join(out))

    async def _end(self) -> None:
        await self._send()
        await self.flow.client.end()
