"""The tree of an explanation, told to people. Whole pages: `golden/explain*.txt`."""

import pytest

from guardproxy.cli.telling import FEW, told

DECISION = {"action": "allow", "rule": None, "hazard": None, "would_have": "allow", "place": None}
STAGE = {"stage": "input", "rules": [], "silent_rules": 3, "heard_by_no_rule": [], "decision": DECISION, "texts": []}
TREE = {
    "policy": "p@1",
    "policy_hash": "h",
    "file": "p.yaml",
    "stages": [STAGE],
    "turned_away": None,
    "user_reads": None,
    "answer_given": False,
    "asks_again": 0,
    "texts": [],
    "not_looked": [],
}


def finding(score):
    return {
        "detector": "m",
        "hazard": "hate",
        "score": score,
        "scope": "user",
        "span": None,
        "view": "window",
        "rule": None,
    }


def below(number):
    following = {"action": "warn", "threshold": 0.9, "distance": number / 100, "place": "p.yaml:9"}
    return {
        "rule": f"r{number}", "place": "p.yaml:8", "looks": True, "idle": None, "state": "enforce", "state_place": None,
        "heard": [finding(0.1)], "score": 0.1, "reached": None, "logged_by_exception": False, "next": following,
        "excused_by": [],
    }  # fmt: skip


def lines(*, every=False, **more):
    return list(told({**TREE, **more}, every=every))


def test_the_nearest_rules_come_first_and_the_others_are_counted():
    stage = {**STAGE, "rules": [below(number) for number in range(20, 20 - FEW - 3, -1)]}
    shown = [line for line in lines(stages=[stage]) if "below a step:" in line]
    assert len(shown) == FEW
    assert shown[0].startswith("  below a step: r12 0.10, 0.12 below warn from 0.90  p.yaml:9")
    assert "  other rules: 3 more below a step, 3 heard nothing" in lines(stages=[stage])
    assert "  other rules: 3 heard nothing" in lines(stages=[stage], every=True)


def test_the_surest_findings_come_first():
    text = {"where": "content", "scope": "user", "characters": 5, "joined": False}
    found = [finding(number / 100) for number in range(FEW + 2)]
    shown = lines(stages=[{**STAGE, "texts": [{**text, "findings": found}, {**text, "joined": True, "findings": []}]}])
    assert shown[4] == "    m: hate 0.07"
    assert "    and 2 more, at most 0.01 (--all)" in shown
    assert (
        shown[-4:-2] == ["    nothing was found", "  other rules: 3 heard nothing"] or "    nothing was found" in shown
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "\nthe user reads the model's answer, and nothing of ours"),
        ({"turned_away": "too long", "stages": []}, "\nturned away before anything was decided: too long"),
        ({"user_reads": "Careful."}, "\nthe user reads, beside the model's answer:"),
        ({"user_reads": "Fine.", "answer_given": True}, "\nthe user reads:"),
        ({"not_looked": ["m is gone"]}, "  m is gone"),
        (
            {"user_reads": "No.", "answer_given": True, "asks_again": 2},
            "\nthe model is asked again, at most 2 times; when no draft passes, the user reads:",
        ),
    ],
)
def test_what_the_reader_gets(more, said):
    assert said in lines(**more)


def test_a_record():
    record = {
        "decision_id": "D1", "outcome": "allow", "policy": "p@1", "policy_hash": "g", "decided": ["allow"],
        "same_policy": False, "not_in_full": ["rule r is new or changed"], "open_end": None,
    }  # fmt: skip
    shown = lines(record=record)
    assert "decision D1, recorded under p@1 (g): another policy" in shown
    assert "  not in full: rule r is new or changed" in shown
