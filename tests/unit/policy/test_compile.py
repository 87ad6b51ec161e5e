"""Checked fields → core policy, and its hash."""

from datetime import date

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.rules import Mode
from guardproxy.policy.compile import Scene, end_of

BASE = (
    "rules:\n"
    "  - {id: first-rule, about: The code name stays inside., words: [paper kite], on_match: refuse}\n"
    "  - {id: insults, about: Insults are not for us., hazard: harassment.abuse, thresholds: {log: 0.4, refuse: 0.9}}\n"
    "messages: {short: {en: Not available}}\n"
)


def hash_of(lint, text):
    return lint(text).policy.ref.hash


@pytest.mark.parametrize(
    "same",
    [
        "# a remark\n" + BASE,
        BASE.replace("0.4,", "0.40,"),
        BASE.replace("thresholds: {log: 0.4, refuse: 0.9}", "thresholds: {refuse: 0.9, log: 0.4}"),
        BASE.replace("paper kite", '"paper kite"'),
        BASE.replace("on_match: refuse}", "known_false_positives: [kite shop], on_match: refuse}"),
        BASE + "tests: [{name: a, user: Good morning, expect: allow}]\n",
    ],
)
def test_the_hash_keeps_over_reformatting(lint, same):
    assert hash_of(lint, same) == hash_of(lint, BASE)


@pytest.mark.parametrize(
    "other",
    [
        BASE.replace("0.9", "0.91"),
        BASE.replace("paper kite", "paper kites"),
        BASE.replace("on_match: refuse", "on_match: warn"),
        BASE.replace("Not available", "Not here"),
        BASE + "revision: 2\n",
        BASE + "levels: {enforce: 2}\n",
        BASE + "tax_budget: {over_refusal: 0.01}\n",
        BASE + "disclosure: {first_turn: true}\n",
        BASE + "exceptions: [{rule: insults, when: {routes: [a]}, because: A good reason., expires: 2026-12-31}]\n",
    ],
)
def test_the_hash_moves_with_the_meaning(lint, other):
    assert hash_of(lint, other) != hash_of(lint, BASE)


def test_the_hash_covers_parents_and_lists(lint, tmp_path):
    def child(above, phrases):
        (tmp_path / "lists").mkdir(exist_ok=True)
        (tmp_path / "lists" / "names.txt").write_text(phrases)
        rule = "rules:\n  - {id: own, about: Names of ours., words: {list: names}, on_match: warn}\n"
        found = lint(above=above, below="extends: above\n" + rule)
        return next(c.policy.ref.hash for c in found.checked.compiled if c.policy.ref.name == "below")

    first = child(BASE, "velvet moth\n")
    assert child(BASE, "# moths\nvelvet moth\n") == first
    assert child(BASE, "velvet moths\n") != first
    assert child(BASE.replace("0.9", "0.8"), "velvet moth\n") != first


def test_the_hash_looks_like_one(lint):
    assert len(hash_of(lint, BASE)) == 16
    assert int(hash_of(lint, BASE), 16) >= 0


@pytest.mark.parametrize(
    ("scene", "level", "own", "mode"),
    [
        (Scene(), 1, Mode.ENFORCE, Mode.ENFORCE),
        (Scene(), 2, Mode.ENFORCE, Mode.DISABLED),
        (Scene(1, 2), 2, Mode.ENFORCE, Mode.SHADOW),
        (Scene(2, 2), 2, Mode.ENFORCE, Mode.ENFORCE),
        (Scene(1, 3), 3, Mode.SHADOW, Mode.SHADOW),
        (Scene(3, 3), 1, Mode.DISABLED, Mode.DISABLED),
        (Scene(mode=Mode.SHADOW), 1, Mode.ENFORCE, Mode.SHADOW),
        (Scene(mode=Mode.SHADOW), 2, Mode.ENFORCE, Mode.DISABLED),
    ],
)
def test_modes(scene, level, own, mode):
    assert scene.mode_of(level, own) is mode


def test_a_day_ends_at_midnight_in_utc():
    assert end_of(date(1970, 1, 1)) == 86_400


def test_over_encoded_text_is_refused_under_every_policy(lint):
    rule = lint(BASE).policy.rules[-1]
    assert (rule.id, rule.target, rule.checks) == ("unscannable", "disguise.over_encoded", frozenset(Stage))


@pytest.mark.parametrize(
    ("fragment", "action"),
    [
        (BASE, None),
        (BASE + "uncovered_language: allow\n", None),
        (BASE + "uncovered_language: warn\n", "warn"),
        (BASE + "uncovered_language: refuse\n", "refuse"),
        (BASE.replace("hazard: harassment.abuse", "detector: embedded") + "uncovered_language: refuse\n", None),
        (BASE.replace("thresholds: {", "mode: shadow, thresholds: {") + "uncovered_language: refuse\n", None),
    ],
)
def test_an_uncovered_language_gets_a_rule_where_a_hazard_rule_is_enforced(lint, fragment, action):
    rule = lint(fragment).policy.rule("language")
    assert (rule.strongest.word if rule else None) == action
