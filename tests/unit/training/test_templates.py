from __future__ import annotations

import random

from guardproxy.training.labels import HEADS
from guardproxy.training.templates import HARMFUL, rows


def test_same_seed_same_rows_and_no_open_slots():
    made = list(rows(random.Random(7)))
    assert made == list(rows(random.Random(7)))
    assert not any("{" in text or "}" in text for text, *_ in made)


def test_harmful_rows_name_hazards_that_have_a_head():
    for _, judges, unsafe, hazards in rows(random.Random(7)):
        assert bool(hazards) == unsafe
        assert all((judges, hazard) in HEADS for hazard in hazards)


def test_nothing_sexual_is_written():
    assert not any(hazard.startswith("sexual") for hazard in HARMFUL)


def test_harmless_rows_outnumber_harmful_ones():
    unsafe = [unsafe for _, _, unsafe, _ in rows(random.Random(7))]
    assert unsafe.count(False) > unsafe.count(True)
