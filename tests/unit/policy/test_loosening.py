"""Does a changed rule act less?"""

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.rules import Action, FailMode, Kind, Ladder, LadderStep, Mode, Rule, Source
from guardproxy.policy.loosening import looser, looser_outside_rules, spelled
from guardproxy.policy.reader import Node
from guardproxy.policy.values import Field


def ladder(**steps):
    return Ladder(tuple(LadderStep(Action[name.upper()], at) for name, at in steps.items()))


OLD = Rule("a-rule", Kind.HAZARD, "crime", ladder(log=0.4, refuse=0.9))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, []),
        ({"mode": Mode.SHADOW}, ["mode enforce → shadow"]),
        ({"level": 2}, ["level 1 → 2"]),
        ({"checks": frozenset({Stage.INPUT})}, ["checks input+output → input"]),
        ({"scopes": OLD.scopes - {Scope.HISTORY}}, ["scopes"]),
        ({"fails": FailMode.OPEN}, ["if_detector_fails closed → open"]),
        ({"ladder": ladder(refuse=0.9)}, ["log 0.40, refuse 0.90 → refuse 0.90"]),
        ({"ladder": ladder(log=0.4, refuse=0.91)}, ["refuse 0.91"]),
        ({"ladder": ladder(log=0.4, warn=0.9)}, ["warn 0.90"]),
        ({"ladder": ladder(refuse=0.4)}, []),
        ({"ladder": ladder(log=0.3, warn=0.6, refuse=0.9)}, []),
    ],
)
def test_looser(changes, says):
    found = looser(OLD, replace(OLD, **changes))
    assert len(found) == len(says)
    assert all(wanted in said for wanted, said in zip(says, found, strict=True))


def test_phrases_count_by_what_they_match():
    old = Rule("a-rule", Kind.WORDS, "", ladder(refuse=1.0), phrases=("Paper Kite", "copper heron"))
    assert looser(old, replace(old, phrases=("paper-kite", "copper heron", "velvet moth"))) == []
    assert looser(old, replace(old, phrases=("copper heron",))) == ["1 phrases removed"]


def test_what_was_off_cannot_be_loosened():
    assert looser(replace(OLD, mode=Mode.DISABLED), replace(OLD, mode=Mode.DISABLED, level=3)) == []


def test_spelled():
    assert spelled(ladder(log=0.4, refuse=0.9)) == "log 0.40, refuse 0.90"
    assert spelled(Ladder(())) == "nothing"


@pytest.mark.parametrize(
    ("above", "below", "says"),
    [
        ({}, {}, []),
        ({}, {"on_unscannable": "warn"}, ["on_unscannable refuse → warn"]),
        ({"on_unscannable": "allow"}, {"on_unscannable": "refuse"}, []),
        ({"uncovered_language": "refuse"}, {"uncovered_language": "warn"}, ["uncovered_language refuse → warn"]),
        ({}, {"uncovered_language": "warn"}, []),
        ({"logit_bias": "refuse"}, {"logit_bias": "allow"}, ["logit_bias refuse → allow"]),
    ],
)
def test_what_a_policy_does_where_no_rule_speaks(above, below, says):
    def written(values):
        place = Source("example.yaml", 1)
        return {key: Field(value, Node(value, place), place) for key, value in values.items()}

    assert looser_outside_rules(written(above), {**written(above), **written(below)}) == says
