"""The first page: four numbers, the policies in force, what failed. Filled again every few seconds by htmx."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from guardproxy.console.figures import Pace, figures
from guardproxy.console.paper import page
from guardproxy.proxy.hall import Hall


def overview(hall: Hall, *, demo: bool = False) -> APIRouter:
    """`/admin/overview`, and its changing part alone. `demo`: there is a page of the demo to point to."""
    router = APIRouter()
    pace = Pace()

    async def shown(template: str) -> HTMLResponse:
        now = hall.clock()
        numbers = await asyncio.to_thread(figures, hall.recorder.metrics.registry)
        return page(
            template,
            here="overview",
            demo=demo,
            numbers=numbers,
            rate=pace.rate(now, numbers.requests),
            policies=[policy.ref for policy in hall.shelf.policies],
            since=hall.shelf.loaded_at,
            age=now - hall.shelf.loaded_at,
            failed=hall.shelf.last if hall.shelf.failed else None,
            classifiers=hall.pool is not None,
            upstream=hall.upstream.target.base,
        )

    @router.get("/admin/overview")
    async def whole() -> HTMLResponse:
        return await shown("overview.html")

    @router.get("/admin/overview/now")
    async def now() -> HTMLResponse:
        return await shown("_now.html")

    return router
