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
from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse, PlainTextResponse

from guardproxy import __version__
from guardproxy.errors import AuditUnavailable, BadRequest, GuardproxyError, Overloaded
from guardproxy.observe.entry import posix_text
from guardproxy.observe.logs import get_logger
from guardproxy.proxy.checking import CheckFlow
from guardproxy.proxy.client import Client, ClientGone, Receive, Send
from guardproxy.proxy.cors import Cors
from guardproxy.proxy.detecting import DetectFlow
from guardproxy.proxy.exchange import JSON, Exchange, Incoming
from guardproxy.proxy.flow import Flow
from guardproxy.proxy.hall import Hall, new_decision_id
from guardproxy.proxy.ledger import Ledger
from guardproxy.proxy.moderating import ModerationFlow
from guardproxy.proxy.reloading import named
from guardproxy.proxy.settings import TENANT
from guardproxy.proxy.signpost import sign
from guardproxy.proxy.upstream import Call, read_all
from guardproxy.wire.detector_api import error_answer as detector_error
from guardproxy.wire.errors import complaint_answer, error_answer, read_complaint
from guardproxy.wire.headers import Headers, upstream_headers
from guardproxy.wire.models import found, listed, read_models
from guardproxy.wire.surface import SURFACES

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
        self._rest = rest(hall)
        origins = hall.settings.listen.cors_origins
        self._cors = Cors(origins) if origins else None
        self._inflight = dict.fromkeys(DOORS, 0)
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path = scope["path"]
        if self._cors is not None:
            preflight = self._cors.preflight(_headers(scope)) if scope["method"] == "OPTIONS" else None
            if preflight is not None:
                await Client(receive, send).whole(200, preflight, b"")
                return
            send = self._cors.answering(_headers(scope), send)
        client = Client(receive, send)
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
        incoming = Incoming(_headers(scope), self._hall.routes.default, TENANT)
        ledger = Ledger(
            decision_id=new_decision_id(),
            route=incoming.route.name,
            tenant=TENANT,
            surface=door.surface,
            upstream=self._hall.upstream.target.name if door.forwards else "",
            at=self._hall.clock(),
        )
        flow = door.opens(self._hall, incoming, client, ledger)
        try:
            _check_head(scope, incoming, "POST")
            self._admit()
        except GuardproxyError as error:
            ledger.failed(error)
            answer = flow.error(error)
            extra = (("allow", "POST"),) if answer.status == 405 else ()
            ledger.status = answer.status
            await flow.record_fault()
            await client.whole(answer.status, (*answer.headers, *extra, *ledger.headers()), answer.body)
            return
        self._count(scope["path"], 1)
        try:
            await self._edge(flow, client, ledger)
        finally:
            self._count(scope["path"], -1)

    def _count(self, path: str, step: int) -> None:
        self._inflight[path] += step
        self._hall.recorder.metrics.gauge("inflight", self._inflight[path], DOORS[path].surface)

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

    def _admit(self) -> None:
        if self.draining:
            raise Overloaded("the service is shutting down", status=503, retry_after=1)
        if not self._hall.recorder.audit.ready:  # the record of this refusal is the next attempt to write
            raise AuditUnavailable("the decision log cannot be written")
        if sum(self._inflight.values()) >= self._hall.settings.limits.inflight:
            raise Overloaded("too many requests at once", retry_after=1)

    async def _models(self, scope: Scope, client: Client) -> None:
        """The upstream's list, with our errors."""
        if scope["method"] not in READING:
            await _wrong_method(client)
            return
        headers = _headers(scope)
        try:
            reply = await self._hall.upstream.send(Call("GET", "/models", upstream_headers(headers)))
            try:
                raw = await read_all(reply, 1024 * 1024)
                if reply.status != 200:
                    complaint = read_complaint(reply.status, reply.headers, raw)
                    answer = complaint_answer(complaint, "")
                    await client.whole(answer.status, answer.headers, answer.body)
                    return
            finally:
                await reply.close()
            tree = read_models(raw)
            name = scope["path"].removeprefix(MODELS).removeprefix("/")
            routes = self._hall.routes
            choose = (routes.listed, routes.aliases)
            body = listed(tree, *choose) if not name else found(tree, name, *choose)
            if body is None:
                raise BadRequest(routes.missing(), code="model_not_found", status=404, param="model")
            await client.whole(200, JSON, body)
        except GuardproxyError as error:
            answer = error_answer(error)
            await client.whole(answer.status, answer.headers, answer.body)


def rest(hall: Hall) -> FastAPI:
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
        told = {"policies": policies, "last_load": attempt, "audit": audit.state}
        if not audit.ready:  # every answer would be a 503: whoever balances loads had better ask another one
            return JSONResponse({"status": "not_ready", **told}, status_code=503, headers={"retry-after": "5"})
        return JSONResponse({"status": "ready", **told})

    return app


def _headers(scope: Scope) -> Headers:
    return tuple((n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"])


def _check_head(scope: Scope, incoming: Incoming, method: str) -> None:
    if scope["method"] != method:
        raise BadRequest(f"use {method} here", code="method_not_allowed", status=405)
    kind, _, parameters = incoming.header("content-type").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise BadRequest("send application/json (charset absent or utf-8)", code="unsupported_media_type", status=415)
    if incoming.header("content-encoding"):
        raise BadRequest("send the body without Content-Encoding", code="unsupported_media_type", status=415)


async def _wrong_method(client: Client) -> None:
    """On a path that is only read."""
    answer = error_answer(BadRequest("use GET here", code="method_not_allowed", status=405))
    await client.whole(answer.status, (*answer.headers, ("allow", ", ".join(READING))), answer.body)


async def _unknown(path: str, client: Client) -> None:
    """404 with the way, in the shape of the surface that was meant."""
    found = sign(path, (*DOORS, MODELS))
    error = BadRequest(f"{found} ({SERVED})", code="unknown_path", status=404)
    answer = detector_error(error) if found.near == CONTENTS else error_answer(error)
    if found.near in SURFACES:
        answer = SURFACES[found.near].errors(answer)
    await client.whole(answer.status, answer.headers, answer.body)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
