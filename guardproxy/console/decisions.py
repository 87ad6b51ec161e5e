"""Decisions as they are made: rows of the recorder's ring, which holds no text, and one page each.

`/admin/decisions/{id}` answers a browser with the page and everybody else with JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from guardproxy.console.paper import missing, page, wants_page
from guardproxy.core.conversation import Stage
from guardproxy.core.hazards import family_of
from guardproxy.core.locale import chain
from guardproxy.observe.recent import Row
from guardproxy.proxy.hall import Hall

MOST_ROWS = 100
OWN = "a subject of this policy"
"""What hazards that a policy made up are, to people who read a table; in a text for users they are "this"."""
UNKNOWN = "this decision is not among the recent ones"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are shown; "" lets all pass. `would`: only those a shadow rule would have answered harder."""

    action: str = ""
    rule: str = ""
    surface: str = ""
    stage: str = ""
    would: str = ""
    live: str = ""

    def passes(self, row: Row) -> bool:
        """A stage without a rule means its decision, with a rule that rule's verdict."""
        verdicts = [why for why in row.why if self.stage in ("", why.stage)]
        acted = [done for done in row.stages if self.stage in ("", done.stage) and done.action != "allow"]
        return (
            self.action in ("", row.outcome)
            and self.surface in ("", row.surface)
            and (not self.rule or any(why.rule == self.rule for why in verdicts))
            and (not self.stage or bool(acted or verdicts))
            and (not self.would or any(done.would_have != done.action for done in row.stages))
        )


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer: what occurs among the recent rows, and what was chosen."""

    actions: tuple[str, ...]
    rules: tuple[str, ...]
    surfaces: tuple[str, ...]
    stages: tuple[str, ...] = tuple(Stage)

    @classmethod
    def among(cls, rows: Sequence[Row], chosen: Filter) -> Choices:
        """Sorted; a choice that no longer occurs stays, or the form would say something else than the table."""
        return cls(
            _sorted([row.outcome for row in rows], chosen.action),
            _sorted([why.rule for row in rows for why in row.why], chosen.rule),
            _sorted([row.surface for row in rows], chosen.surface),
        )


def decisions(hall: Hall) -> APIRouter:
    """The table with its filters, its rows alone, and one decision by its id; 404 when it has left the ring."""
    router = APIRouter()

    def shown(template: str, chosen: Filter) -> HTMLResponse:
        kept = hall.recorder.recent.newest(len(hall.recorder.recent))
        rows = [row for row in kept if chosen.passes(row)][:MOST_ROWS]
        choices = Choices.among(kept, chosen)
        latest = kept[0].decision_id if kept else ""
        return page(
            template,
            here="decisions",
            rows=rows,
            chosen=chosen,
            choices=choices,
            total=len(kept),
            latest=latest,
            most=MOST_ROWS,
        )

    @router.get("/admin/decisions")
    async def whole(request: Request) -> HTMLResponse:
        asked = request.query_params
        return shown("decisions.html", _chosen(request) if asked else Filter(live="1"))

    @router.get("/admin/decisions/rows")
    async def rows(request: Request) -> Response:
        kept = hall.recorder.recent.newest(1)
        if kept and kept[0].decision_id == request.query_params.get("latest"):
            return Response(status_code=204)  # nothing new: htmx leaves the table, and the reader's place in it, alone
        return shown("_rows.html", _chosen(request))

    @router.get("/admin/decisions/{decision_id}")
    async def decision(request: Request, decision_id: str) -> Response:
        row = hall.recorder.recent.find(decision_id)
        if row is None:
            gone = "This decision is not among the recent ones; the decision log has all of them."
            return missing(gone) if wants_page(request) else JSONResponse({"error": UNKNOWN}, status_code=404)
        if wants_page(request):
            return page("decision.html", here="decisions", row=row, labels=labels(hall, row), files=_names(hall))
        return JSONResponse({**asdict(row), "labels": labels(hall, row)})

    return router


def labels(hall: Hall, row: Row, locale: str = "en") -> dict[str, str]:
    """The words for each hazard that was heard, as users read them in refusals."""
    words = hall.catalogue().nearest(chain(locale, "en"))
    return {v.hazard: OWN if family_of(v.hazard) == "custom" else words.label(v.hazard) for v in row.why}


def _chosen(request: Request) -> Filter:
    asked = request.query_params
    return Filter(**{name: asked.get(name, "")[:200] for name in Filter.__slots__})


def _sorted(found: Sequence[str], chosen: str) -> tuple[str, ...]:
    return tuple(sorted({*found, chosen} - {""}))


def _names(hall: Hall) -> dict[str, str]:
    """Pages of policy files by file name."""
    return {file: name for name, file in hall.shelf.files.items()}
