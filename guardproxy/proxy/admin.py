"""The admin listener: `/metrics` and the reload of policies. Never on the data port."""

from __future__ import annotations

import asyncio
import hmac
import os

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from guardproxy.errors import SettingsError
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.reloading import reload_now, told
from guardproxy.wire.errors import error_body

_WRONG_PORT = "this is the admin port: point clients at the data port (--port, 8080 unless it was changed)"


def admin_app(hall: Hall) -> FastAPI:
    """Metrics in Prometheus' formats, rendered off the loop. SettingsError when a token is named but not given."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    variable = hall.settings.listen.admin_token_env
    token = os.environ.get(variable, "") if variable else ""
    if variable and not token:
        raise SettingsError(f"listen.admin_token_env: the variable {variable} is empty or missing")

    def allowed(request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return not token or hmac.compare_digest(given.encode(), token.encode())

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        if not allowed(request):
            return PlainTextResponse("a token is needed\n", status_code=401)
        body, kind = await asyncio.to_thread(hall.recorder.metrics.render, request.headers.get("accept"))
        return Response(body, media_type=kind)

    @app.post("/admin/policies/reload")
    async def reload_policies(request: Request) -> Response:
        if not allowed(request):
            return PlainTextResponse("a token is needed\n", status_code=401)
        report = await asyncio.to_thread(reload_now, hall)
        return JSONResponse(told(hall, report), status_code=200 if report.ok else 409)

    @app.api_route("/v1/{_path:path}", methods=["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
    async def wrong_port(_path: str) -> Response:
        body = error_body(_WRONG_PORT, kind="invalid_request_error", code="unknown_path")
        return Response(body, status_code=404, media_type="application/json")

    @app.get("/")
    async def front(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/admin/overview", status_code=303)
        return PlainTextResponse("guardproxy admin: /metrics, POST /admin/policies/reload\n")

    return app
