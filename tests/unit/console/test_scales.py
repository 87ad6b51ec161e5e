"""Scores against ladders, in words and in the picture's units."""

from dataclasses import replace

import pytest

from guardproxy.console.scales import WIDTH, quiet, reports, scales
from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.decide import decide
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import Context, judge
from guardproxy.core.lookers import Looker
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule
from guardproxy.core.sighting import Found, sightings

STEPS = Ladder((LadderStep(Action.WARN, 0.5), LadderStep(Action.REFUSE, 0.8)))


def rule(name="r", target="crime", **more):
    return Rule(name, Kind.HAZARD, target, STEPS, **more)


def decided(*rules, scores, stage=Stage.INPUT):
    policy = Policy(PolicyRef("p", 1, "0"), rules)
    segment = Segment("some text", stage, Scope.USER)
    found = [Finding("model", hazard, score, segment, Span(0, 4)) for hazard, score in scores.items()]
    verdicts = judge(found, policy, stage, Context())
    seen = sightings(policy, [Found(finding) for finding in found])
    return replace(decide(verdicts, policy.ref, stage), seen=seen), policy


@pytest.mark.parametrize(
    ("more", "score", "reached", "said"),
    [
        ({}, 0.6, "warn", "0.60 reaches warn, 0.20 below refuse from 0.80"),
        ({}, 0.9, "refuse", "0.90 reaches refuse"),
        ({}, 0.3, "", "0.20 below warn from 0.50"),
        ({"mode": Mode.SHADOW}, 0.9, "refuse", "0.90 would reach refuse"),
        ({"checks": frozenset({Stage.OUTPUT})}, 0.9, "", "does not look at the input"),
        ({"mode": Mode.DISABLED}, 0.9, "", "is disabled"),
    ],
)
def test_in_words(more, score, reached, said):
    decision, policy = decided(rule(**more), scores={"crime.fraud": score})
    (scale,) = scales(decision, policy, Context())
    assert (scale.reached, scale.said) == (reached, said)


def test_the_picture():
    decision, policy = decided(rule(), scores={"crime.fraud": 0.6})
    (scale,) = scales(decision, policy, Context())
    assert scale.x == pytest.approx(0.6 * WIDTH)
    assert [(r.action, r.x, r.width) for r in scale.rungs] == [
        ("warn", pytest.approx(0.5 * WIDTH), pytest.approx(0.3 * WIDTH)),
        ("refuse", pytest.approx(0.8 * WIDTH), pytest.approx(0.2 * WIDTH)),
    ]


def test_those_that_act_come_first_then_the_nearest():
    decision, policy = decided(
        rule("far", "crime.drugs"),
        rule("near", "crime.cyber"),
        rule("watching", "crime.fraud", mode=Mode.SHADOW),
        rule("acting", "crime.fraud"),
        scores={"crime.drugs": 0.1, "crime.cyber": 0.4, "crime.fraud": 0.9},
    )
    assert [s.rule for s in scales(decision, policy, Context())] == ["acting", "watching", "near", "far"]


def test_reports_and_the_quiet():
    decision, _ = decided(rule(), scores={"crime.fraud": 0.3, "crime.cyber": 0.9})
    found = reports(decision)
    assert [(r.hazard, r.score, r.at) for r in found] == [("crime.cyber", 0.9, "0–4"), ("crime.fraud", 0.3, "0–4")]
    infos = [
        DetectorInfo(name, "1", frozenset({"crime.fraud"}), Tier.MODEL, Unit.SCORE, spans=False)
        for name in ("model", "calm", "away")
    ]
    assert quiet([Looker("model", "1"), Looker("calm", "1"), Looker("rule:r", "x")], found, infos) == ["calm"]


def test_a_place_in_an_answer_is_not_told():
    decision, _ = decided(rule(), scores={"crime.fraud": 0.9}, stage=Stage.OUTPUT)
    assert reports(decision)[0].at == ""
