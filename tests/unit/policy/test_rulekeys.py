"""One rule: its keys, and what must hold between them."""

import pytest

from guardproxy.core.conversation import Scope, Stage
from guardproxy.core.rules import Action, FailMode, Kind, Mode, NoticePlace

HEAD = "rules:\n  - {id: first-rule, about: The code name stays inside., "


@pytest.mark.parametrize(
    ("rest", "errors"),
    [
        ("words: [paper kite], on_match: block", ["GP208"]),
        ("words: [paper kite], on_match: allow", ["GP208"]),
        ("words: [paper kite], on_mach: refuse", ["GP104"]),
        ("words: [paper kite], on_match: refuse, checks: [inputs]", ["GP208"]),
        ("words: [paper kite], on_match: refuse, checks: []", ["GP108"]),
        ("words: [paper kite], on_match: refuse, scopes: [model]", ["GP208"]),
        ("words: [paper kite], on_match: refuse, level: 4", ["GP109"]),
        ("words: [paper kite], on_match: refuse, mode: off", ["GP208"]),
        ("words: [paper kite], on_match: refuse, place: middle", ["GP208"]),
        ("words: [paper kite], on_match: redact, replace_with: ''", ["GP108"]),
        ("words: [paper kite], on_match: refuse, tags: [fun]", ["GP208"]),
        ("words: [paper kite], on_match: refuse, topic: {x!: our plans}", ["GP501"]),
        ("words: [paper kite], on_match: refuse, topic: {en: 7}", ["GP105"]),
        ("words: [paper kite], on_match: refuse, counts_as: crime.fruad", ["GP201"]),
        ("words: [paper kite], on_match: refuse, counts_as: custom.Big", ["GP106"]),
        ("words: [paper kite], on_match: refuse, counts_as: custom.internal_name", []),
        ("words: [paper kite], on_match: refuse, counts_as: crime.fraud", []),
        ("words: [paper kite], on_match: refuse, locked: yes", ["GP105"]),
        ("words: [paper kite], on_match: regenerate, checks: [output]", []),
        ("words: [paper kite], on_match: regenerate, checks: [input, output]", ["GP209"]),
        ("words: [paper kite], on_match: regenerate", ["GP209"]),
        ("on_match: refuse", ["GP203"]),
        ("words: [paper kite], detector: pii.card_number, on_match: refuse", ["GP203"]),
        ("hazard: crime, pattern: 'kite-1', on_match: refuse", ["GP203"]),
        ("hazard: crime, counts_as: crime.fraud, thresholds: {refuse: 0.9}", ["GP104"]),
        ("hazard: crime.*, thresholds: {refuse: 0.9}", ["GP201"]),
        ("hazard: crime.fruad, thresholds: {refuse: 0.9}", ["GP201"]),
        ("hazard: custom, thresholds: {refuse: 0.9}", ["GP201"]),
        ("hazard: unscannable.media, thresholds: {refuse: 0.9}", ["GP201"]),
        ("hazard: crime, checks: [output], thresholds: {regenerate: 0.9}", []),
        ("hazard: crime, thresholds: {regenerate: 0.9}", ["GP209"]),
        ("hazard: crime, checks: [input], thresholds: {regenerate: 0.9}", ["GP209"]),
        ("hazard: quality.evasive, thresholds: {regenerate: 0.9}", []),
        ("hazard: quality.evasive, checks: [input], thresholds: {refuse: 0.9}", ["GP211"]),
        ("hazard: attack.injection, checks: [input, output], thresholds: {refuse: 0.9}", ["GP211"]),
        ("hazard: attack, checks: [output], thresholds: {refuse: 0.9}", []),
        ("hazard: self_harm.intent, checks: [input], thresholds: {refuse: 0.9}", ["GP213"]),
        ("hazard: self_harm.intent, thresholds: {refuse: 0.9}", ["GP213"]),
        ("hazard: self_harm.intent, thresholds: {warn: 0.5, refuse: 0.9}", []),
        ("hazard: self_harm.intent, checks: [output], thresholds: {refuse: 0.9}", []),
        ("hazard: self_harm, thresholds: {refuse: 0.9}", []),
        ("hazard: self_harm.intent, thresholds: {warn: 0.4, redact: 0.9}", ["GP210", "GP213"]),
        ("hazard: self_harm, thresholds: {redact: 0.9}", ["GP210", "GP213"]),
        ("words: [paper kite], thresholds: {refuse: 0.5}", ["GP207"]),
        ("pattern: 'kite-1', thresholds: {refuse: 0.5}", ["GP207"]),
        ("detector: pii.card_number, thresholds: {refuse: 0.5}", ["GP207"]),
        ("detector: sample.model, on_match: refuse", ["GP207"]),
        ("detector: '../x', on_match: refuse", ["GP202"]),
    ],
)
def test_rules(lint, rest, errors):
    assert sorted(lint(f"{HEAD}{rest}}}\n").errors) == errors


