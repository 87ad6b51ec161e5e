"""What each client is expected to show: tests/clients/golden.json.

wrong(shown, golden) -> list[str]        differences, broken laws, repeated questions; one line each
accepted(shown, golden) -> str           the file anew
written(seen) -> dict                    one cell of it
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from guardproxy.testing.clients.asking import Shown
from guardproxy.testing.clients.families import SCRIPTS
from guardproxy.testing.clients.scenarios import Seen, broken_law

GOLDEN = SCRIPTS / "golden.json"

EXCUSED: Mapping[str, str] = MappingProxyType(
    {
        "langchain-js chat plain structured-refuse": "it does not read `refusal`, and parses the empty text",
        "langchain-js chat stream structured-refuse": "the same",
        "llamaindex-py chat plain structured-refuse": "it does not read `refusal`, and parses the missing text",
        "langchain-js responses plain structured-refuse": "the same",
        "langchain-js responses stream structured-refuse": "the same",
        "langchain-js chat plain field": "it does not read `refusal`",
        "langchain-js chat stream field": "the same",
        "langchain-js responses stream structured": "it cannot stream an object on this surface, also without a proxy",
        "langchain-js responses stream cut": "it does not read `response.failed`",
        "langchain-py chat stream field": "it drops `refusal` from streams",
        "langchain-py responses stream structured": "it cannot stream an object on this surface, also without a proxy",
        "litellm-py chat stream field": "it drops `refusal` from streams",
        "litellm-py chat stream structured-refuse": "it drops `refusal` from streams",
        "llm-py chat plain field": "it does not read `refusal`, and prints an empty line",
        "llm-py chat stream field": "the same",
        "llm-py chat plain structured-refuse": "the same",
        "llm-py chat stream structured-refuse": "the same",
    }
)
"""`family cell` → why this client breaks a law."""


def wrong(shown: Shown, golden: Mapping[str, Any], *, new: bool = False) -> list[str]:
    """Differences to what is expected, broken laws, repeated questions; one line each.

    `new`: a cell of which nothing is written down, since its surface is new, is held to the laws only.
    """
    family, seen = shown.family, shown.seen
    expected = golden.get(family.id, {})
    found = []
    for cell, one in seen.items():
        place, now = f"{family.id} {cell.name}", written(one)
        law = broken_law(cell, one)
        if bool(law) != (place in EXCUSED):
            found.append(f"{place}: {law or 'EXCUSED says it breaks a law, and it does not'}: {now}")
        if now != expected.get(cell.name, now if new else None):
            found.append(f"{place}: {now} instead of {expected.get(cell.name)}")
    known = {cell.name for cell in (*seen, *shown.left_out)}
    found += [f"{family.id} {name}: expected, but there is no such cell" for name in expected if name not in known]
    asked = len(seen) + family.repeats * sum(cell.scenario == "fault" for cell in seen)
    if shown.decided != asked:
        found.append(f"{family.id}: {shown.decided} decisions instead of {asked}: something was asked again")
    return found


def written(seen: Seen) -> dict[str, Any]:
    """As it stands in golden.json: only what is there."""
    error = {name: value for name, value in asdict(seen.error).items() if value} if seen.error else None
    whole = {"text": seen.text, "finish": seen.finish, "refusal": seen.refusal, "error": error, "calls": seen.calls}
    return {name: value for name, value in whole.items() if value not in (None, "")}


def accepted(shown: Sequence[Shown], golden: Mapping[str, Any]) -> str:
    """golden.json with these, a line a cell; what was not asked keeps its line."""
    merged = dict(golden)
    for one in shown:
        family, seen = one.family.id, one.seen
        names = {cell.name for cell in (*seen, *one.left_out)}
        kept = {name: cell for name, cell in merged.get(family, {}).items() if name in names}
        merged[family] = kept | {cell.name: written(cell_seen) for cell, cell_seen in seen.items()}
    families = []
    for name, cells in sorted(merged.items()):
        lines = [f"  {json.dumps(cell)}: {json.dumps(cells[cell], ensure_ascii=False)}" for cell in sorted(cells)]
        families.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(families) + "\n}\n"
