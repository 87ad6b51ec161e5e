"""The table of faults is sound, the page tells of it, and a sample of the trials comes out as the page says."""

from collections import Counter
from pathlib import Path

import pytest

from guardproxy.testing.mutations.__main__ import tried
from guardproxy.testing.mutations.listing import EXCLUDED, FAULTS, SETS, catalogue_set, shipped_set, support_set
from guardproxy.testing.mutations.page import line_of
from guardproxy.testing.mutations.trial import Catcher, Court

PAGE = (Path(__file__).parents[4] / "docs" / "mutations.md").read_text(encoding="utf-8")
LINES = PAGE.partition("## Every fault\n")[2].splitlines(keepends=True)[4 - 1 :]
SLOW = {name for name in catalogue_set() if "/" in name}
"""Texts and help lines: each trial takes seconds, `make mutations` holds them."""
QUICK = [fault for fault in FAULTS if fault.file not in SLOW]
UNSEEN = [fault for fault in QUICK if fault.why]
SAMPLE = [*UNSEEN[::2], *QUICK[::32]]


def test_there_are_enough_of_them_of_every_kind():
    kinds = Counter(fault.kind for fault in FAULTS)
    assert len(FAULTS) >= 300
    assert len(kinds) == 13
    assert min(kinds.values()) >= 10


def test_each_has_a_name_of_its_own():
    names = Counter(row.name for row in (*FAULTS, *(row.fault for row in EXCLUDED)))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("made", SETS)
def test_each_fits_its_file_and_changes_it(made):
    files = made()
    mine = [fault for fault in (*FAULTS, *(row.fault for row in EXCLUDED)) if fault.file in files]
    assert mine
    assert [fault.name for fault in mine if fault.edit(files[fault.file]) == files[fault.file]] == []


def test_each_file_is_in_a_set():
    known = {file for made in SETS for file in made()}
    assert {fault.file for fault in FAULTS} <= known


def test_the_page_names_every_fault_in_order():
    told = [line.split(" | ")[:3] for line in LINES]
    assert told == [line_of(outcome).split(" | ")[:3] for outcome in map(_untried, FAULTS)]


def test_who_goes_unseen_on_the_page_is_who_has_a_reason():
    unseen = [line.split(" | ")[0].removeprefix("| ") for line in LINES if line.endswith("| nobody |\n")]
    assert unseen == [fault.name for fault in FAULTS if fault.why]


def test_the_counts_on_the_page_are_those_of_its_lines():
    caught = sum(not line.endswith("| nobody |\n") for line in LINES)
    refused = sum("| lint, error" in line or "| test:" in line for line in LINES)
    assert f"Caught: {caught} of {len(FAULTS)}. Refused before they could serve: {refused}." in PAGE


def test_a_sample_comes_out_as_the_page_says():
    """Every other one that goes unseen, and one in thirty-two of all."""
    outcomes = list(tried(SAMPLE))
    assert [line_of(outcome) for outcome in outcomes if line_of(outcome) not in LINES] == []
    assert [outcome.fault.name for outcome in outcomes if not outcome.meant] == []


@pytest.mark.parametrize("made", [shipped_set, support_set])
def test_the_sets_are_sound_and_what_is_left_out_is_caught_by_nobody(made, tmp_path):
    files = made()
    court = Court(files, tmp_path)
    assert court.before.errors == ()
    mine = [row.fault for row in EXCLUDED if row.fault.file in files]
    left_out = [court.trial(fault) for fault in mine[::4]]
    assert left_out
    assert {outcome.catcher for outcome in left_out} == {Catcher.NOBODY}


def _untried(fault):
    return type("Untried", (), {"fault": fault, "codes": (), "failed": 0, "catcher": ""})
