"""`/admin/decisions/{id}`: why an exchange was answered as it was. Rows of the recorder's ring, without text."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import JSONResponse

from guardproxy.core.locale import chain
from guardproxy.observe.recent import Row
from guardproxy.proxy.hall import Hall


def decisions(hall: Hall) -> APIRouter:
    """One decision by its id; 404 when it is unknown or has left the ring."""
    router = APIRouter()

    @router.get("/admin/decisions/{decision_id}")
    async def decision(decision_id: str) -> JSONResponse:
        row = hall.recorder.recent.find(decision_id)
        if row is None:
            return JSONResponse({"error": "this decision is not among the recent ones"}, status_code=404)
        return JSONResponse({**asdict(row), "labels": labels(hall, row)})

    return router


def labels(hall: Hall, row: Row, locale: str = "en") -> dict[str, str]:
    """The words for each hazard that was heard, as users read them in refusals."""
    words = hall.catalogue().nearest(chain(locale, "en"))
    return {verdict.hazard: words.label(verdict.hazard) for verdict in row.why}
