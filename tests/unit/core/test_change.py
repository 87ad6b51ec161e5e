"""What changes, which way, and by which rule."""

import pytest

from guardproxy.core.change import Came, Change, Comparison, Direction, RuleCount
from guardproxy.core.conversation import Stage
from guardproxy.core.decide import decide
from guardproxy.core.rules import Action, PolicyRef

CALM = Came("input", Action.ALLOW)
WARNED = Came("input", Action.WARN, "a", "crime.fraud")
REFUSED = Came("input", Action.REFUSE, "b", "crime.fraud")
ANSWERED = Came("output", Action.ALLOW)
CUT = Came("output", Action.REFUSE, "c", "hate.speech")


@pytest.mark.parametrize(
    ("old", "new", "direction", "rule"),
    [
        ((CALM, ANSWERED), (CALM, ANSWERED), Direction.SAME, ""),
        ((CALM, ANSWERED), (WARNED, ANSWERED), Direction.TIGHTER, "a"),
        ((WARNED, ANSWERED), (CALM, ANSWERED), Direction.LOOSER, "a"),
        ((WARNED, CUT), (WARNED, ANSWERED), Direction.LOOSER, "c"),
        ((CALM, CUT), (WARNED, CUT), Direction.OTHER, "c"),
        ((CALM, CUT), (REFUSED,), Direction.OTHER, "b"),
        ((CALM, ANSWERED), (REFUSED,), Direction.TIGHTER, "b"),
        ((REFUSED, CUT), (REFUSED,), Direction.SAME, "b"),
        ((REFUSED,), (Came("input", Action.REFUSE, "b", "crime.cyber"),), Direction.OTHER, "b"),
        ((), (), Direction.SAME, ""),
    ],
)
def test_direction(old, new, direction, rule):
    change = Change("1", old, new)
    assert (change.direction, change.rule) == (direction, rule)


def test_counts():
    changes = [
        Change("1", (CALM,), (REFUSED,)),
        Change("2", (CALM,), (REFUSED,)),
        Change("3", (WARNED,), (CALM,)),
        Change("4", (CALM,), (CALM,)),
    ]
    made = Comparison.of(changes)
    assert (made.count(Direction.TIGHTER), made.count(Direction.LOOSER), made.count(Direction.SAME)) == (2, 1, 1)
    assert (made.share.hits, made.share.of) == (3, 4)
    assert made.by_rule() == [RuleCount("b", 2, 0, 0), RuleCount("a", 0, 1, 0)]
    assert [made.fails(kind) for kind in ("looser", "tighter", "any", "")] == [True, True, True, False]
    assert [Comparison.of(changes[3:]).fails(kind) for kind in ("looser", "tighter", "any")] == [False] * 3


def test_in_words():
    assert (str(CALM), str(CUT)) == ("allow", "refuse by c at output")
    assert Came.of(decide([], PolicyRef("p", 1, "0"), Stage.OUTPUT)) == ANSWERED
