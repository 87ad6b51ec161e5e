"""A decision as machines read it."""

from pathlib import Path

import pytest

from guardproxy.cli.accounts import BUILT_IN, asked_tree, place, stage_tree, unheard
from guardproxy.cli.comparing import loaded
from guardproxy.core.asked import decide_input
from guardproxy.core.conversation import Piece, Pointer, Scope, Segment, Stage
from guardproxy.core.findings import Failure, FailureKind, Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.rules import Source
from guardproxy.policy.places import Places

from .conftest import KITES

TEXT = Segment("a garden ladder", Stage.INPUT, Scope.USER, (Piece(Pointer(("messages", 0, "content")), 0, 15),))
LADDER = Finding("words", "custom", 1.0, TEXT, Span(2, 15), "ladders")
FRAUD = Finding("m", "crime.fraud", 0.71234, TEXT)
HATE = Finding("m", "hate.speech", 0.3, TEXT)


@pytest.fixture
def places(desk):
    fraud = "  - {id: fraud, about: Talk about fraud., hazard: crime.fraud, thresholds: {refuse: 0.9}}\n"
    desk(kites=KITES.replace("exceptions:", fraud + "exceptions:"))
    return Places(loaded(Path("kites.yaml"), None).compiled[0])


def test_every_value_has_its_place(places):
    policy = places.compiled.policy
    tree = stage_tree(decide_input([LADDER, FRAUD, HATE], policy, Context()), Context(), places)
    ladders, fraud = tree["rules"]
    assert ladders["reached"] == {"action": "warn", "threshold": 1.0, "distance": 0.0, "place": ladders["place"]}
    assert (fraud["score"], fraud["reached"], fraud["next"]["distance"]) == (0.7123, None, 0.1877)
    assert fraud["next"]["place"].startswith("kites.yaml:")
    assert [found["hazard"] for found in tree["heard_by_no_rule"]] == ["hate.speech"]
    assert (tree["decision"]["rule"], tree["decision"]["place"]) == ("ladders", ladders["place"])


def test_the_texts_and_what_was_found_in_them():
    other = Segment("calm", Stage.INPUT, Scope.SYSTEM)
    first, second = asked_tree([TEXT, other], [LADDER])
    assert (first["where"], first["characters"], first["findings"][0]["span"]) == ("messages[0].content", 15, [2, 15])
    assert (second["scope"], second["findings"]) == ("system", [])
    assert "garden" not in f"{first}"


def test_who_could_not_look(places):
    failed = Failure("m", FailureKind.TIMEOUT, "input")
    told = list(unheard(places.compiled.policy, (), "the model is cut", [failed, failed], places))
    assert told[:2] == ["the embedded classifiers: the model is cut", "m could not look at the input (timeout)"]
    assert told[2].startswith("rule fraud (kites.yaml:")
    assert len(told) == 3


def test_places():
    assert (place(Source("a.yaml", 7, 3)), place(None)) == ("a.yaml:7", BUILT_IN)
