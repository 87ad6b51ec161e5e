"""A text, and what a policy would do with it: the path of the proxy (`proxy.rehearsal`), without a model behind it.

Nothing of it is counted, logged or kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from guardproxy.console.paper import form, is_part, page
from guardproxy.console.reading import Reading
from guardproxy.console.scales import WIDTH, Report, Scale, quiet, reports, scales
from guardproxy.core.decide import Decision
from guardproxy.core.judge import Context
from guardproxy.core.rules import Policy
from guardproxy.errors import BadRequest
from guardproxy.proxy.corpus import row_of
from guardproxy.proxy.hall import Hall
from guardproxy.proxy.rehearsal import Played, Rehearsal, Workbench
from guardproxy.proxy.settings import TENANT

ROLES = ("user", "assistant", "system")
MOST_CHARACTERS = 20_000
ON_DISK = "disk:"
FEW = 6
"""Rules that reached nothing, and reports of detectors, that are shown at once; the rest is folded away."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The form. `policy`: a name, `disk:` before it for the file as it lies there."""

    text: str = ""
    role: str = "user"
    locale: str = ""
    country: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One stage."""

    decision: Decision
    scales: tuple[Scale, ...]
    reports: tuple[Report, ...]

    @property
    def first(self) -> tuple[Scale, ...]:
        """The rules that reached something, and the nearest of the others."""
        return self.scales[: sum(bool(scale.reached) for scale in self.scales) + FEW]

    @property
    def rest(self) -> tuple[Scale, ...]:
        """The others."""
        return self.scales[len(self.first) :]


@dataclass(frozen=True, slots=True)
class Shown:
    """All that came of it."""

    policy: Policy
    on_disk: bool
    played: Played
    stages: tuple[Told, ...]
    quiet: tuple[str, ...]

    @property
    def action(self) -> str:
        """The strongest of the decisions."""
        decisions = self.played.decisions
        return max(decisions, key=lambda d: d.action).action.word if decisions else "error"


class Playground:
    """One text at a time: whoever tries texts must not slow down those who are served."""

    def __init__(self, hall: Hall, reading: Reading) -> None:
        self._hall = hall
        self._reading = reading
        self._turn = asyncio.Lock()

    def bench(self) -> Workbench:
        """The detectors that serve, the words that users read."""
        hall = self._hall
        missing = "" if hall.pool is not None else "switched off by the settings"
        return Workbench(hall.benches.toolbox, hall.catalogue(), hall.languages, hall.settings.service, missing)

    def usual(self) -> str:
        """The policy of a plain request."""
        return self._hall.shelf.select(TENANT, self._hall.routes.default.name).ref.name

    def policy(self, name: str) -> Policy | None:
        """The policy of the form's choice; blocking when it is on disk."""
        if name.startswith(ON_DISK):
            return self._reading.policy(name.removeprefix(ON_DISK))
        return next((p for p in self._hall.shelf.policies if p.ref.name == name), None)

    async def play(self, asked: Asked) -> Shown:
        """Raises BadRequest with a line for people when the form cannot be played."""
        if not asked.text.strip() or len(asked.text) > MOST_CHARACTERS:
            raise _wrong(f"Write a text of 1 to {MOST_CHARACTERS:,} characters.")
        if asked.role not in ROLES or (asked.locale and asked.locale not in self._hall.catalogue().shipped):
            raise _wrong("Choose one of the roles and languages of the form.")
        if asked.country and not (len(asked.country) == 2 and asked.country.isascii() and asked.country.isalpha()):
            raise _wrong("A country has two letters, such as FR.")
        policy = await asyncio.to_thread(self.policy, asked.policy or self.usual())
        if policy is None:
            raise _wrong("This policy is no longer there, or its file has errors.")
        said = {"messages": [{"role": asked.role, "content": asked.text}]}
        item = row_of({"messages": [], "assistant": asked.text} if asked.role == "assistant" else said, "1").item
        context = Context(route=self._hall.routes.default.name, tenant=TENANT, now=self._hall.clock())
        async with self._turn:
            country = asked.country.upper()
            rehearsal = await asyncio.to_thread(Rehearsal, self.bench(), policy, context, asked.locale, country)
            played = await rehearsal.play(item)
        return self._shown(rehearsal, played, on_disk=asked.policy.startswith(ON_DISK))

    def _shown(self, rehearsal: Rehearsal, played: Played, *, on_disk: bool) -> Shown:
        policy, context = rehearsal.policy, rehearsal.context
        stages = tuple(Told(d, tuple(scales(d, policy, context)), tuple(reports(d))) for d in played.decisions)
        heard = [report for told in stages for report in told.reports]
        asked, infos = played.input is not None, self._hall.benches.toolbox.infos
        failed = {failure.detector for failure in played.failures}
        looked = [one for one in rehearsal.bench.lookers if (asked or one.output) and one.name not in failed]
        return Shown(policy, on_disk, played, stages, tuple(quiet(looked if stages else (), heard, infos)))


def _wrong(line: str) -> BadRequest:
    return BadRequest(line, code="invalid_form")


def playground(hall: Hall, reading: Reading) -> APIRouter:
    """`/admin/playground`: the form, and what came of it. Without htmx the same form gives a whole page."""
    router = APIRouter()
    ground = Playground(hall, reading)

    async def answer(asked: Asked, shown: Shown | None, wrong: str, *, part: bool) -> HTMLResponse:
        template, status = ("_played.html" if part else "playground.html"), (400 if wrong and not part else 200)
        return page(
            template,
            status,
            here="playground",
            asked=asked,
            shown=shown,
            wrong=wrong,
            roles=ROLES,
            usual=ground.usual(),
            policies=[policy.ref for policy in hall.shelf.policies],
            drafts=await asyncio.to_thread(reading.drafts),
            locales=sorted(hall.catalogue().shipped),
            classifiers=hall.pool is not None,
            most=MOST_CHARACTERS,
            width=WIDTH,
            few=FEW,
            on_disk=ON_DISK,
        )

    @router.get("/admin/playground")
    async def empty(policy: str = "") -> HTMLResponse:
        return await answer(Asked(policy=policy[:200]), None, "", part=False)

    @router.post("/admin/playground")
    async def play(request: Request) -> HTMLResponse:
        part = is_part(request)
        asked = Asked()
        try:
            fields = await form(request)
            asked = Asked(**{name: fields.get(name, "") for name in Asked.__slots__})
            return await answer(asked, await ground.play(asked), "", part=part)
        except BadRequest as error:
            return await answer(asked, None, str(error), part=part)
        except ValueError:
            return await answer(asked, None, "This form could not be read.", part=part)

    return router
