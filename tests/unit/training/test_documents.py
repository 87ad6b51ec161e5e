from __future__ import annotations

import random

from guardproxy.training.documents import COUNT, FOR_PEOPLE, compose

CLEAN = ["One line here. Another one follows.\nAnd a third.", "A table\n| a | b |\n"]


def test_as_many_clean_as_injected_and_the_payload_is_inside():
    made = compose(CLEAN, ["payload 42"], random.Random(1))
    assert [unsafe for _, unsafe in made].count(True) == COUNT == len(made) - COUNT
    assert any("payload 42" in text for text, unsafe in made if unsafe)
    assert all(any(order in text for order in FOR_PEOPLE) for text, unsafe in made if not unsafe)


def test_payloads_stand_at_every_place():
    made = [
        text for text, unsafe in compose(CLEAN[:1], ["payload 42"], random.Random(1)) if unsafe and "payload 42" in text
    ]
    assert any(text.endswith(CLEAN[0]) for text in made)
    assert any(text.startswith(CLEAN[0]) for text in made)
    assert any(text.startswith("One line here.") and text.endswith("And a third.") for text in made)


def test_same_seed_same_documents():
    assert compose(CLEAN, ["x"], random.Random(3)) == compose(CLEAN, ["x"], random.Random(3))
