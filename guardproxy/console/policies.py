"""Policies: what is in force, the files on disk with their problems, the difference, a candidate, attempts to load."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from guardproxy.console.paper import actor, form, missing, page
from guardproxy.console.reading import Reading
from guardproxy.errors import BadRequest, PolicyError
from guardproxy.policy.report import as_text
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.office import Order
from guardproxy.proxy.reloading import reload_now, take_note


def policies(hall: Hall, reading: Reading) -> APIRouter:
    """`/admin/policies`, one page a file, and the buttons: load, try beside, promote, roll back."""
    router = APIRouter()

    async def shown(wrong: str = "", report: str = "", status: int = 200) -> HTMLResponse:
        return page(
            "policies.html",
            status,
            here="policies",
            path=str(hall.shelf.path),
            watched=hall.settings.policies.watch,
            sheets=await asyncio.to_thread(reading.sheets),
            elsewhere=await asyncio.to_thread(reading.elsewhere),
            attempts=hall.shelf.attempts,
            failed=hall.shelf.last if hall.shelf.failed else None,
            office=hall.office.status(),
            wrong=wrong,
            report=report,
        )

    @router.get("/admin/policies")
    async def whole() -> HTMLResponse:
        return await shown()

    @router.post("/admin/policies/load")
    async def load(request: Request) -> Response:
        await asyncio.to_thread(reload_now, hall, actor(request))
        return RedirectResponse("/admin/policies#history", status_code=303)

    @router.post("/admin/policies/trial/{act}")
    async def trial(request: Request, act: str) -> Response:
        try:
            fields = await form(request)
            await asyncio.to_thread(_carry_out, hall, act, fields, Order(actor(request), fields.get("because", "")))
        except BadRequest as error:
            return await shown(f"{error}", status=error.status)
        except PolicyError as error:
            return await shown("This set does not load; nothing was changed.", as_text(error.problems), 422)
        except ValueError:
            return await shown("This form could not be read.", status=400)
        return RedirectResponse("/admin/policies#candidate", status_code=303)

    @router.get("/admin/policies/{name}")
    async def one(name: str) -> HTMLResponse:
        sheet = await asyncio.to_thread(reading.sheet, name)
        if sheet is None:
            return missing("There is no policy file of this name, neither on disk nor in force.")
        return page("policy.html", here="policies", sheet=sheet, lines=sheet.lines(), changes=sheet.changes())

    return router


def _carry_out(hall: Hall, act: str, fields: dict[str, str], order: Order) -> None:
    """Blocking. `hash` keeps a promotion from taking another set than the one that was seen."""
    match act:
        case "begin":
            hall.office.candidate(Path(fields.get("path", "")), order)
        case "withdraw":
            hall.office.withdraw(order)
        case "promote":
            hall.office.promote(order, fields.get("hash", ""))
        case "rollback":
            hall.office.rollback(order)
        case _:
            raise BadRequest("there is no such button", code="invalid", status=404)
    if act in ("promote", "rollback"):
        take_note(hall, hall.shelf.last)
