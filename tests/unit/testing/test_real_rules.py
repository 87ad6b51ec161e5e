"""Real rules, as the split law plays them."""

from __future__ import annotations

from random import Random

from guardproxy.testing.real_rules import first_match, text_rules, written


def test_most_texts_hold_a_match():
    compiled, chance = text_rules(), Random(5)
    texts = [written(chance) for _ in range(60)]
    assert 30 <= sum(first_match(compiled, text) is not None for text in texts) <= 58
    assert first_match(compiled, "a quiet garden") is None
    assert first_match(compiled, "so Violet Kettle") == 3
