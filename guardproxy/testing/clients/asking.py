"""One family asked everything it can be asked.

look(family, environment, house) -> Shown
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardproxy.testing.clients.families import Family, ask
from guardproxy.testing.clients.house import PATHS, House
from guardproxy.testing.clients.scenarios import HUNG, NEVER_SEEN, SCENARIOS, Cell, Raised, Seen


@dataclass(frozen=True, slots=True)
class Shown:
    """What one family showed: versions by package, what was seen, and cells that were not asked, with the reason.

    `decided`: decisions that the proxies recorded meanwhile.
    """

    family: Family
    versions: Mapping[str, str]
    seen: Mapping[Cell, Seen]
    left_out: Mapping[Cell, str]
    decided: int

    @property
    def title(self) -> str:
        """Its name with the version of its own package."""
        return f"{self.family.title} {next(iter(self.versions.values()), '')}".strip()


def _cells(family: Family) -> list[Cell]:
    return [
        Cell(surface, mode, scenario.name)
        for surface in family.surfaces
        for scenario in SCENARIOS.values()
        for mode in scenario.modes
    ]


def _left_out(family: Family, cell: Cell, house: House) -> str:
    """Why a cell is not asked; "" when it is."""
    scenario = SCENARIOS[cell.scenario]
    if cell.surface not in house.surfaces:
        return f"waits for {PATHS[cell.surface]}"
    if scenario.model not in house.models:
        return "waits for routes"
    if scenario.proxy == HUNG and HUNG not in house.proxies:
        return "needs Linux"
    if scenario.structured:
        places = (cell.surface, f"{cell.surface} {cell.mode}")
        return next((why for place, why in family.unstructured if place in places), "")
    return ""


def _job(family: Family, cell: Cell, house: House) -> dict[str, Any]:
    scenario = SCENARIOS[cell.scenario]
    return {
        "id": cell.name,
        "base": house.proxies[scenario.proxy].base,
        "model": scenario.model,
        "surface": cell.surface,
        "stream": cell.mode == "stream",
        "text": f"{scenario.asks} {_mark(family, cell)}",
        "structured": scenario.structured,
        "retries": scenario.retries,
    }


def _mark(family: Family, cell: Cell) -> str:
    """Tells one question from another in what the model was sent."""
    return f"({family.id} {cell.name})"


def look(family: Family, environment: Path, house: House) -> Shown:
    """Asks one family everything it can be asked."""
    left_out = {cell: why for cell in _cells(family) if (why := _left_out(family, cell, house))}
    cells = [cell for cell in _cells(family) if cell not in left_out]
    before = house.decided
    answers = ask(family, environment, [_job(family, cell, house) for cell in cells])
    seen = {cell: _seen(answers.seen[cell.name], _mark(family, cell), house) for cell in cells}
    return Shown(family, answers.versions, seen, left_out, house.decided - before)


def _seen(raw: Mapping[str, Any], mark: str, house: House) -> Seen:
    texts, error = house.texts, raw["error"]
    refusal = texts.named(raw["refusal"]) if raw["refusal"] is not None else None
    raised = (
        Raised(error["class"], error["code"], error["status"], texts.explain(error["message"]))
        if error is not None
        else None
    )
    whole = json.dumps(raw, ensure_ascii=False).lower()
    calls = sum(mark in request.body.decode(errors="replace") for request in house.upstream.requests)
    leaked = tuple(words for words in NEVER_SEEN if words in whole)
    return Seen(texts.named(raw["text"]), raw["finish"], refusal, raised, calls, leaked)
