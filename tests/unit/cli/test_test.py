"""`guardproxy test`."""

import pytest
from typer.testing import CliRunner

from guardproxy.cli.main import app
from guardproxy.policy.codes import completed

KITE = "user: where is the paper kite"


@pytest.fixture
def run(tmp_path):
    def made(fragment, *options):
        file = tmp_path / "example.yaml"
        file.write_text(completed(fragment, "example"), encoding="utf-8")
        return CliRunner().invoke(app, ["test", str(file), *options])

    return made


def test_passed(run):
    result = run(f"tests:\n  - {{name: acts, {KITE}, expect: {{refuse: first-rule}}}}\n")
    assert result.exit_code == 0
    assert "ladder steps reached: 1 of 1" in result.stdout
    assert result.stdout.endswith("1 passed, 0 failed, 0 skipped\n")


def test_failed(run):
    result = run(f"tests:\n  - {{name: wrong, {KITE}, expect: allow}}\n")
    assert result.exit_code == 1
    assert "GP507" in result.stdout
    assert "failed: wrong (expected allow, got refuse by first-rule at input)" in result.stdout


def test_nothing_ran(run):
    assert run("levels: {enforce: 1}\n").exit_code == 1
    result = run("tests:\n  - {name: later, user: x, live: true, expect: allow}\n")
    assert result.exit_code == 1
    assert "0 passed, 0 failed, 1 skipped" in result.stdout


def test_a_policy_with_an_error_fails(run):
    result = run("levle: 1\ntests:\n  - {name: calm, user: Good morning, expect: allow}\n")
    assert result.exit_code == 1
    assert "GP104" in result.stdout


def test_verbose_names_every_test(run):
    result = run(
        f"tests:\n  - {{name: calm, user: Good morning, expect: allow}}\n  - {{name: acts, {KITE}, expect: refuse}}\n",
        "-v",
    )
    assert "passed: calm" in result.stdout


def test_steps_that_no_test_reached(run):
    rules = "".join(
        f"  - {{id: rule-{n}, about: Rule number {n} of many., words: [word {n}], on_match: log}}\n" for n in range(12)
    )
    result = run(f"rules:\n{rules}tests:\n  - {{name: calm, user: Good morning, expect: allow}}\n")
    assert "not reached: rule-0.log" in result.stdout
    assert "and 4 more (-v)" in result.stdout


def test_steps_of_a_parent_are_the_parents_to_try(run):
    result = run(f"extends: base\ntests:\n  - {{name: acts, {KITE}, expect: {{refuse: first-rule}}}}\n")
    assert "ladder steps reached: 1 of 1, of its own rules\n  of inherited rules: 0 of " in result.stdout
    assert "not reached" not in result.stdout
