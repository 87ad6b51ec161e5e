"""What a policy would have had to look for."""

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, FailureKind
from guardproxy.core.judge import Context
from guardproxy.core.lookers import folded, text_lookers
from guardproxy.core.replay import Stored
from guardproxy.core.rules import (
    Action,
    FailMode,
    Kind,
    Ladder,
    LadderStep,
    Mode,
    Policy,
    PolicyRef,
    Rule,
    RuleException,
    Streaming,
    ThenDo,
)
from guardproxy.core.sighting import Sighting, Sightings
from guardproxy.core.unseen import Beheld, Unseen

ONE = Ladder((LadderStep(Action.REFUSE, 1.0),))
KITES = Rule("kites", Kind.WORDS, "", ONE, phrases=("kite",))
FRAUD = Rule("fraud", Kind.HAZARD, "crime", ONE)
INFO = DetectorInfo("m", "7", frozenset({"crime.fraud"}), Tier.MODEL, Unit.SCORE, spans=False)
SEEN = Sightings((Sighting("words", "custom", 1.0, Scope.USER, rule="kites"),))
ASKED = Stored(Stage.INPUT, Action.ALLOW, seen=SEEN)
ANSWERED = Stored(Stage.OUTPUT, Action.ALLOW, choice=0)
VERSIONS = {"m": "7", "rule:kites": KITES.wording, "windows": "160/400/120/sentence"}
BEHELD = Beheld(VERSIONS)


def reasons(*rules, stored=ASKED, beheld=BEHELD, **more):
    asking = Unseen(Policy(PolicyRef("p", 1, "0"), rules, **more), (INFO,))
    found = asking.reasons(stored, beheld, Context())
    assert asking.reasons(stored, beheld, Context()) == found
    return found


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (KITES, []),
        (FRAUD, []),
        (replace(KITES, phrases=("kite", "glider")), ["rule kites is new or changed"]),
        (replace(KITES, id="gliders"), ["rule gliders is new or changed"]),
        (replace(KITES, id="gliders", mode=Mode.DISABLED), []),
        (replace(KITES, id="gliders", checks=frozenset({Stage.OUTPUT})), []),
        (replace(KITES, ladder=Ladder((LadderStep(Action.WARN, 1.0),)), mode=Mode.SHADOW), []),
        (replace(FRAUD, id="new", ladder=Ladder((LadderStep(Action.LOG, 0.1),))), []),
    ],
)
def test_rules_at_the_input(rule, why):
    assert reasons(rule) == why


def test_a_detector_that_did_not_look():
    assert reasons(FRAUD, beheld=Beheld({})) == ["rule fraud listens to m, which did not look"]
    away = Beheld(VERSIONS, frozenset({"m", "rule:kites"}))
    assert reasons(FRAUD, KITES, beheld=away) == []
    assert reasons(FRAUD, KITES, stored=ANSWERED, beheld=away) == [
        "rule fraud listens to m, which did not look",
        "rule kites is new or changed",
    ]


def test_a_detector_that_could_not_look():
    failed = Beheld(VERSIONS, failures=(Failure("m", FailureKind.TIMEOUT, "input"),))
    assert reasons(FRAUD, beheld=failed) == ["rule fraud fails closed, and m could not look"]
    assert reasons(FRAUD, stored=ANSWERED, beheld=failed) == []
    assert reasons(replace(FRAUD, fails=FailMode.OPEN), beheld=failed) == []
    broke = Beheld(VERSIONS, failures=(Failure("words", FailureKind.EXCEPTION, "input", caused_by_input=True),))
    assert reasons(KITES, beheld=broke) == ["rule kites fails closed, and words could not look"]
    assert reasons(replace(KITES, mode=Mode.SHADOW), beheld=broke) == []


def test_an_exception_matters_where_its_rule_heard_something():
    hole = RuleException("kites", ThenDo.LOG, 10.0, phrases=("kite shop",))
    assert reasons(KITES, exceptions=(hole,)) == ["an exception of rule kites is new or changed"]
    assert reasons(KITES, exceptions=(hole,), stored=replace(ASKED, seen=Sightings())) == []
    assert reasons(KITES, exceptions=(replace(hole, expires=0.0),)) == []
    assert reasons(KITES, exceptions=(replace(hole, phrases=()),)) == []
    assert reasons(KITES, exceptions=(replace(hole, rule="nobody"),)) == []
    known = {
        one.name: one.revision for one in text_lookers(Policy(PolicyRef("p", 1, "0"), (KITES,), exceptions=(hole,)))
    }
    assert reasons(KITES, exceptions=(hole,), beheld=Beheld(VERSIONS | known)) == []


def test_windows_cut_differently():
    other = Streaming(first=80)
    assert reasons(FRAUD, stored=ANSWERED, streaming=other) == ["the windows of answers are cut differently"]
    assert reasons(FRAUD, streaming=other) == []
    assert reasons(KITES, stored=ANSWERED, streaming=other) == []


def test_a_record_that_names_no_rule():
    """A policy of many rules: one digest for all of their words."""
    hole = RuleException("kites", ThenDo.LOG, 10.0, phrases=("kite shop",))
    policy = Policy(PolicyRef("p", 1, "0"), (KITES,), exceptions=(hole,))
    known = Beheld({"m": "7", "rules": folded(policy)})
    assert reasons(KITES, FRAUD, exceptions=(hole,), beheld=known) == []
    (why,) = reasons(KITES, FRAUD, beheld=known)
    assert why.startswith("words of rules are new or changed")


@pytest.mark.parametrize("stored", [replace(ASKED, reports=True), replace(ASKED, action=Action.REFUSE, by_rule=False)])
def test_what_no_rule_decided_needs_nothing(stored):
    assert reasons(replace(KITES, id="new"), stored=stored) == []


@pytest.mark.parametrize(("then", "now"), [("", 2), ("2", None), ("2", 3)])
def test_another_number_of_messages(then, now):
    beheld = Beheld({**VERSIONS, "messages": then} if then else VERSIONS, frozenset({"messages"}))
    assert reasons(beheld=beheld, messages_looked_at=now) == ["another number of the latest messages is looked at"]
    assert reasons(beheld=beheld, messages_looked_at=int(then) if then else None) == []
    assert reasons(stored=ANSWERED, beheld=beheld, messages_looked_at=now) == []
