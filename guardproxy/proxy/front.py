"""Between the socket and the server library: what that does not check is checked here, for both listeners.

`wire.http_gate` reads every byte first and writes the request anew; uvicorn's parser sees nothing else. One request
at a time: the next one of a pipeline is read when the answer before it is out. Timers close connections that send
too slowly or take too slowly, and whoever answers before a body has ended closes the connection after it.

A fault is answered in the caller's format where an answer is possible; it is counted, and reaches no application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from guardproxy.errors import BadRequest, GuardproxyError, Overloaded
from guardproxy.proxy.client import WHEN_GONE
from guardproxy.proxy.lingering import LingeringTransport
from guardproxy.proxy.settings import LimitSettings
from guardproxy.wire.errors import ErrorAnswer, error_answer
from guardproxy.wire.http_gate import Gate
from guardproxy.wire.http_head import Head, HeadLimits

MOST_HELD = 64 * 1024
"""Bytes of later requests that wait for the answer to the one before; beyond it nothing is read."""
BODY_GRACE = 5.0
"""Seconds beyond the body's time: the application answers first, and only its silence ends here."""
_ENDLESS = 1 << 62
HEAD, BODY, IDLE = "head", "body", "idle"


def _plain(_path: str, error: GuardproxyError) -> ErrorAnswer:
    return error_answer(error)


@dataclass(frozen=True, slots=True)
class FrontRules:
    """What a listener demands. `answer`: a fault in the format of the path's surface; `count`: by the fault's code.

    `meet`: what a request hears whose head is all that is looked at; None: it goes on to the application.
    """

    limits: LimitSettings = field(default_factory=LimitSettings)
    hosts: tuple[str, ...] = ()
    answer: Callable[[str, GuardproxyError], ErrorAnswer] = _plain
    count: Callable[[str], None] = field(default=lambda _code: None)
    meet: Callable[[Head], ErrorAnswer | None] = field(default=lambda _head: None)

    @property
    def head(self) -> HeadLimits:
        """The same limits as the gate knows them."""
        limits, hosts = self.limits, frozenset(host.lower().encode() for host in self.hosts)
        return HeadLimits(limits.header_bytes, limits.header_fields, limits.target_bytes, hosts)


def front(rules: FrontRules) -> type[asyncio.Protocol]:
    """What uvicorn calls for each connection."""
    return cast("type[asyncio.Protocol]", partial(Front, rules, rules.head))


