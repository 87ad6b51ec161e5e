"""`/admin/candidate`: a policy set beside the live one, what would change, promotion and rollback.

    GET  /admin/candidate              what is in force and on trial, and the comparison by rule
    POST /admin/candidate              {path, actor, because}      puts a set on trial
    POST /admin/candidate/withdraw     {actor, because}
    POST /admin/candidate/promote      {actor, because, hash}      in force, in one step
    POST /admin/candidate/rollback     {actor, because}            the set before it is in force again

200 with the same body as GET; 409 when it cannot be done now; 422 with every problem for a set that does not load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from guardproxy.errors import BadRequest, PolicyError
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.office import Order
from guardproxy.proxy.reloading import rows, take_note


class Wish(BaseModel):
    """Who wants it, and why. `path` for a new candidate, `hash` for a promotion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    actor: str
    because: str = ""
    path: str = ""
    hash: str = ""


def candidate(hall: Hall) -> APIRouter:
    """The routes. The doorkeeper has asked for the token, and turned other sites' pages away."""
    router, office = APIRouter(), hall.office

    @router.get("/admin/candidate")
    async def status() -> JSONResponse:
        return JSONResponse(office.status())  # on the loop, like the counting: a thread would read half a count

    @router.post("/admin/candidate")
    async def begin(wish: Wish) -> JSONResponse:
        return await _done(hall, lambda: office.candidate(Path(wish.path), Order(wish.actor, wish.because)))

    @router.post("/admin/candidate/withdraw")
    async def withdraw(wish: Wish) -> JSONResponse:
        return await _done(hall, lambda: office.withdraw(Order(wish.actor, wish.because)))

    @router.post("/admin/candidate/promote")
    async def promote(wish: Wish) -> JSONResponse:
        return await _done(hall, lambda: office.promote(Order(wish.actor, wish.because), wish.hash), swaps=True)

    @router.post("/admin/candidate/rollback")
    async def rollback(wish: Wish) -> JSONResponse:
        return await _done(hall, lambda: office.rollback(Order(wish.actor, wish.because)), swaps=True)

    return router


async def _done(hall: Hall, act: Callable[[], None], *, swaps: bool = False) -> JSONResponse:
    """Does it in a thread; what is in force afterwards is told to metrics and log."""

    def work() -> None:
        act()
        if swaps:
            take_note(hall, hall.shelf.last)

    try:
        await asyncio.to_thread(work)
    except BadRequest as error:
        return JSONResponse({"error": str(error), "code": error.code, "param": error.param}, status_code=error.status)
    except PolicyError as error:
        return JSONResponse({"error": str(error), "code": "policy", "problems": rows(error.problems)}, status_code=422)
    return JSONResponse(hall.office.status())
