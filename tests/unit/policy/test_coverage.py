"""Do the tests say enough?"""

import pytest

RULES = (
    "rules:\n"
    "  - {id: a-rule, about: A rule for these tests., words: [paper kite], on_match: refuse}\n"
    "  - {id: insults, about: A rule for these tests., hazard: harassment.abuse, thresholds: {refuse: 0.9}}\n"
)
ALLOW = "{name: a, user: Good morning, expect: allow}"
ACTS = "{name: b, user: a paper kite, expect: {refuse: a-rule}}"
FAKED = "{name: c, user: Oh you., scores: {input: {harassment.abuse: 0.9}}, expect: {refuse: insults}}"
LIVE = "{name: d, user: Oh you., live: true, expect: {refuse: insults}}"


@pytest.mark.parametrize(
    ("tests", "codes"),
    [
        ([], ["GP706", "GP706"]),
        ([ALLOW], ["GP706", "GP706"]),
        ([ACTS], ["GP706", "GP706"]),
        ([ALLOW, ACTS], ["GP706"]),
        ([ALLOW, ACTS, FAKED], ["GP707"]),
        ([ALLOW, ACTS, FAKED, LIVE], []),
    ],
)
def test_coverage(lint, tests, codes):
    found = lint(RULES + f"tests: [{', '.join(tests)}]\n")
    assert [code for code in found.warnings if code in ("GP706", "GP707")] == codes


def test_inherited_rules_are_the_parents_business(lint):
    found = lint(above=RULES, below=f"extends: above\nrules: []\ntests: [{ALLOW}]\n")
    assert {row.file.rsplit("/", 1)[1] for row in found.problems if row.code == "GP706"} == {"above.yaml"}


OVERRIDE = "override: [{rule: a-rule, change: {on_match: warn}, because: A notice is enough here.}]\n"


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("", ["the policy has no test at all"]),
        (OVERRIDE, ['no test in which "a-rule" acts and stays silent']),
        (f"{OVERRIDE}tests: [{ALLOW}]\n", ['no test in which "a-rule" acts']),
        (f"{OVERRIDE}tests: [{ALLOW}, {{name: b, user: a paper kite, expect: {{warn: a-rule}}}}]\n", []),
    ],
)
def test_who_changes_an_inherited_rule_tests_it(lint, rest, says):
    found = lint(above=RULES, below=f"extends: above\nrules: []\n{rest}")
    rows = [row for row in found.problems if row.code == "GP706" and row.file.endswith("below.yaml")]
    assert [row.message for row in rows] == says
