"""A whole log under another policy: what is compared, what only in part, what not."""

from dataclasses import replace

import pytest

from guardproxy.core.change import Direction
from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Span
from guardproxy.core.replay import Stored
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule
from guardproxy.core.sighting import Sighting, Sightings
from guardproxy.core.unseen import Beheld
from guardproxy.observe.recorded import Recorded
from guardproxy.proxy.replaying import CUT, ELSEWHERE, FAULT, NOT_ASKED, NOT_SEEN, OLD, REPORTED, line_of, replay

INFO = DetectorInfo("m", "7", frozenset({"crime.fraud", "hate.speech"}), Tier.MODEL, Unit.SCORE, spans=False)


def policy(*rules, revision=2):
    return Policy(PolicyRef("p", revision, f"h{revision}"), rules)


def rule(action, threshold, **more):
    return Rule(more.pop("name", "fraud"), Kind.HAZARD, "crime", Ladder((LadderStep(action, threshold),)), **more)


def seen(*found, scope=Scope.USER):
    return Sightings(tuple(Sighting("m", h, s, scope, place=at, span=Span(0, 1)) for h, s, at in found))


def asked(action=Action.ALLOW, score=0.6, **more):
    by = (more.pop("rule", "fraud"), "crime.fraud") if action else ("", "")
    return Stored(Stage.INPUT, action, *by, seen=seen(("crime.fraud", score, 0)), **more)


def answered(action=Action.ALLOW, *found, **more):
    by = ("fraud", "crime.fraud") if action else ("", "")
    return Stored(Stage.OUTPUT, action, *by, 0, seen=seen(*found, scope=Scope.MODEL), **more)


def record(*stages, **more):
    made = Recorded("D1", 5.0, "t", "chat", "chat_completions", "allow", "p@1", "h1", stages, Beheld({"m": "7"}))
    return replace(made, **more)


def line(one, made):
    return line_of(one, made, (INFO,))


def test_a_tighter_policy():
    found = line(record(asked(), answered()), policy(rule(Action.REFUSE, 0.6)))
    assert (found.change.direction, found.change.rule) == (Direction.TIGHTER, "fraud")
    assert (found.reasons, found.beyond, len(found.decisions)) == ((), "", 1)


def test_a_looser_policy_leaves_open_ends():
    loose = policy(rule(Action.WARN, 0.6))
    request = line(record(asked(Action.REFUSE)), loose)
    assert (request.change.direction, request.beyond) == (Direction.LOOSER, NOT_ASKED)
    answer = line(record(asked(score=0.1), answered(Action.REFUSE, ("crime.fraud", 0.7, 90))), loose)
    assert (answer.change.direction, answer.beyond) == (Direction.LOOSER, NOT_SEEN)
    assert line(record(asked(Action.REFUSE)), policy(rule(Action.REFUSE, 0.5))).beyond == ""


def test_what_nobody_looked_for():
    new = Rule("kites", Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=("kite",))
    found = line(record(asked()), policy(new))
    assert found.reasons == ("rule kites is new or changed",)
    assert line(record(asked(), policy_hash="h2"), policy(new)).reasons == ()


def test_what_the_record_does_not_hold():
    many = replace(asked(), seen=Sightings(left_out=1))
    assert line(record(many, policy_hash="h2"), policy()).reasons == (CUT,)
    assert line(record(asked(), complete=False), policy()).reasons == (OLD,)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_request_that_tightened_the_policy(stage):
    """`moderation` with `mode: block`: what is flagged is refused, whatever the policy says."""
    stored = asked(score=0.95) if stage is Stage.INPUT else answered(Action.ALLOW, ("crime.fraud", 0.95, 3))
    found = line(record(stored, tightened=(str(stage),)), policy(rule(Action.WARN, 0.6)))
    assert found.decisions[0].action is Action.REFUSE
    assert line(record(stored), policy(rule(Action.WARN, 0.6))).decisions[0].action is Action.WARN
    unheard = line(record(stored, tightened=(str(stage),)), policy())
    assert (unheard.decisions[0].action, unheard.decisions[0].rule_name) == (Action.REFUSE, "moderation")


def test_what_no_rule_may_refuse_is_refused_when_flagged():
    """A rule that only logs is not hardened; a hazard it counts as is flagged from its own findings all the same."""
    stored = replace(asked(), seen=seen(("hate.speech", 0.9, 0)))
    logging = Rule("talk", Kind.DETECTOR, "m", Ladder((LadderStep(Action.LOG, 0.1),)), checks=frozenset({Stage.OUTPUT}))
    found = line(record(stored, tightened=("input",)), policy(logging))
    assert found.decisions[0].action is Action.REFUSE


def test_a_log():
    records = [
        record(asked(), answered()),
        record(asked(), answered(), decision_id="D2", tenant="other"),
        record(decision_id="D3", outcome="error"),
        record(asked(reports=True), decision_id="D4", surface="moderations"),
        record(asked(score=0.1), answered(), decision_id="D5", complete=False),
    ]
    tight = policy(rule(Action.REFUSE, 0.6))
    found = replay(records, lambda tenant, _route: tight if tenant == "t" else None, (INFO,))
    assert found.records == 5
    assert found.skipped == {ELSEWHERE: 1, FAULT: 1, REPORTED: 1}
    assert [change.id for change in found.comparison.changes] == ["D1"]
    assert [change.id for change in found.in_part.changes] == ["D5"]
    assert (found.reasons, found.beyond) == ({OLD: 1}, {})