class Front(HttpToolsProtocol):
    """One connection."""

    transport: LingeringTransport

    def __init__(
        self,
        rules: FrontRules,
        head: HeadLimits,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._rules = rules
        self._gate = Gate(head)
        self._phase = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._keeps_alive = False
        self._refused = False
        self._tell_gone: Callable[[], None] | None = None
        self._sent_away = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counts it; the first head has to come in time."""
        lingering = LingeringTransport(transport, self._is_unread, self._rules.limits.write_timeout_s)
        super().connection_made(lingering)
        if len(self.connections) > self._rules.limits.connections:
            self._refuse(Overloaded("too many connections", status=503))
            return
        self._enter(HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops all timers."""
        self._enter("")
        self.resume_writing()
        self.transport.lost()
        super().connection_lost(exc)
        self._gone()

    def data_received(self, data: bytes) -> None:
        """Bytes as they come; they go on when it is their turn."""
        if self.transport.is_closing():
            self.transport.drain(len(data))
            return
        self._unset_keepalive_if_required()
        self._gate.feed(data)
        self._advance()

    def on_headers_complete(self) -> None:
        """Until its body has ended, an answer closes the connection."""
        super().on_headers_complete()
        cast("dict[str, Any]", self.scope)[WHEN_GONE] = self._when_gone
        if self.scope["http_version"] == "1.0":
            self.cycle.send = _unchunked(self.cycle)  # type: ignore[method-assign, assignment]
        self._keeps_alive = self.cycle.keep_alive
        self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """An answer that has not begun yet may leave the connection open."""
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps_alive
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The next request's turn, when it waits."""
        super().on_response_complete()
        if not self.transport.is_closing() and self._gate.begun:
            self._unset_keepalive_if_required()
            self._advance()

    def shutdown(self) -> None:
        """The answer under way is the last one."""
        self._keeps_alive = False
        super().shutdown()

    def pause_writing(self) -> None:
        """The caller takes nothing: not for ever."""
        super().pause_writing()
        self._stall = self.loop.call_later(self._rules.limits.write_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It took enough."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """The parser behind the gate sees a fault that the gate did not: it is refused all the same."""
        del msg
        self._refuse(BadRequest("this is not HTTP/1.1", code="invalid_http"))

    def _when_gone(self, tell: Callable[[], None] | None) -> None:
        """Who answers the request wants to hear, once, that its caller has left: without a task that waits for it."""
        self._tell_gone = tell
        if tell is not None:
            self.flow.resume_reading()  # or nobody would see the end of the connection
            if self.cycle.disconnected:
                self._gone()

    def _gone(self) -> None:
        tell, self._tell_gone = self._tell_gone, None
        if tell is not None:
            tell()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _is_unread(self) -> bool:
        return self._refused or not self._gate.between or self._gate.held > 0

    def _advance(self) -> None:
        """Hands on what may go on: the rest of the request under way, or the next one's head."""
        try:
            while not self.transport.is_closing() and not (self._gate.between and self._answering):
                piece = self._gate.step()
                if piece is None:
                    break
                head = self._gate.head
                if head is not None:
                    self._sent_away = self._is_sent_away(head)
                if not self._sent_away:
                    super().data_received(piece)
        except BadRequest as error:
            self._refuse(error)
            return
        if self.transport.is_closing():
            return
        if self._gate.held > MOST_HELD:
            self.flow.pause_reading()
        self._enter(self._now())

    def _is_sent_away(self, head: Head) -> bool:
        """Answers at once who may not go on. The connection stays when its whole body is here and can be dropped."""
        answer = self._rules.meet(head)
        if answer is None:
            return False
        keeps = not head.closes and not head.chunked and self._gate.held >= (head.length or 0)
        self.transport.write(_written(answer, self.server_state.default_headers, keeps=keeps))
        if keeps:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            self._enter("")
            self._refused = True
            self.transport.close()
        return True

    def _now(self) -> str:
        if not self._gate.between:
            return BODY
        waits = not self._answering and (self._gate.begun or self.cycle is None)
        return HEAD if waits else IDLE

    def _enter(self, phase: str) -> None:
        """Each phase has its time, however many pieces come in it."""
        if phase == self._phase:
            return
        self._phase = phase
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        limits = self._rules.limits
        if phase == HEAD:
            self._deadline = self.loop.call_later(limits.header_timeout_s, self._late)
        elif phase == BODY:
            self._deadline = self.loop.call_later(limits.body_timeout_s + BODY_GRACE, self.transport.abort)

    def _late(self) -> None:
        """What has come while this process was busy is read first: it was not the caller who was slow."""
        self._deadline = self.loop.call_later(0, self._too_late)

    def _too_late(self) -> None:
        if self._gate.begun:
            self._refuse(BadRequest("the headers did not arrive in time", code="request_timeout", status=408))
        else:
            self.transport.close()

    def _refuse(self, error: BadRequest | Overloaded) -> None:
        """The last thing this connection hears. An exchange whose body broke off ends as if its caller had left."""
        self._enter("")
        self._refused = True
        self._rules.count(error.code if isinstance(error, BadRequest) else "overloaded")
        started = False
        if self._answering:
            started = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._gone()
        if not started:
            answer = self._rules.answer(self._gate.path, error)
            self.transport.write(_written(answer, self.server_state.default_headers))
        self.transport.close()


def _unchunked(cycle: RequestResponseCycle) -> Callable[[Any], Coroutine[Any, Any, None]]:
    """`send` for HTTP/1.0, which knows no chunks: an answer without a length ends with the connection."""
    send, cycle.chunked_encoding = cycle.send, False

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.body":
            left = _ENDLESS if message.get("more_body", False) else 0
            cycle.expected_content_length = len(message.get("body", b"")) + left
        await send(message)

    return sending


def _written(answer: ErrorAnswer, usual: list[tuple[bytes, bytes]], *, keeps: bool = False) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in usual]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines += [f"content-length: {len(answer.body)}", *([] if keeps else ["connection: close"]), "", ""]
    return "\r\n".join(lines).encode("latin-1") + answer.body
