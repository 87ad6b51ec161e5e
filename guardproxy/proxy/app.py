"""The data listener: guarded paths as a raw ASGI callable, FastAPI for all else.

FastAPI's routing costs 100–260 µs a request (performance.md), so what is guarded goes ahead of it. Everything is
decided on `scope["path"]`; unknown paths, methods and content types are refused, never passed through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse, PlainTextResponse

from guardproxy import __version__
from guardproxy.errors import (
    AuditUnavailable,
    BadRequest,
    GuardproxyError,
    LimitReached,
    Unauthorized,
)
from guardproxy.observe.entry import posix_text
from guardproxy.observe.logs import get_logger
from guardproxy.proxy.admission import Admission
from guardproxy.proxy.auth import Access
from guardproxy.proxy.checking import CheckFlow
from guardproxy.proxy.client import WHEN_GONE, Client, ClientGone, Receive, Send
from guardproxy.proxy.cors import Cors
from guardproxy.proxy.detecting import DetectFlow
from guardproxy.proxy.doorman import Doorman, Signs
from guardproxy.proxy.exchange import JSON, Exchange, Incoming
from guardproxy.proxy.flow import Flow
from guardproxy.proxy.front import FrontRules
from guardproxy.proxy.hall import Hall, new_decision_id
from guardproxy.proxy.ledger import Ledger
from guardproxy.proxy.moderating import ModerationFlow
from guardproxy.proxy.reloading import named
from guardproxy.proxy.signpost import sign
from guardproxy.proxy.tenants import Caller, Tenants
from guardproxy.proxy.upstream import Call, read_all
from guardproxy.wire.detector_api import error_answer as detector_error
from guardproxy.wire.errors import ErrorAnswer, complaint_answer, error_answer, read_complaint
from guardproxy.wire.headers import Headers, upstream_headers
from guardproxy.wire.models import found, listed, read_models, without
from guardproxy.wire.quota import Quota, quota_headers
from guardproxy.wire.surface import MESSAGES, SURFACES

Scope = dict[str, Any]
MODERATIONS = "/v1/moderations"
CHECK = "/v1/guard/check"
CONTENTS = "/api/v1/text/contents"
MODELS = "/v1/models"
READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Door:
    """A guarded path: the surface's name in metrics and records, and who answers. `forwards`: a model does."""

    surface: str
    opens: Callable[[Hall, Incoming, Client, Ledger], Exchange]
    forwards: bool = False


DOORS = {
    **{path: Door(one.name, partial(Flow, surface=one), forwards=True) for path, one in SURFACES.items()},
    MODERATIONS: Door("moderations", ModerationFlow),
    CHECK: Door("guard_check", CheckFlow),
    CONTENTS: Door("text_contents", DetectFlow),
}
POSTED = ", ".join(f"POST {path}" for path in DOORS)
SERVED = f"served here: {POSTED}, GET {MODELS}, GET {MODELS}/{{id}}, GET /healthz, GET /readyz"


