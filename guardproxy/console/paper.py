"""Pages of the console: templates, how numbers are written, and the files that every page needs.

Everything that goes into a template is escaped; a name that a template does not get is an error, not an empty place.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from guardproxy import __version__

PAGES = Path(__file__).with_name("pages")
ASSETS = {"console.css": "text/css; charset=utf-8", "htmx.min.js": "text/javascript; charset=utf-8"}
FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 256 * 1024
DAY, HOUR, MINUTE = 86_400, 3_600, 60


def clock(seconds: float) -> str:
    """POSIX seconds as UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def age(seconds: float) -> str:
    """`3 min`, `5 h`: one unit is enough to see whether something is old."""
    for length, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def ms(seconds: float) -> str:
    """Seconds as milliseconds."""
    return f"{seconds * 1000:,.1f} ms"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(clock=clock, age=age, ms=ms)
    made.globals.update(version=__version__)
    return made


_TEMPLATES = _environment()


def page(template: str, status: int = 200, **known: object) -> HTMLResponse:
    """A template with what it has to know."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(**known), status_code=status)


def missing(what: str) -> HTMLResponse:
    """404 as a page. `what` is a fixed sentence: what was asked for is never repeated."""
    return page("missing.html", 404, here="", what=what)


def wants_page(request: Request) -> bool:
    """A browser that navigates, and no script that reads JSON."""
    return "text/html" in request.headers.get("accept", "")


def is_part(request: Request) -> bool:
    """Does htmx ask for a part of a page? Without it the same address gives the whole page."""
    return request.headers.get("hx-request") == "true"


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of equal names. Raises ValueError for another content type and a long body."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise ValueError("not a form")
    raw = b""
    async for piece in request.stream():
        raw += piece
        if len(raw) > MOST_BYTES:
            raise ValueError("too long")
    fields = parse_qs(raw.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=32)
    return {name: values[-1] for name, values in fields.items()}


def actor(request: Request) -> str:
    """Who asks, for the record of changes: the name given with the token, else only where it came from."""
    name = str(request.scope.get("guardproxy.actor", ""))
    return f"console ({name})" if name else "console"


def assets() -> APIRouter:
    """The style sheet and htmx."""
    router = APIRouter()

    @router.get("/admin/console/{name}")
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            return JSONResponse({"error": "no such file"}, status_code=404)
        kept = {"cache-control": "private, max-age=3600"}
        return FileResponse(PAGES / name, media_type=ASSETS[name], headers=kept)

    return router
