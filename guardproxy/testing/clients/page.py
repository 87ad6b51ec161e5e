"""The table of clients, from what they showed.

table(shown) -> str                      Markdown: a row for each client and way of speaking
put_into(page, shown, machine) -> str    the page with the table between its two marks replaced
"""

from __future__ import annotations

from collections.abc import Sequence

from guardproxy.testing.clients.asking import Shown
from guardproxy.testing.clients.scenarios import NOTICE, REFUSAL, SCENARIOS, SHORT, Cell, Seen

BEGIN, END = "<!-- table: make clients -->", "<!-- end of table -->"
USUAL_ENDS = frozenset({None, "stop", "end_turn", "completed"})


def table(shown: Sequence[Shown]) -> str:
    """Titles of the scenarios across, clients down; below it what could not be asked yet."""
    head = ["client", "speaks", *(scenario.title for scenario in SCENARIOS.values())]
    lines = [_row(head), _row(["---"] * len(head))]
    waiting = []
    for one in shown:
        for surface in one.family.surfaces:
            cells = [_cell(one, surface, name) for name in SCENARIOS]
            if any(cell.surface == surface for cell in one.seen):
                lines.append(_row([one.title, surface, *cells]))
            else:
                waiting.append(f"{one.title} on {surface} ({cells[0]})")
    return "\n".join([*lines, *(["", f"Not asked: {'; '.join(waiting)}."] if waiting else [])])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(one: Shown, surface: str, name: str) -> str:
    """Plain and streamed in one, when they are the same."""
    said: dict[str, str] = {}
    for mode in SCENARIOS[name].modes:
        cell = Cell(surface, mode, name)
        said[mode] = _said(one.seen[cell]) if cell in one.seen else one.left_out.get(cell, "not asked")
    return said["stream"] if said.get("plain", said["stream"]) == said["stream"] else _both(said)


def _both(said: dict[str, str]) -> str:
    return f"{said['plain']}; streamed: {said['stream']}"


def _said(seen: Seen) -> str:
    """In a few words."""
    parts = [_shown(seen.text)] if seen.text or not (seen.refusal or seen.error) else []
    if seen.refusal:
        parts.append("refusal in `refusal`" if REFUSAL in seen.refusal else "something in `refusal`")
    if seen.error is not None:
        code = seen.error.code or seen.error.status
        parts.append(f"`{seen.error.kind}`" + (f" `{code}`" if code else ""))
        if seen.error.explains:
            parts.append("with the refusal")
    elif seen.finish not in USUAL_ENDS:
        parts.append(f"`{seen.finish}`")
    return ", ".join(parts)


def _shown(text: str) -> str:
    if text == SHORT:
        return "short text"
    before, refusal, _ = text.partition(REFUSAL)
    if refusal:
        return "text, then refusal" if before else "refusal"
    if not text:
        return "**nothing**"
    return "answer + notice" if NOTICE in text else "answer, `[name]`" if "[name]" in text else "answer"


def put_into(page: str, shown: Sequence[Shown], machine: str) -> str:
    """`machine` says when and where; a page without the marks is an AssertionError."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise AssertionError(f"the page needs the lines {BEGIN} and {END}")
    asked, decided = sum(len(one.seen) for one in shown), sum(one.decided for one in shown)
    made = [f"{machine} {asked} questions, {decided} decisions.", "", table(shown), "", *map(_versions, shown)]
    return "\n".join([before + BEGIN, *made, END + after])


def _versions(one: Shown) -> str:
    return f"* {one.family.id}: " + ", ".join(f"{name} {version}" for name, version in one.versions.items())