class DataApp:
    """The ASGI application of the data listener."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._rest = rest(hall, lambda: self.draining)
        origins = hall.settings.listen.cors_origins
        self._cors = Cors(origins) if origins else None
        self._inflight = dict.fromkeys(DOORS, 0)
        for path, door in DOORS.items():
            hall.recorder.metrics.watch("inflight", partial(self._inflight.__getitem__, path), door.surface)
        self._live: dict[asyncio.Task[Any], Client] = {}
        tenants = Tenants(hall.settings.tenants, hall.routes)
        self._access = Access(tenants, hall.keys, hall.clock)
        signs = Signs({path: door.surface for path, door in DOORS.items()}, shaped, self._cors)
        self._doorman = Doorman(hall, self._access, signs)
        self._admission = Admission(hall.limits, self._share if len(tenants.names) > 1 else None, monotonic)

    @property
    def draining(self) -> bool:
        """True once nobody new is let in."""
        return self._doorman.draining

    @draining.setter
    def draining(self, ends: bool) -> None:
        self._doorman.draining = ends

    @property
    def rules(self) -> FrontRules:
        """What its listener demands of a request before it comes here."""
        settings, metrics = self._hall.settings, self._hall.recorder.metrics
        count = partial(metrics.count, "front_refusals_total")
        return FrontRules(settings.limits, tuple(settings.listen.hosts), shaped, count, self._doorman.meet)

    def shut(self) -> None:
        """The grace is used up: exchanges that still run end now, well-formed, as faults of ours."""
        for task, client in list(self._live.items()):
            client.shut(task)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path = _path(scope)
        if self._cors is not None:
            preflight = self._cors.preflight(_headers(scope)) if scope["method"] == "OPTIONS" else None
            if preflight is not None:
                await Client(receive, send).whole(200, preflight, b"")
                return
            send = self._cors.answering(_headers(scope), send)
        client = Client(receive, send, self._hall.settings.limits.write_timeout_s, scope.get(WHEN_GONE))
        if path in DOORS:
            await self._exchange(DOORS[path], scope, client)
        elif path == MODELS or path.startswith(MODELS + "/"):
            await self._models(scope, client)
        elif path in ("/healthz", "/readyz", "/"):
            if scope["method"] in READING:
                await self._rest(scope, receive, send)
            else:
                await _wrong_method(client)
        else:
            await _unknown(path, client)

    async def _exchange(self, door: Door, scope: Scope, client: Client) -> None:
        full = self._doorman.full()
        if full is not None:  # the listener has seen to it, but for requests that came in the same moment
            answer = self._doorman.sends_away(scope["path"], full)
            await client.whole(answer.status, answer.headers, answer.body)
            return
        headers = _headers(scope)
        caller, stranger = self._caller(headers, scope)
        incoming = Incoming(headers, caller.tenant.routes.default, caller)
        ledger = Ledger(
            decision_id=new_decision_id(),
            route=incoming.route.name,
            tenant=caller.tenant.name,
            key=caller.key,
            surface=door.surface,
            upstream=self._hall.upstream.target.name if door.forwards else "",
            at=self._hall.clock(),
        )
        flow = door.opens(self._hall, incoming, client, ledger)
        try:
            if stranger is not None:
                raise stranger
            _check_head(scope, incoming, self._hall.settings.limits.body_bytes)
            if not self._hall.recorder.audit.ready:  # the record of this refusal is the next attempt to write
                raise AuditUnavailable("the decision log cannot be written")
        except GuardproxyError as error:
            await self._turn_away(flow, client, error)
            return
        self._inflight[scope["path"]] += 1
        self._doorman.crowd.enter(caller.tenant.name)
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a request is answered in a task; this is a bug")
        self._live[task] = client
        try:
            await self._inside(caller, flow, client)
        finally:
            del self._live[task]
            self._inflight[scope["path"]] -= 1
            self._doorman.crowd.leave(caller.tenant.name)

    def _caller(self, headers: Headers, scope: Scope) -> tuple[Caller, Unauthorized | None]:
        """Who asks; for a stranger nobody in particular, and why."""
        try:
            return self._access.caller(headers, scope.get("query_string", b"")), None
        except Unauthorized as stranger:
            return self._access.tenants.anybody, stranger

    async def _inside(self, caller: Caller, flow: Exchange, client: Client) -> None:
        """The exchange within what its caller may take."""
        try:
            quotas = await self._admission.enter(caller)
        except LimitReached as error:
            client.quotas = self._told(error.quotas, flow.ledger.surface)
            await self._turn_away(flow, client, error)
            return
        client.quotas = self._told(quotas, flow.ledger.surface)
        try:
            await self._edge(flow, client, flow.ledger)
        finally:
            self._admission.leave(caller)
            await self._admission.spend(caller, flow.ledger.tokens)

    def _told(self, quotas: tuple[Quota, ...], surface: str) -> Headers:
        return quota_headers(quotas, anthropic=surface == MESSAGES.name, now=self._hall.clock())

    async def _turn_away(self, flow: Exchange, client: Client, error: GuardproxyError) -> None:
        """Before the body is read."""
        ledger = flow.ledger
        ledger.failed(error)
        answer = flow.error(error)
        extra = (("allow", "POST"),) if answer.status == 405 else ()
        ledger.status = answer.status
        await flow.record_fault()
        await client.whole(answer.status, (*answer.headers, *extra, *ledger.headers()), answer.body)

    async def _edge(self, flow: Exchange, client: Client, ledger: Ledger) -> None:
        """The request edge: whatever went wrong ends here, in the caller's format and without user text."""
        try:
            await flow.run()
        except ClientGone:
            pass
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not client.gone or task is None:
                raise
            task.uncancel()
        except Exception as error:  # noqa: BLE001 - the request edge
            get_logger().error("request_failed", kind=type(error).__name__, decision_id=ledger.decision_id)
            if not client.started:
                answer = flow.error(GuardproxyError())
                await client.whole(500, (*answer.headers, *ledger.headers()), answer.body)
        finally:
            client.unwatch()

    def _share(self) -> int:
        """Places that a tenant may have now: as many as are free. One takes half of all, three a quarter each."""
        return max(1, self._hall.settings.limits.inflight - self._doorman.crowd.inside)

    async def _models(self, scope: Scope, client: Client) -> None:
        """The upstream's list as the caller may see it, with our errors."""
        try:
            caller = self._access.caller(_headers(scope), scope.get("query_string", b""))
            if scope["method"] not in READING:
                await _wrong_method(client)
                return
            client.quotas = self._told(await self._admission.enter(caller), "models")
            try:
                await self._list(scope, client, caller)
            finally:
                self._admission.leave(caller)
        except GuardproxyError as error:
            if isinstance(error, LimitReached):
                client.quotas = self._told(error.quotas, "models")
            answer = error_answer(error)
            await client.whole(answer.status, answer.headers, answer.body)

    async def _list(self, scope: Scope, client: Client, caller: Caller) -> None:
        reply = await self._hall.upstream.send(Call("GET", "/models", upstream_headers(_headers(scope))))
        try:
            raw = await read_all(reply, 1024 * 1024)
        finally:
            await reply.close()
        if reply.status != 200:
            answer = complaint_answer(read_complaint(reply.status, reply.headers, raw), "")
            await client.whole(answer.status, answer.headers, answer.body)
            return
        routes = caller.tenant.routes
        tree = without(read_models(raw), routes.hides)
        name = scope["path"].removeprefix(MODELS).removeprefix("/")
        choose = (routes.listed, routes.aliases)
        body = listed(tree, *choose) if not name else found(tree, name, *choose)
        if body is None:
            raise BadRequest(routes.missing(), code="model_not_found", status=404, param="model")
        await client.whole(200, JSON, body)


