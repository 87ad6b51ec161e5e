"""The policy of the measurements is one that loads, guards and has as many patterns as it says."""

import pytest
from typer.testing import CliRunner

from guardproxy.cli.main import app
from guardproxy.policy.reader import plain, read
from guardproxy.testing.bench.instant import SENTENCES
from guardproxy.testing.bench.wordlist import PATTERNS, PLANTED, policy


def rules(tmp_path, **more):
    file = tmp_path / "bench.yaml"
    file.write_text(policy(**more), encoding="utf-8")
    return plain(read(file))["rules"]


@pytest.mark.parametrize("patterns", [10, PATTERNS, 2_000])
def test_it_has_as_many_patterns_as_asked_for(tmp_path, patterns):
    found = rules(tmp_path, patterns=patterns)
    phrases = [phrase for rule in found for phrase in rule.get("words", [])]
    expressions = [rule["pattern"] for rule in found if "pattern" in rule]
    assert len(set(phrases)) + len(set(expressions)) == patterns
    assert phrases[0] == PLANTED
    assert not any(phrase in "".join(SENTENCES).lower() for phrase in phrases)


def test_its_rules_are_as_many_as_its_patterns_when_each_is_its_own(tmp_path):
    assert len(rules(tmp_path, patterns=100, a_rule=1)) == 100


def test_its_own_tests_pass(tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(policy(), encoding="utf-8")
    ended = CliRunner().invoke(app, ["test", str(file)])
    assert (ended.exit_code, ended.output.splitlines()[-1]) == (0, "2 passed, 0 failed, 0 skipped")
