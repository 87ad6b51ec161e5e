"""Every cell of the matrix, against one running proxy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from guardproxy.cli.comparing import loaded
from guardproxy.detectors.registry import toolbox
from guardproxy.observe.recorded import records
from guardproxy.proxy.replaying import replay
from tests.conformance.cells import CELLS, HAS_ROUTES, Cell, Group
from tests.conformance.promises import Asked, ask, counted, hold
from tests.conformance.running import Running, Series, running

ROUTES = Path(__file__).parent / "routes.yaml"
POLICY = Path(__file__).parent / "matrix.yaml"
HELD = [cell for cell in CELLS if not cell.why]


class Matrix:
    """Asks the cells of a group in one go, between two looks at the counters, and keeps what came of each."""

    def __init__(self, proxy: Running) -> None:
        self.proxy = proxy
        self._asked: dict[str, Asked | Exception] = {}
        self._moved: dict[Group, Counter[Series]] = {}
        self._last = proxy.counters()

    def asked(self, cell: Cell) -> Asked:
        if cell.group not in self._moved:
            self._ask(cell.group)
        found = self._asked[cell.id]
        if isinstance(found, Exception):
            raise found
        return found

    def moved(self, group: Group) -> Counter[Series]:
        return self._moved[group]

    def _ask(self, group: Group) -> None:
        for cell in HELD:
            if cell.group == group:
                try:
                    self._asked[cell.id] = ask(cell, self.proxy)
                except Exception as error:  # noqa: BLE001 - shown by the cell's own test
                    self._asked[cell.id] = error
                    self.proxy.new_records()
        now = self.proxy.counters()
        self._moved[group] = now - self._last
        self._last = now


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    with running(tmp_path_factory.mktemp("matrix"), ROUTES if HAS_ROUTES else None) as proxy:
        yield Matrix(proxy)


@pytest.mark.parametrize("cell", HELD, ids=lambda cell: cell.id)
def test_the_cell_holds(matrix, cell):
    hold(cell, matrix.asked(cell))


@pytest.mark.parametrize("group", sorted({cell.group for cell in HELD}), ids="-".join)
def test_the_counters_move_by_what_the_cells_promise(matrix, group):
    cells = [cell for cell in HELD if cell.group == group]
    promised = sum((counted(cell, matrix.asked(cell)) for cell in cells), Counter())
    assert matrix.moved(group) == promised


def test_each_record_decided_again_comes_out_the_same(matrix):
    """From the log alone, whatever the surface: the same action, rule and hazard at every stage."""
    matrix.asked(HELD[0])
    found = replay(records(matrix.proxy.folder / "decisions.jsonl"), loaded(POLICY, None).select, toolbox().infos)
    assert [change.id for change in found.comparison.changed] == []
    assert found.reasons == {}
    assert len(found.lines) > 0
