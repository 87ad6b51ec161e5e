"""`guardproxy diff`."""

import json

import pytest

from .conftest import KITES

ROWS = [
    {"id": "calm", "text": "Good morning"},
    {"id": "ladder", "text": "a garden ladder"},
    {"id": "kite", "text": "a paper kite"},
    {"id": "answered", "text": "hello", "assistant": "a garden ladder"},
    {"id": "long", "text": "word " * 250},
]
NEW = (
    KITES.replace("words: [garden ladder], on_match: warn", "words: [garden ladder], on_match: refuse")
    .replace("words: [paper kite], on_match: refuse", "words: [paper kite], on_match: log")
    .replace("uncovered_language", "max_input_chars: 1000\nuncovered_language")
)


@pytest.fixture
def corpus(desk, tmp_path):
    desk(new=NEW)
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return ("kites.yaml", "new.yaml", "--corpus", "corpus.jsonl")


def test_what_changes(command, corpus, golden):
    result = command("diff", *corpus)
    assert result.exit_code == 0, result.stderr
    golden("diff.txt", result.stdout)


def test_texts_only_on_demand(command, corpus):
    shown = command("diff", *corpus, "--show-text").stdout
    assert "user: a garden ladder" in shown
    assert "garden ladder" not in command("diff", *corpus).stdout
    tree = json.loads(command("diff", *corpus, "--show-text", "--format", "json").stdout)
    assert tree["changes"][0]["text"] == "user: a garden ladder"


def test_machines_read_it(command, corpus):
    tree = json.loads(command("diff", *corpus, "--format", "json").stdout)
    assert (tree["compared"], tree["changed"], tree["tighter"], tree["looser"]) == (5, 4, 3, 1)
    assert [change["id"] for change in tree["changes"]] == ["ladder", "kite", "answered", "long"]
    assert tree["changes"][0]["old"][0] == {
        "stage": "input",
        "action": "warn",
        "rule": "ladders",
        "hazard": "custom",
    }
    assert "text" not in tree["changes"][0]
    assert tree["classifiers"] == "switched off by the settings"


@pytest.mark.parametrize(("kind", "code"), [("looser", 1), ("tighter", 1), ("any", 1), (None, 0)])
def test_the_gate(command, corpus, kind, code):
    assert command("diff", *corpus, *(("--fail-on", kind) if kind else ())).exit_code == code


def test_the_gate_opens_for_equal_policies(command, corpus):
    result = command("diff", "kites.yaml", "kites.yaml", *corpus[2:], "--fail-on", "any")
    assert result.exit_code == 0
    assert "0 of 5 rows change" in result.stdout


def test_wrong_usage(command, corpus):
    assert 'did you mean "looser"' in str(command("diff", *corpus, "--fail-on", "loser").exception)
    assert "cannot read gone.jsonl" in str(command("diff", *corpus[:2], "--corpus", "gone.jsonl").exception)


def test_what_no_decision_shows_is_named(command, desk, tmp_path):
    (tmp_path / "corpus.jsonl").write_text(json.dumps(ROWS[0]))
    desk(new=KITES + "disclosure: {first_turn: true}\ntax_budget: {over_refusal: 0.01}\n")
    words = ("kites.yaml", "new.yaml", "--corpus", "corpus.jsonl")
    said = command("diff", *words).stdout
    assert "0 of 1 rows change" in said
    assert "changed, too, and not to be seen in decisions: disclosure, tax_budget" in said
    assert json.loads(command("diff", *words, "--format", "json").stdout)["changed_beside"] == [
        "disclosure",
        "tax_budget",
    ]
    desk(new=KITES)
    assert "changed, too" not in command("diff", *words).stdout
