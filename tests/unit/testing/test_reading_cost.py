"""The cost gate of the reader: how cost grows, and how dear the dearest text is beside prose. Ratios of CPU time only."""

from __future__ import annotations

import time
from random import Random

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.disguises.families import phrases
from guardproxy.testing.evasion import rule_of
from guardproxy.testing.reading_cost import texts

SMALL, LARGE = 4 * 1024, 32 * 1024
GROWTH = 2.5
"""Cost of a character of the large text over that of the small one: linear is 1."""
WORST = 130
"""The dearest noise over prose, both large."""
NOISE = ["base85 words", "printable soup", "hex dumps", "chess", "UUIDs", "minified JavaScript"]


@pytest.fixture(scope="module")
def rules():
    return TextRules([rule_of(p, p) for p in phrases(Random(1), 60)])


def cost(rules: TextRules, text: str) -> float:
    best = 1e9
    for _ in range(2):
        began = time.process_time()
        rules.look(Segment(text, Stage.INPUT, Scope.USER))
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("kind", ["English prose", *NOISE])
def test_cost_grows_with_the_length_and_no_faster(rules, kind):
    small, large = texts(SMALL)[kind], texts(LARGE)[kind]
    assert cost(rules, large) / len(large) < GROWTH * cost(rules, small) / len(small)


def test_the_dearest_noise_is_bounded(rules):
    large = texts(LARGE)
    prose = cost(rules, large["English prose"])
    for kind in NOISE:
        assert cost(rules, large[kind]) < WORST * prose, kind
