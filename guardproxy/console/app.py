"""The admin listener with its pages: what `proxy.admin` serves, plus the console, plus the demo where there is one."""

from __future__ import annotations

import os

from fastapi import FastAPI

from guardproxy.console.candidate import candidate
from guardproxy.console.decisions import decisions
from guardproxy.console.demo_page import Stage, demo_page
from guardproxy.console.doorkeeper import Doorkeeper
from guardproxy.console.overview import overview
from guardproxy.console.paper import assets
from guardproxy.console.playground import playground
from guardproxy.console.policies import policies
from guardproxy.console.reading import Reading
from guardproxy.proxy.admin import admin_app
from guardproxy.proxy.hall import Hall


def console_app(hall: Hall, stage: Stage | None = None) -> FastAPI:
    """`stage` only in demo mode: without it none of the demo's routes exist."""
    app = admin_app(hall)
    reading = Reading(hall)
    pages = (
        assets(),
        overview(hall, demo=stage is not None),
        playground(hall, reading),
        policies(hall, reading),
        decisions(hall),
        candidate(hall),
    )
    for router in pages:
        app.include_router(router)
    if stage is not None:
        app.include_router(demo_page(stage))
    listen = hall.settings.listen
    token = os.environ.get(listen.admin_token_env, "") if listen.admin_token_env else ""
    app.add_middleware(Doorkeeper, listens_on=listen.admin_host, token=token)
    return app
