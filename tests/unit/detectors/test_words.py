"""The phrase index: keys, anchors, and a price that does not grow with the list."""

from __future__ import annotations

import random

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Rule
from guardproxy.detectors.textrules import TextRules
from guardproxy.detectors.words import PhraseIndex, normal_shift, skeleton


def test_keys():
    assert skeleton("useless") == "useies"
    assert skeleton("u53l355") == "useies"
    assert normal_shift("bluefinch", "b") == normal_shift("eoxhilqfk", "e")


def test_equal_phrases_are_entered_once():
    index = PhraseIndex()
    index.add(0, "Copper Heron")
    index.add(0, "copper  heron")
    index.add(1, "copper heron")
    assert [(p.rule, p.key) for p in index.phrases] == [(0, "copper heron"), (1, "copper heron")]


def test_a_long_list_finds_its_own():
    chance = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    phrases = tuple(" ".join("".join(chance.choices(letters, k=7)) for _ in range(2)) for _ in range(25_000))
    rules = TextRules([Rule("w", Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=phrases)])
    for phrase in (phrases[0], phrases[12_345], phrases[-1]):
        found = rules.look(Segment(f"so {phrase.upper()} it", Stage.INPUT, Scope.USER))
        assert [f.span.start for f in found if f.span] == [3]
    assert not rules.look(Segment("the weather has been mild this week", Stage.INPUT, Scope.USER))
