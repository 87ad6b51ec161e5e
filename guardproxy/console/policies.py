"""Policies: what is in force, the files on disk with their problems, the difference, and the attempts to load."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from guardproxy.console.paper import actor, missing, page
from guardproxy.console.reading import Reading
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.reloading import reload_now


def policies(hall: Hall, reading: Reading) -> APIRouter:
    """`/admin/policies`, one page a file, and the button that loads them."""
    router = APIRouter()

    @router.get("/admin/policies")
    async def whole() -> HTMLResponse:
        sheets = await asyncio.to_thread(reading.sheets)
        return page(
            "policies.html",
            here="policies",
            path=str(hall.shelf.path),
            watched=hall.settings.policies.watch,
            sheets=sheets,
            elsewhere=await asyncio.to_thread(reading.elsewhere),
            attempts=hall.shelf.attempts,
            failed=hall.shelf.last if hall.shelf.failed else None,
        )

    @router.post("/admin/policies/load")
    async def load(request: Request) -> Response:
        await asyncio.to_thread(reload_now, hall, actor(request))
        return RedirectResponse("/admin/policies#history", status_code=303)

    @router.get("/admin/policies/{name}")
    async def one(name: str) -> HTMLResponse:
        sheet = await asyncio.to_thread(reading.sheet, name)
        if sheet is None:
            return missing("There is no policy file of this name, neither on disk nor in force.")
        return page("policy.html", here="policies", sheet=sheet, lines=sheet.lines(), changes=sheet.changes())

    return router
