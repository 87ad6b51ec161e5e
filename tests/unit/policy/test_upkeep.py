"""Windows, dates, dead rules."""

import pytest

WORDS = "rules:\n  - {id: a-rule, about: A rule for these tests., words: [paper kite], "


@pytest.mark.parametrize(
    ("rest", "errors"),
    [
        ("on_match: refuse}\n", ["GP401"]),
        ("on_match: log}\n", ["GP401"]),
        ("on_match: refuse, checks: [input]}\n", []),
        ("on_match: refuse, mode: shadow}\n", []),
        ("on_match: refuse, mode: disabled}\n", []),
        ("on_match: refuse, level: 2}\n", []),
    ],
)
def test_immediate_release(lint, rest, errors):
    assert lint("streaming: {release: immediate}\n" + WORDS + rest).errors == errors


def exception(expires, more=""):
    return (
        WORDS + "on_match: refuse}\n" + "exceptions: [{rule: a-rule, when: {routes: [support]}, "
        f"because: Support talks about it., expires: {expires}{more}}}]\n"
    )


@pytest.mark.parametrize(
    ("expires", "errors", "warnings"),
    [
        ("2026-11-23", ["GP306"], []),
        ("2026-11-24", [], ["GP704"]),
        ("2026-12-24", [], ["GP704"]),
        ("2026-12-25", [], []),
        ("2027-11-25", [], []),
        ("2027-11-26", ["GP306"], []),
        ("2027-02-30", ["GP109"], []),
        ("next year", ["GP105"], []),
    ],
)
def test_ends_of_exceptions(lint, expires, errors, warnings):
    found = lint(exception(expires))
    assert found.errors == errors
    assert [code for code in found.warnings if code in ("GP306", "GP704")] == warnings


def test_an_expired_exception_does_not_stop_the_service(lint):
    found = lint(exception("2026-11-23"), serving=True)
    assert found.errors == []
    assert "GP306" in found.warnings
    assert found.policy.exceptions[0].expires < 1_795_600_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("on_unscannable: allow\n", "GP712"),
        ("if_detector_fails: open\n", "GP712"),
        ("conversation: {messages: 8}\n", "GP714"),
    ],
)
def test_advice(lint, text, code):
    assert code in lint(text).warnings


@pytest.mark.parametrize(
    ("second", "dead"),
    [
        ("words: [copper heron], on_match: warn", True),
        ("words: [copper heron], on_match: refuse", True),
        ("words: [copper heron, velvet moth], on_match: warn", False),
        ("words: [copper heron], on_match: warn, mode: shadow", False),
        ("words: [copper heron], on_match: warn, scopes: [user]", True),
        ("pattern: 'heron-[0-9]', on_match: warn", False),
    ],
)
def test_dead_rules(lint, second, dead):
    first = (
        "rules:\n  - {id: first, about: A rule for these tests., words: [paper kite, copper heron], on_match: refuse}\n"
    )
    found = lint(first + f"  - {{id: second, about: A rule for these tests., {second}}}\n")
    assert ("GP705" in found.warnings) is dead


@pytest.mark.parametrize(
    ("family", "leaf", "dead"),
    [
        ("refuse: 0.5", "warn: 0.6", True),
        ("refuse: 0.7", "warn: 0.6", False),
        ("warn: 0.5", "refuse: 0.6", False),
        ("warn: 0.5, refuse: 0.8", "warn: 0.5, refuse: 0.8", True),
    ],
)
def test_a_family_can_outrank_its_leaf(lint, family, leaf, dead):
    text = (
        f"rules:\n  - {{id: first, about: A rule for these tests., hazard: crime, thresholds: {{{family}}}}}\n"
        f"  - {{id: second, about: A rule for these tests., hazard: crime.fraud, thresholds: {{{leaf}}}}}\n"
    )
    assert ("GP705" in lint(text).warnings) is dead


def test_dead_rules_are_found_in_time(lint):
    rule = "  - {{id: rule-{0}, about: Rule number {0} of many., words: [word {0}], on_match: log}}\n"
    found = lint("rules:\n" + "".join(rule.format(n) for n in range(2000)), inspect=None)
    assert "GP705" not in found.warnings
