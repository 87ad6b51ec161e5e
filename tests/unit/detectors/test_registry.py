"""The default install, as one box."""

from __future__ import annotations

import pytest

from guardproxy.core.conversation import Scope, Segment, Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.hazards import LEAVES, family_of
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule
from guardproxy.detectors.pool import ClassifierPool, PoolOptions
from guardproxy.detectors.registry import inspector, installed, toolbox

KNOWN = {hazard.id for hazard in LEAVES}


@pytest.mark.parametrize("info", installed(), ids=lambda info: info.id)
def test_every_detector_says_the_truth_about_itself(info):
    assert info.hazards
    assert all(hazard in KNOWN or family_of(hazard) == "custom" for hazard in info.hazards)
    assert info.revision
    assert info.stages <= frozenset(Stage)
    assert info.unit is Unit.MATCH or info.tier is not Tier.INSTANT


def test_ids_are_unique():
    ids = [info.id for info in installed()]
    assert len(ids) == len(set(ids))


def test_model_detectors_only_where_they_are_wanted():
    plain = {info.id for info in toolbox().infos}
    assert "embedded" not in plain
    assert {info.id for info in toolbox(ClassifierPool(PoolOptions())).infos} == plain | {"embedded"}
    more = {info.id for info in toolbox(with_names=True).infos} - plain
    assert more
    assert more < {info.id for info in installed()}


def test_a_detector_of_pictures_can_be_added_and_none_is_shipped():
    class Gallery:
        info = DetectorInfo(
            "gallery", "1", frozenset({"sexual.adult"}), Tier.MODEL, Unit.SCORE, spans=False, media=frozenset({"image"})
        )

    assert {info.id for info in toolbox(media=[Gallery()]).infos} - {info.id for info in toolbox().infos} == {"gallery"}
    assert not [info.id for info in installed() if info.media]


def test_own_link_hosts_are_no_finding():
    rule = Rule("link", Kind.DETECTOR, "links.foreign_host", Ladder((LadderStep(Action.REFUSE, 0.5),)))
    policy = Policy(PolicyRef("p", 1, "0"), (rule,))
    answer = Segment("![x](https://zorp.example/a.png?q=secret)", Stage.OUTPUT, Scope.MODEL)
    foreign = inspector(toolbox())(policy)([answer])
    own = inspector(toolbox(allowed_link_hosts=["zorp.example"]))(policy)([answer])
    assert [f.detector for f in foreign if f.detector.startswith("links")]
    assert not [f.detector for f in own if f.detector.startswith("links")]


def test_the_inspector_runs_what_the_policy_needs():
    words = Rule("w", Kind.WORDS, "", Ladder((LadderStep(Action.REFUSE, 1.0),)), phrases=("zorp blick",))
    look = inspector()(Policy(PolicyRef("p", 1, "0"), (words,)))
    mail = Segment("zorp blick, mail a@example.org", Stage.INPUT, Scope.USER)
    assert [(f.detector, f.rule) for f in look([mail])] == [("words", "w")]