@pytest.mark.parametrize("name", ["First", "first_rule", "unscannable", "language", "session", "1st", "a" * 65])
def test_names(lint, name):
    rule = f"rules:\n  - {{id: {name}, about: The code name stays inside., words: [paper kite], on_match: refuse}}\n"
    assert lint(rule).errors == ["GP106"]


def test_defaults(lint):
    rule = lint("levels: {enforce: 1}\n").policy.rules[0]
    assert (rule.kind, rule.mode, rule.level, rule.fails) == (Kind.WORDS, Mode.ENFORCE, 1, FailMode.CLOSED)
    assert rule.checks == frozenset(Stage)
    assert Scope.MODEL not in rule.scopes
    assert not rule.scopes_written
    assert rule.counts_as == "custom"
    assert rule.place is NoticePlace.AFTER


def test_everything_written(lint):
    rule = lint(
        "if_detector_fails: open\n"
        "levels: {enforce: 1, shadow: 2}\n"
        f"{HEAD}pattern: 'kite-[0-9]{{2}}', on_match: redact, checks: [output], scopes: [user, history], level: 2, "
        "place: before, every_turn: true, replace_with: '[kite]', counts_as: custom.kite, topic: {en: kites}, "
        "appealable: false, tags: [brand], known_false_positives: [kite-11]}\n"
    ).policy.rules[0]
    assert (rule.kind, rule.target, rule.strongest) == (Kind.PATTERN, "kite-[0-9]{2}", Action.REDACT)
    assert (rule.mode, rule.fails, rule.place) == (Mode.SHADOW, FailMode.OPEN, NoticePlace.BEFORE)
    assert rule.scopes == {Scope.USER, Scope.HISTORY}
    assert rule.scopes_written
    assert (rule.replace_with, rule.counts_as, rule.topic.get("en")) == ("[kite]", "custom.kite", "kites")
    assert rule.every_turn
    assert not rule.appealable


def test_crisis_notices_stand_before_the_answer(lint):
    rule = lint(f"{HEAD}hazard: self_harm.intent, thresholds: {{warn: 0.5}}}}\n").policy.rules[0]
    assert rule.place is NoticePlace.BEFORE


def test_stages_follow_the_hazard(lint):
    rule = lint(f"{HEAD}hazard: attack.jailbreak, thresholds: {{refuse: 0.5}}}}\n").policy.rules[0]
    assert rule.checks == {Stage.INPUT}


@pytest.mark.parametrize(
    ("rule", "errors"),
    [
        ("wrods: [paper kite], on_match: refuse", ["GP104"]),
        ("hazard: crime, threshold: {refuse: 0.9}", ["GP104"]),
        ("words: [paper kite], level: 1", ["GP204"]),
        ("words: [paper kite], on_match: refuse, thresholds: {log: 0.5}, tresholds: {log: 0.5}", ["GP104", "GP204"]),
    ],
)
def test_a_misspelt_key_is_told_once(lint, rule, errors):
    assert sorted(lint(f"rules:\n  - {{id: a, about: Something to see., {rule}}}\n").errors) == errors
