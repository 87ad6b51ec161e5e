"""One file as a whole."""

from datetime import date

import pytest

from guardproxy.policy.codes import completed
from guardproxy.policy.hearing import World
from guardproxy.policy.lint import check

ABOUT = "about: The code name stays inside."


def test_every_problem_in_one_run(lint):
    found = lint(
        "policy: other\nowner: x\nlevles: {enforce: 1}\n"
        f"rules:\n  - {{id: A, {ABOUT}, words: [x], on_match: block}}\n  - {{id: a, {ABOUT}}}\n"
        "tests:\n  - {expect: allow}\n"
    )
    assert sorted(found.errors) == sorted(
        ["GP008", "GP108", "GP104", "GP106", "GP216", "GP208", "GP203", "GP204", "GP101", "GP509"]
    )


@pytest.mark.parametrize("key", ["guardproxy", "policy", "revision", "owner", "about"])
def test_required_keys(tmp_path, key):
    lines = completed("levels: {enforce: 1}\n", "example").splitlines()
    file = tmp_path / "example.yaml"
    file.write_text("\n".join(line for line in lines if not line.startswith(f"{key}:")))
    checked = check([file], World((), date(2026, 11, 24)), None)
    assert [(row.code, row.line) for row in checked.errors] == [("GP101", 1)]
    assert f'"{key}"' in checked.errors[0].message


def test_two_rules_of_one_name(lint):
    rule = f"{{id: a-rule, {ABOUT}, words: [paper kite], on_match: refuse}}"
    row = lint(f"rules:\n  - {rule}\n  - {rule}\n").row("GP107")
    assert (row.line, row.others[0].line) == (8, 7)


def test_limits(lint):
    rule = "  - {{id: rule-{0}, about: Rule number {0} of many., words: [word {0}], on_match: log}}\n"
    many = "rules:\n" + "".join(rule.format(n) for n in range(2001))
    assert lint(many, inspect=None).errors == ["GP110"]
    assert lint(many.replace(rule.format(2000), ""), inspect=None).errors == []


def test_test_files_beside_the_policies(lint, tmp_path):
    (tmp_path / "tests").mkdir()
    more = tmp_path / "tests" / "first-rule.yaml"
    more.write_text(
        "guardproxy: tests/v1\npolicy: one\nrule: first-rule\ntests:\n"
        "  - {name: acts, user: a paper kite, expect: {refuse: first-rule}}\n"
        "  - {name: fails, user: a paper kite, expect: allow}\n"
    )
    row = lint(one="levels: {enforce: 1}\n", two="levels: {enforce: 1}\n").row("GP507")
    assert (row.file, row.line) == (str(more), 6)
    more.write_text("guardproxy: tests/v2\npolicy: nobody\nrule: other\ntests: []\n")
    found = lint(one="levels: {enforce: 1}\n", two="levels: {enforce: 1}\n")
    assert sorted(found.errors) == ["GP008", "GP102", "GP301"]
