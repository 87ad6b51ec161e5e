"""Ladders: numbers in (0, 1], rising."""

import pytest

from guardproxy.core.rules import Action, LadderStep
from guardproxy.policy.ladders import ladder_of
from guardproxy.policy.values import Field

RULE = "rules:\n  - {{id: first-rule, about: Insults are not for us., hazard: harassment.abuse, {}}}\n"


@pytest.mark.parametrize(
    ("acts", "errors"),
    [
        ("thresholds: {log: 0.40, warn: 0.70, refuse: 0.90}", []),
        ("thresholds: {refuse: 1}", []),
        ("thresholds: {refuse: 0.9, log: 0.1}", []),
        ("thresholds: {refuse: 0}", ["GP205"]),
        ("thresholds: {refuse: 1.7}", ["GP205"]),
        ("thresholds: {refuse: -1}", ["GP205"]),
        ('thresholds: {refuse: "0.5"}', ["GP205"]),
        ("thresholds: {refuse: true}", ["GP205"]),
        ("thresholds: {refuse: high}", ["GP205"]),
        ("thresholds: {refuse: never}", ["GP205"]),
        ("thresholds: {refuse: [0.5]}", ["GP105"]),
        ("thresholds: {refuse: ~}", ["GP105"]),
        ("thresholds: {refuse: .nan}", ["GP009"]),
        ("thresholds: {refuse: 5e-1}", ["GP009"]),
        ("thresholds: {warn: 0.9, refuse: 0.5}", ["GP206"]),
        ("thresholds: {warn: 0.5, refuse: 0.5}", ["GP206"]),
        ("thresholds: {log: 0.9, warn: 0.5, refuse: 0.7}", ["GP206"]),
        ("thresholds: {block: 0.5}", ["GP208"]),
        ("thresholds: {allow: 0.5}", ["GP208"]),
        ("thresholds: {}", ["GP108"]),
        ("thresholds: 0.5", ["GP105"]),
        ("on_match: refuse", ["GP207"]),
        ("level: 1", ["GP204"]),
        ("on_match: refuse, thresholds: {refuse: 0.5}", ["GP204"]),
    ],
)
def test_thresholds(lint, acts, errors):
    assert lint(RULE.format(acts)).errors == errors


def test_a_pair_names_both_places(lint):
    row = lint(RULE.format("thresholds: {warn: 0.9, refuse: 0.5}")).row("GP206")
    assert row.others[0].column < row.column


def test_steps_are_ordered_by_action(lint):
    rule = lint(RULE.format("thresholds: {refuse: 0.9, log: 0.1}")).policy.rules[0]
    assert rule.ladder.steps == (LadderStep(Action.LOG, 0.1), LadderStep(Action.REFUSE, 0.9))


def test_on_match_is_a_ladder_of_one_step():
    assert ladder_of({"on_match": Field("warn", None, None)}).steps == (LadderStep(Action.WARN, 1.0),)


@pytest.mark.parametrize(
    ("acts", "hint"),
    [
        ("thresholds: {refuse: 90}", "90 percent is 0.90"),
        ("thresholds: {refuse: 90%}", "90 percent is 0.90"),
        ("thresholds: {refuse: 170}", "such as 0.90"),
        ("thresholds: {refuse: 0.5, 9: 0.9}", "decimals have a point: 0.9"),
        ("thresholds: {block: 0.9}", '"block" is called refuse here'),
        ("thresholds: {refsue: 0.9}", 'did you mean "refuse"?'),
    ],
)
def test_hints(lint, acts, hint):
    assert hint in [row.hint for row in lint(RULE.format(acts)).problems if row.is_error]
