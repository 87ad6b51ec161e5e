"""`guardproxy explain`."""

import json

import pytest

ASKED = "captain turnip has a paper kite shop, a garden ladder, a roof gutter and a paper submarine"


def test_from_the_text_to_the_words(command, golden):
    result = command(
        "explain", "--policy", "kites.yaml", "--user", ASKED, "--assistant", "Two metres, says captain turnip."
    )
    assert result.exit_code == 0, result.stderr
    golden("explain.txt", result.stdout)


def test_a_refusal_in_the_readers_language_and_every_rule(command, golden):
    result = command("explain", "--policy", "kites.yaml", "--user", "my paper kite", "--locale", "de", "--all")
    golden("explain_refused.txt", result.stdout)


def test_machines_read_the_same(command):
    tree = json.loads(command("explain", "--policy", "kites.yaml", "--user", ASKED, "--format", "json").stdout)
    rules = {rule["rule"]: rule for rule in tree["stages"][0]["rules"]}
    assert tree["stages"][0]["decision"]["action"] == "redact"
    assert tree["stages"][0]["decision"]["would_have"] == "refuse"
    assert rules["kites"]["excused_by"][0]["place"].startswith("kites.yaml:")
    assert rules["answers"]["idle"] == "would warn, but looks at output only"
    assert tree["stages"][0]["texts"][0]["where"] == "messages[0].content"
    assert tree["not_looked"] == ["the embedded classifiers: switched off by the settings"]
    assert "turnip" not in json.dumps(tree)


def test_a_system_prompt_and_standard_input(command):
    result = command("explain", "--policy", "kites.yaml", "--system", "garden ladder", "--user", "hello")
    assert "text messages[0].content (system" in result.stdout
    assert "decision: warn by ladders" in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what to explain"),
        (("--user", "x", "--format", "yaml"), "one of text, json"),
        (("--audit", "gone.jsonl", "--decision-id", "D"), "cannot read gone.jsonl"),
    ],
)
def test_wrong_usage(command, words, said):
    assert said in str(command("explain", "--policy", "kites.yaml", *words).exception)


def test_a_policy_with_an_error(command, desk):
    desk(broken="levle: 2\n")
    assert "GP104" in str(command("explain", "--policy", "broken.yaml", "--user", "x").exception)


def test_a_decision_that_is_not_in_the_log(command, tmp_path):
    (tmp_path / "log.jsonl").write_text('{"kind": "segment"}\n')
    result = command("explain", "--policy", "kites.yaml", "--audit", "log.jsonl", "--decision-id", "D7")
    assert "no record of the decision D7" in str(result.exception)
