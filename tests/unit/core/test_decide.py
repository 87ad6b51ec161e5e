"""Which verdict wins."""

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.decide import decide, stronger
from guardproxy.core.judge import Verdict
from guardproxy.core.rules import Action, Kind, Ladder, PolicyRef, Rule

REF = PolicyRef("p", 1, "0" * 16)


def verdict(action, *, enforced=True, severity=1, order=0, hazard="crime.fraud"):
    rule = Rule(f"r{order}", Kind.HAZARD, hazard, Ladder(()))
    return Verdict(rule, action, hazard, severity, 0.9, 0.5, enforced, order, ())


@pytest.mark.parametrize(
    ("verdicts", "action", "would_have", "rule"),
    [
        ([], Action.ALLOW, Action.ALLOW, ""),
        ([verdict(Action.WARN)], Action.WARN, Action.WARN, "r0"),
        ([verdict(Action.REFUSE, enforced=False), verdict(Action.WARN, order=1)], Action.WARN, Action.REFUSE, "r1"),
        ([verdict(Action.LOG), verdict(Action.REFUSE, order=1)], Action.REFUSE, Action.REFUSE, "r1"),
        ([verdict(Action.REFUSE, order=0), verdict(Action.REFUSE, order=1)], Action.REFUSE, Action.REFUSE, "r0"),
        (
            [verdict(Action.REFUSE, order=0), verdict(Action.REFUSE, order=1, severity=3)],
            Action.REFUSE,
            Action.REFUSE,
            "r1",
        ),
        ([verdict(Action.REDACT, enforced=False)], Action.ALLOW, Action.REDACT, ""),
    ],
)
def test_decide(verdicts, action, would_have, rule):
    decision = decide(verdicts, REF, Stage.INPUT)
    assert (decision.action, decision.would_have, decision.rule_name) == (action, would_have, rule)


def test_hazards_begin_with_the_winners_and_come_once():
    found = decide(
        [
            verdict(Action.WARN, hazard="hate.speech"),
            verdict(Action.REFUSE, order=1, hazard="weapons.cbrne"),
            verdict(Action.WARN, order=2, hazard="hate.speech"),
            verdict(Action.REFUSE, order=3, enforced=False, hazard="ip.copyright"),
        ],
        REF,
        Stage.OUTPUT,
    )
    assert found.hazards == ("weapons.cbrne", "hate.speech")


def test_the_input_speaks_on_a_tie():
    first = decide([verdict(Action.WARN)], REF, Stage.INPUT)
    second = decide([verdict(Action.WARN)], REF, Stage.OUTPUT)
    third = decide([verdict(Action.REFUSE)], REF, Stage.OUTPUT)
    assert stronger(first, second) is first
    assert stronger(first, third) is third
