"""The evasion tables: every family draws, a sample of them is found, harmless texts pass, a miss is told."""

from __future__ import annotations

from random import Random

import pytest

from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.disguises.families import ALL, cases, phrases, stacks
from guardproxy.testing.evasion import on_input, rule_of
from guardproxy.testing.evasion_bench import FamilyRow, HarmlessRow, Result, lines
from guardproxy.testing.harmless import KINDS

KNOWN = phrases(Random(11), 24)
RULES = TextRules([rule_of(p, p) for p in KNOWN])


def test_every_parameter_changes_its_phrase_the_same_way_twice():
    drawn = [[(c.parameter, c.text) for c in cases(Random(4), KNOWN, 1)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == len(ALL)


def test_a_sample_of_every_promised_family_is_found():
    missed = [
        (c.family, c.parameter, c.text)
        for c in list(cases(Random(4), KNOWN, 1))[::3]
        if c.promised and c.phrase not in on_input(RULES, c.text)
    ]
    assert missed == []


def test_stacks_are_measured():
    assert {c.promised for c in stacks(Random(4), KNOWN, 3)} == {False}


@pytest.mark.parametrize("kind", KINDS)
def test_harmless_texts_pass(kind):
    text = KINDS[kind](Random(3))
    assert text
    assert on_input(RULES, text) == set()


def test_a_miss_or_a_refusal_breaks_the_promise():
    whole = FamilyRow("case", promised=True, cases=1, on_input=1, on_output=1)
    half = FamilyRow("case", promised=True, cases=2, on_input=2, on_output=1, failed={"upper": 1})
    open_ = FamilyRow("open", promised=False, cases=1, failed={"a|b": 1})
    assert not Result(1, 1, [whole, open_], [HarmlessRow("prose", 3)]).broken
    assert Result(1, 1, [half], []).broken
    assert Result(1, 1, [whole], [HarmlessRow("prose", 3, 1)]).broken
    table = "\n".join(lines(Result(1, 1, [half, open_], [HarmlessRow("prose", 3)])))
    assert "| case | 2 | 2 | 1 | 0 | `upper` 1 |" in table
    assert "| open (measured) | 1 | 0 | 0 | 0 | `a\\|b` 1 |" in table
