"""Tests written inside policies: what passes, fails, is skipped, and which steps were reached."""

from datetime import UTC, date, datetime

import pytest

from guardproxy.core.findings import Finding
from guardproxy.core.rules import Action
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check
from guardproxy.policy.selftest import State, Step

RULES = (
    "levels: {enforce: 1, shadow: 2}\n"
    "rules:\n"
    "  - {id: code-name, about: The code name stays inside., words: [paper kite], on_match: refuse}\n"
    "  - {id: nickname, about: The nickname is taken out., words: [captain turnip], on_match: redact, replace_with: '[name]'}\n"
    "  - {id: ladder, about: A notice beside the answer., words: [garden ladder], on_match: warn}\n"
    "  - {id: trial, about: Under observation only., words: [submarine], level: 2, on_match: refuse}\n"
    "  - {id: insults, about: Insults are not for us., hazard: harassment.abuse, checks: [output], "
    "thresholds: {log: 0.4, warn: 0.7, refuse: 0.9}}\n"
    "  - {id: deceit, about: Deceit is not for us., hazard: crime, checks: [input], thresholds: {warn: 0.6}}\n"
    "  - {id: history, about: Only what came before., words: [old news], scopes: [history], on_match: warn}\n"
    "exceptions: [{rule: code-name, when: {routes: [support]}, then: allow, because: Support talks about it., "
    "expires: 2026-12-31}]\n"
)


def find_nothing(_policy):
    return lambda _segments: []


KITE = "user: where is the paper kite"


def run(lint, test):
    [found] = lint(RULES + f"tests:\n  - {{name: a test, {test}}}\n").checked.runs
    return found.results[0], found


@pytest.mark.parametrize(
    "test",
    [
        "user: Good morning, expect: allow",
        f"{KITE}, expect: refuse",
        f"{KITE}, expect: {{refuse: code-name}}",
        f"{KITE}, expect: {{refuse: code-name, stage: input}}",
        f"{KITE}, assistant: in the paper kite, expect: {{refuse: code-name, stage: input}}",
        "user: Good morning, assistant: a paper kite, expect: {refuse: code-name, stage: output}",
        "assistant: a paper kite, expect: {refuse: code-name, stage: output}",
        f"{KITE}, route: support, expect: allow",
        "messages: [{role: user, content: 'the paper '}, {role: user, content: kite}], expect: {refuse: code-name}",
        "messages: [{role: system, content: a paper kite}], expect: {refuse: code-name}",
        "messages: [{role: assistant, content: old news}, {role: user, content: x}], expect: {warn: history}",
        "user: old news, expect: allow",
        "user: a garden ladder, expect: {warn: ladder}",
        "user: captain turnip on a garden ladder, expect: {redact: nickname}",
        "user: captain turnip, expect: {redact: nickname}, result: {input: '[name]'}",
        "user: x, assistant: Ask captain turnip., expect: {redact: nickname}, result: {input: x, output: 'Ask [name].'}",
        "user: submarine, expect: allow, would: {refuse: trial}",
        "user: submarine, expect: allow, would: refuse",
        "user: Good morning, expect: allow, would: allow",
        "user: x, scores: {output: {harassment.abuse: 0.9}}, expect: {refuse: insults, stage: output}",
        "user: x, scores: {output: {harassment.abuse: 0.899}}, expect: {warn: insults}",
        "user: x, scores: {output: {harassment.abuse: 0.5}}, expect: allow",
        "user: x, scores: {output: {harassment.abuse: 0.5}}, expect: log",
        "user: x, scores: {output: {harassment: 0.95}}, expect: allow",
        "scores: {input: {crime.fraud: 0.6}}, expect: {warn: deceit}",
        "scores: {input: {crime: 0.6}}, expect: {warn: deceit}",
        "scores: {output: {crime: 0.99}}, expect: allow",
        "user: x, scores: {}, expect: allow",
    ],
)
def test_passes(lint, test):
    result, _ = run(lint, test)
    assert (result.state, result.why) == (State.PASSED, "")


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (f"{KITE}, expect: allow", "expected allow, got refuse by code-name at input"),
        ("user: Good morning, expect: {refuse: code-name}", "expected refuse by code-name, got allow"),
        (f"{KITE}, expect: {{refuse: ladder}}", "expected refuse by ladder, got refuse by code-name at input"),
        (f"{KITE}, expect: {{refuse: code-name, stage: output}}", "at output, got refuse by code-name at input"),
        ("user: submarine, expect: {refuse: trial}", "got allow"),
        ("user: submarine, expect: allow, would: allow", "would have: expected allow, got refuse by trial at input"),
        ("user: captain turnip, expect: redact, result: {input: captain}", "result: the input text is"),
        (f"{KITE}, expect: refuse, result: {{input: x}}", "no input text passed"),
        ("user: x, expect: allow, result: {output: x}", "no output text passed"),
    ],
)
def test_fails(lint, test, why):
    found = lint(RULES + f"tests:\n  - {{name: a test, {test}}}\n")
    assert found.errors == ["GP507"]
    assert why in found.row("GP507").message


