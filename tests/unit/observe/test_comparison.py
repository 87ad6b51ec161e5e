"""Counting what a candidate would change."""

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.decide import decide
from guardproxy.core.rules import Action, PolicyRef
from guardproxy.observe.comparison import EXAMPLES, Comparison, change_of, together
from tests.unit.observe.conftest import verdict

LIVE, OTHER = PolicyRef("base", 1, "aaaa"), PolicyRef("base", 2, "bbbb")


def decided(ref, *verdicts, stage=Stage.INPUT):
    return decide(verdicts, ref, stage)


CALM = decided(LIVE)
WARNED = decided(LIVE, verdict(Action.WARN, "tone"))
REFUSES = decided(OTHER, verdict(Action.REFUSE, "crime-cyber"), verdict(Action.WARN, "tone"))


@pytest.mark.parametrize(
    ("live", "candidate", "expected"),
    [
        (CALM, decided(OTHER), ("same", "")),
        (WARNED, REFUSES, ("tighter", "crime-cyber")),
        (WARNED, decided(OTHER), ("looser", "tone")),
        (CALM, decided(OTHER, verdict(Action.REFUSE, "quiet", enforced=False)), ("same", "")),
    ],
)
def test_a_change_has_a_direction_and_a_rule(live, candidate, expected):
    assert change_of(live, candidate) == expected


def test_the_view():
    comparison = Comparison(LIVE, OTHER)
    for number in range(8):
        comparison.begin()
        comparison.add(WARNED, REFUSES if number < 2 else decided(OTHER, verdict(Action.WARN, "tone")), f"D{number}")
    comparison.add(decided(LIVE, stage=Stage.OUTPUT), decided(OTHER, stage=Stage.OUTPUT), "D9")
    view = comparison.view()
    assert (view["live"], view["candidate"], view["exchanges"]) == ("base@1", "base@2", 8)
    assert (view["live_hash"], view["candidate_hash"]) == ("aaaa", "bbbb")
    assert view["stages"]["input"]["decided"] == 8
    assert view["stages"]["input"]["moves"] == [
        {"live": "warn", "candidate": "refuse", "count": 2},
        {"live": "warn", "candidate": "warn", "count": 6},
    ]
    assert view["stages"]["output"]["changed"]["count"] == 0
    first, second = view["rules"]
    assert (first["rule"], first["live"], first["candidate"], first["examples"]) == ("crime-cyber", 0, 2, ["D0", "D1"])
    assert first["tighter"] == {
        "count": 2,
        "share": 0.25,
        "low": pytest.approx(0.0715, abs=1e-3),
        "high": pytest.approx(0.5907, abs=1e-3),
    }
    assert (second["rule"], second["live"], second["candidate"], second["looser"]["count"]) == ("tone", 8, 8, 0)


def test_examples_are_the_latest_few():
    comparison = Comparison(LIVE, OTHER)
    for number in range(20):
        comparison.add(CALM, REFUSES, f"D{number}")
    assert comparison.view()["rules"][0]["examples"] == [f"D{n}" for n in range(20 - EXAMPLES, 20)]


def test_nothing_yet():
    view = Comparison(LIVE, OTHER).view()
    assert (view["exchanges"], view["stages"], view["rules"]) == (0, {}, [])


def test_views_of_several_processes_are_the_view_of_one():
    whole, parts = Comparison(LIVE, OTHER), [Comparison(LIVE, OTHER), Comparison(LIVE, OTHER)]
    for number in range(9):
        other = REFUSES if number % 3 else decided(OTHER, verdict(Action.WARN, "tone"))
        for one in (whole, parts[number % 2]):
            one.begin()
            one.add(WARNED if number % 4 else CALM, other, f"D{number}")
    (joined,), expected = together([part.view() for part in parts]), whole.view()
    for view in (joined, expected):
        for rule in view["rules"]:
            assert len(rule.pop("examples")) <= EXAMPLES  # the last ones of each process
    assert joined == expected


def test_other_policies_are_another_pair():
    views = [Comparison(LIVE, other).view() for other in (OTHER, PolicyRef("base", 3, "cccc"), OTHER)]
    assert [view["candidate"] for view in together(views)] == ["base@2", "base@3"]
