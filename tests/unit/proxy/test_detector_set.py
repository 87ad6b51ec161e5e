"""What a policy's detectors look for, and what they are called together."""

from __future__ import annotations

from dataclasses import replace

from guardproxy.core.conversation import Stage
from guardproxy.core.detector_info import DetectorInfo, Tier, Unit
from guardproxy.core.findings import Failure, FailureKind
from guardproxy.core.rules import Kind, Ladder, Mode, Policy, PolicyRef, Rule
from guardproxy.proxy.detector_set import DetectorSet

MODEL = DetectorInfo("m", "1", frozenset({"hate.speech", "attack.jailbreak"}), Tier.MODEL, Unit.SCORE, spans=False)
CARDS = DetectorInfo("pii.card", "1", frozenset({"privacy.pii"}), Tier.INSTANT, Unit.MATCH, spans=True)
NONE = Policy(PolicyRef("p", 1, "0"), ())


def test_only_what_runs_counts():
    assert DetectorSet.of(NONE, ["m"], [MODEL, CARDS]).infos == (MODEL,)


def test_the_name_changes_with_a_revision_and_not_with_the_order():
    one = DetectorSet(NONE, (MODEL, CARDS)).model
    assert one == DetectorSet(NONE, (CARDS, MODEL)).model
    assert one != DetectorSet(NONE, (replace(MODEL, revision="2"), CARDS)).model
    assert one.startswith("guardproxy-")


def test_hazards_by_stage():
    both = DetectorSet(NONE, (MODEL, CARDS))
    assert both.hazards(Stage.INPUT) == {"hate.speech", "attack.jailbreak", "privacy.pii"}
    assert both.hazards(Stage.OUTPUT) == {"hate.speech", "privacy.pii"}


def test_who_failed_covers_nothing():
    failure = Failure("m", FailureKind.TIMEOUT, Stage.INPUT)
    both = DetectorSet(NONE, (MODEL, CARDS))
    assert both.hazards(Stage.INPUT, [failure]) == {"privacy.pii"}
    assert "hate.speech" in both.hazards(Stage.OUTPUT, [failure])


def test_written_rules_look_for_something_too():
    words = Rule("w", Kind.WORDS, "", Ladder(()), checks=frozenset({Stage.INPUT}))
    pattern = Rule("q", Kind.PATTERN, "x", Ladder(()), counts_as="security.secrets")
    off = Rule("o", Kind.PATTERN, "x", Ladder(()), counts_as="defamation", mode=Mode.DISABLED)
    own = DetectorSet(replace(NONE, rules=(words, pattern, off)), ())
    assert own.hazards(Stage.INPUT) == {"custom", "security.secrets"}
    assert own.hazards(Stage.OUTPUT) == {"security.secrets"}
