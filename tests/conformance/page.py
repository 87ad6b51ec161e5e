"""`docs/conformance.md`: the matrix as a table. No figure in it depends on a run: that every cell holds is a test."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.conformance.cells import CELLS, DRIVERS, ROUTES_WAIT, WAITING, Cell, places
from tests.conformance.vocabulary import ACTIONS, FORMS, INPUT, LATE, OUTPUT, PLAIN, STREAM

LETTERS = {PLAIN: "p", STREAM: "s", LATE: "l"}
HEAD = """\
# Conformance

Made by `python -m tests.conformance > docs/conformance.md`; a test compares. `pytest tests/conformance` asks every cell
that is not marked with a reason, over real sockets, and each of them must hold.

A cell is one surface, one form, one action, one stage and one channel: a text that causes the action stands in that
channel, and nowhere else. Each cell asserts the verdict (header, `guardproxy` member), the wire form (status, finish
reason, what a person reads, an event stream in its order), the other headers, the counters of `/metrics`, the line of
the decision log, how often the upstream was called, and that what is withheld is in no byte that the upstream (input) or
the client (output) got.

`p` plain, `s` streamed, `l` streamed with text already read before the words come (output only).
"""


def markdown() -> str:
    """The page."""
    reasons: dict[str, int] = {}
    rows = [line for driver in DRIVERS for line in _rows(driver.name, reasons)]
    head = ("surface", "stage", "channel", *ACTIONS)
    lines = [HEAD, "## Counts", "", *_counts(), "", "## Cells", "", *_table(head, rows), "", "## Reasons", ""]
    lines += [f"{number}. {why}" for why, number in reasons.items()]
    return "\n".join([*lines, "", "## Channels that a surface does not have", "", *_absent()]) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


def _counts() -> list[str]:
    rows = []
    for name in (*(driver.name for driver in DRIVERS), "all"):
        of = Counter(_state(cell) for cell in CELLS if name in (cell.driver.name, "all"))
        numbers = (of.total(), of["held"], of["waiting"], of["not applicable"])
        rows.append((name, *(str(number) for number in numbers)))
    return _table(("surface", "cells", "held", "waiting", "not applicable"), rows)


def _state(cell: Cell) -> str:
    if not cell.why:
        return "held"
    return "waiting" if cell.why in (WAITING, ROUTES_WAIT) else "not applicable"


def _rows(surface: str, reasons: dict[str, int]) -> Iterator[tuple[str, ...]]:
    """One row for each channel that the surface has."""
    of: dict[tuple[str, str], dict[str, dict[str, Cell]]] = defaultdict(lambda: defaultdict(dict))
    for cell in CELLS:
        if cell.driver.name == surface and cell.channel in places(cell.driver, cell.stage):
            of[cell.stage, cell.channel][cell.action][cell.form] = cell
    for (stage, channel), by_action in of.items():
        yield surface, stage, channel, *(_square(by_action[action], stage, reasons) for action in ACTIONS)


def _square(by_form: dict[str, Cell], stage: str, reasons: dict[str, int]) -> str:
    """The forms that hold; else the numbers of the reasons. Forms that a surface or stage lacks go without saying."""
    held = " ".join(LETTERS[form] for form in FORMS if not by_form[form].why)
    if held:
        return held
    whys = dict.fromkeys(by_form[form].why for form in FORMS if form == PLAIN or not _unformed(by_form[form]))
    return " ".join(f"– ({reasons.setdefault(why, len(reasons) + 1)})" for why in whys)


def _unformed(cell: Cell) -> bool:
    return not cell.driver.streams or (cell.form == LATE and cell.stage == INPUT)


def _absent() -> list[str]:
    of: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for driver in DRIVERS:
        for stage in (INPUT, OUTPUT):
            for cell in CELLS:
                if cell.driver is driver and cell.stage == stage and cell.channel not in places(driver, stage):
                    of[driver.name, stage, absent_why(cell)][cell.channel] = None
    rows = [(surface, stage, ", ".join(channels), why) for (surface, stage, why), channels in of.items()]
    return _table(("surface", "stage", "channels", "why"), rows)


def absent_why(cell: Cell) -> str:
    """Said of the channel, whether the surface is served yet or not."""
    reasons = cell.driver.absent
    return reasons.get(cell.channel) or reasons[cell.stage]