@pytest.mark.parametrize(
    ("test", "waits"),
    [
        ("user: Oh you., expect: {warn: deceit}", "needs scores"),
        ("user: Oh you., expect: allow, would: {warn: insults}", "needs scores"),
        ("user: Good morning, live: true, expect: allow", "--live"),
    ],
)
def test_is_skipped(lint, test, waits):
    result, _ = run(lint, test)
    assert result.state is State.SKIPPED
    assert waits in result.why


def test_steps_that_were_reached(lint):
    _, found = run(lint, "user: x, scores: {output: {harassment.abuse: 0.75}}, expect: warn")
    assert found.reached == {Step("insults", Action.WARN)}
    assert len(found.steps) == 9
    assert Step("unscannable", Action.REFUSE) not in found.steps


def test_a_detector_may_be_faked_by_its_id(lint, sample_info):
    rule = (
        "rules:\n  - {id: a-rule, about: A rule for these tests., detector: other.model, thresholds: {refuse: 0.8}}\n"
    )
    test = "tests:\n  - {name: a, user: x, scores: {input: {other.model: 0.8}}, expect: {refuse: a-rule}}\n"
    for detectors in ([], [sample_info("other.model", "crime")]):
        assert lint(rule + test, detectors=detectors).errors == []


def test_the_day_decides_on_exceptions(lint):
    text = (
        RULES.replace("2026-12-31", "2026-11-23") + f"tests:\n  - {{name: a, {KITE}, route: support, expect: refuse}}\n"
    )
    assert lint(text, serving=True).errors == []
    assert datetime(2026, 11, 24, tzinfo=UTC).timestamp() == 1795478400


def test_all_failures_are_listed_at_their_places(lint):
    found = lint(RULES + f"tests:\n  - {{name: a, {KITE}, expect: allow}}\n  - {{name: b, {KITE}, expect: warn}}\n")
    assert [row.line for row in found.problems if row.code == "GP507"] == [17, 18]


def test_live_asks_models_unless_scores_are_given(lint, tmp_path):
    rule = "rules:\n  - {id: a-rule, about: A rule for these tests., hazard: crime, thresholds: {refuse: 0.8}}\n"
    tests = (
        "tests:\n  - {name: asked, user: x, live: true, expect: {refuse: a-rule}}\n"
        "  - {name: given, user: x, scores: {input: {crime: 0.1}}, expect: allow}\n"
    )
    lint(rule + tests)

    def live(_policy):
        return lambda segments: [Finding("sample.model", "crime", 0.9, segment) for segment in segments]

    checked = check([tmp_path / "example.yaml"], World((), date(2026, 11, 24), settled=False), find_nothing, live=live)
    assert [result.state for result in checked.runs[0].results] == [State.PASSED, State.PASSED]
    assert not checked.errors


def test_an_unknown_rule_comes_with_the_nearest(lint):
    row = lint("tests: [{name: a, user: x, expect: {refuse: frist-rule}}]\n").row("GP508")
    assert row.hint == 'did you mean "first-rule"?'


STAIRS = """\
extends: base
conversation: {escalation: {hazards: [crime], drift: 0.22, steps: {log: 1.0, warn: 1.4, refuse: 1.8}}}
rules: []
tests:
  - name: up the stairs, one step a turn
    turns:
"""


@pytest.mark.parametrize("said", ["", "user: go on, "])
def test_scores_without_words_add_up_over_turns(lint, said):
    """The example of `policy-language.md` 17: its turns have scores and no text."""
    score = "scores: {input: {crime.cyber: 0.55}}"
    steps = ["allow"] * 4 + ["{warn: session}", "{refuse: session}"]
    turns = "".join(f"      - {{{said}{score}, expect: {step}}}\n" for step in steps)
    assert lint(STAIRS + turns).errors == []


def test_scores_are_about_the_last_message_even_an_empty_one(lint):
    """The text of an earlier turn is not found again in a later one that says nothing."""
    turns = (
        "      - {user: tell me more, scores: {input: {crime.cyber: 0.55}}, expect: allow}\n"
        "      - {scores: {input: {crime.cyber: 0.0}}, expect: allow}\n"
    )
    assert lint(STAIRS + turns).errors == []


@pytest.mark.parametrize(("count", "outcome"), [("all", "{warn: history}"), ("2", "{warn: history}"), ("1", "allow")])
def test_only_the_latest_messages_are_looked_at_where_the_policy_says_so(lint, count, outcome):
    said = "[{role: assistant, content: old news}, {role: user, content: x}]"
    tests = f"tests: [{{name: a test, messages: {said}, expect: {outcome}}}]\n"
    [found] = lint(f"conversation: {{messages: {count}}}\n{RULES}{tests}").checked.runs
    assert found.results[0].state is State.PASSED
