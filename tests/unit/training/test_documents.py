from __future__ import annotations

import random

from guardproxy.training.documents import COUNT, FRAGMENT, Parts, compose

LONG = "One line here. Another one follows.\nAnd a third. " * 20
PARTS = Parts([LONG, "A table\n| a | b |\n"], ["payload 42"], ["please sign here"])


def test_as_many_clean_as_injected_and_the_payload_is_inside():
    made = compose(PARTS, random.Random(1))
    assert [unsafe for _, unsafe in made].count(True) == COUNT == len(made) - COUNT
    assert any("payload 42" in text for text, unsafe in made if unsafe)
    assert not any("payload 42" in text for text, unsafe in made if not unsafe)
    assert any("please sign here" in text for text, unsafe in made if not unsafe)


def test_payloads_stand_at_every_place():
    made = [text for text, unsafe in compose(PARTS, random.Random(1)) if unsafe and "payload 42" in text]
    assert any(text.endswith(LONG) for text in made)
    assert any(text.endswith("payload 42") for text in made)


def test_half_fit_one_window():
    made = compose(Parts([LONG], ["payload 42"], []), random.Random(1))
    assert sum(len(text) < FRAGMENT + 250 for text, _ in made) >= COUNT


def test_nothing_to_compose_gives_nothing():
    assert compose(Parts([], ["x"], []), random.Random(1)) == []