def rest(hall: Hall, draining: Callable[[], bool]) -> FastAPI:
    """Probes and the front door; no documentation pages, no redirects on the data port."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.api_route("/", methods=[*READING])
    async def front() -> PlainTextResponse:
        return PlainTextResponse(f"guardproxy {__version__}: point an OpenAI client at /v1 of this address\n")

    @app.api_route("/healthz", methods=[*READING])
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.api_route("/readyz", methods=[*READING])
    async def readyz() -> JSONResponse:
        policies = [named(p.ref) for p in hall.shelf.policies]
        last = hall.shelf.last  # a refused set changes nothing: we stay ready, and say so
        attempt = {"ok": last.ok, "place": Path(last.place).name, "time": posix_text(last.at)}
        audit = hall.recorder.audit
        told: dict[str, Any] = {"policies": policies, "last_load": attempt, "audit": audit.state}
        if hall.link is not None:  # without Redis everything is still answered, from what this replica knows
            told["state"] = "shared" if hall.link.shared else "local"
        team = hall.standing
        if team is not None:
            told["workers"] = {"serve": team.serve, "of": team.of}
        if draining():
            return JSONResponse({"status": "draining", **told}, status_code=503)
        if not audit.ready:  # every answer would be a 503: whoever balances loads had better ask another one
            return JSONResponse({"status": "not_ready", **told}, status_code=503, headers={"retry-after": "5"})
        if team is not None and not team.complete:
            return JSONResponse({"status": "starting", **told}, status_code=503, headers={"retry-after": "1"})
        return JSONResponse({"status": "ready", **told})

    return app


def _headers(scope: Scope) -> Headers:
    return tuple([(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]])


def _path(scope: Scope) -> str:
    """The path that decides. One that is served has one spelling; only a model's name may hold escapes."""
    path, raw = scope["path"], scope.get("raw_path") or b""
    return path if b"%" not in raw or path.startswith(MODELS + "/") else raw.decode("latin-1")


def _check_head(scope: Scope, incoming: Incoming, most: int) -> None:
    """What can be said before the body is read, or asked for."""
    if scope["method"] != "POST":
        raise BadRequest("use POST here", code="method_not_allowed", status=405)
    if not _is_json(incoming.header("content-type")):
        raise BadRequest("send application/json (charset absent or utf-8)", code="unsupported_media_type", status=415)
    if any(value.lower() != "identity" for name, value in incoming.headers if name == "content-encoding"):
        raise BadRequest("send the body without Content-Encoding", code="unsupported_media_type", status=415)
    length = incoming.header("content-length")
    if length.isascii() and length.isdigit() and int(length) > most:
        raise BadRequest(f"the body is longer than {most} bytes", code="request_too_large", status=413)


def _is_json(value: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in value.split(";"))
    charsets = {"charset=utf-8", 'charset="utf-8"', "charset=utf8", 'charset="utf8"'}
    return kind == "application/json" and (not parameters or (len(parameters) == 1 and parameters[0] in charsets))


async def _wrong_method(client: Client) -> None:
    """On a path that is only read."""
    answer = error_answer(BadRequest("use GET here", code="method_not_allowed", status=405))
    await client.whole(answer.status, (*answer.headers, ("allow", ", ".join(READING))), answer.body)


async def _unknown(path: str, client: Client) -> None:
    """404 with the way, in the shape of the surface that was meant."""
    found = sign(path, (*DOORS, MODELS))
    answer = shaped(found.near, BadRequest(f"{found} ({SERVED})", code="unknown_path", status=404))
    await client.whole(answer.status, answer.headers, answer.body)


def shaped(path: str, error: GuardproxyError) -> ErrorAnswer:
    """An error as callers of a path read it: of a surface's own, else of OpenAI's."""
    answer = detector_error(error) if path == CONTENTS else error_answer(error)
    return SURFACES[path].errors(answer) if path in SURFACES else answer


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
