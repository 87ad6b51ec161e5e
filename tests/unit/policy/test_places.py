"""Where the values of an effective policy were written."""

from datetime import date

import pytest

from guardproxy.core.rules import Action
from guardproxy.detectors.registry import installed
from guardproxy.policy.hearing import World
from guardproxy.policy.loaded import load
from guardproxy.policy.places import Places

PARENT = """\
guardproxy: policy/v1
policy: parent
revision: 1
owner: tests@example.org
about: The parent of a small policy.
uncovered_language: refuse
rules:
  - {id: kites, about: Talk about kites., words: [paper kite], on_match: refuse}
  - id: fraud
    about: Talk about fraud.
    hazard: crime.fraud
    level: 2
    thresholds:
      warn: 0.5
      refuse: 0.9
  - {id: drugs, about: Talk about drugs., hazard: crime.drugs, thresholds: {refuse: 0.9}}
"""
CHILD = """\
guardproxy: policy/v1
policy: child
revision: 1
owner: tests@example.org
about: A small policy with a parent.
extends: parent
levels: {enforce: 1, shadow: 2}
override:
  - rule: fraud
    because: Too many were warned.
    change:
      thresholds:
        warn: 0.6
exceptions:
  - {rule: kites, because: A shop sells them and asks., expires: 2027-01-01, when: {words: [paper kite shop]}}
messages:
  hard:
    en: I can't help with {topic} here. I can help with something else.
  by_rule:
    kites:
      hard:
        en: I can't help with {topic} today. I can help with something else.
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    (folder / "parent.yaml").write_text(PARENT)
    (folder / "child.yaml").write_text(CHILD)
    found = load(folder, World(detectors=installed(), today=date(2026, 11, 24), settled=False))
    return Places(next(one for one in found.compiled if one.policy.ref.name == "child"))


def at(source):
    return None if source is None else f"{source.file.rpartition('/')[2]}:{source.line}"


def named(places, name):
    return places.compiled.policy.rule(name)


def test_rules_and_their_steps(places):
    kites, fraud = named(places, "kites"), named(places, "fraud")
    assert (at(places.rule(kites)), at(places.step(kites, Action.REFUSE))) == ("parent.yaml:8", "parent.yaml:8")
    assert at(places.rule(fraud)) == "parent.yaml:9"
    assert (at(places.step(fraud, Action.WARN)), at(places.step(fraud, Action.REFUSE))) == (
        "child.yaml:13",
        "parent.yaml:15",
    )


def test_what_makes_a_rule_watch(places):
    assert at(places.mode(named(places, "fraud"))) == "parent.yaml:12"
    assert places.mode(named(places, "kites")) is None


def test_what_guardproxy_adds(places):
    assert places.rule(named(places, "unscannable")) is None
    assert at(places.rule(named(places, "language"))) == "parent.yaml:6"


def test_exceptions_and_texts(places):
    assert at(places.exception(0)) == "child.yaml:15"
    assert at(places.text("policy/all/hard@en")) == "child.yaml:18"
    assert at(places.text("policy/rule:kites/hard@en")) == "child.yaml:22"
    assert places.text("policy/crime/hard@en") is None
    assert places.text("catalogue/crime/hard/neutral@de") is None
