"""`guardproxy eval --policy`: what a policy costs harmless requests, and the gate on its promise."""

import json

import pytest

from .conftest import KITES

BUDGET = "tax_budget: {over_refusal: 0.01, added_p95: 60000ms, extra_tokens: 0.05}\n"
CALM = [{"id": f"r{at}", "text": "Good morning", "assistant": "And to you."} for at in range(299)]


@pytest.fixture
def evaluated(command, desk, tmp_path):
    def run(rows, fragment=KITES + BUDGET, *words):
        desk(kites=fragment)
        (tmp_path / "benign.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return command("eval", "--policy", "kites.yaml", "--benign", "benign.jsonl", *words)

    return run


def promises(result):
    (made,) = json.loads(result.stdout)
    return made, {one["promise"]: one for one in made["promises"]}


def test_a_promise_that_is_kept(evaluated):
    result = evaluated(CALM)
    assert result.exit_code == 0, result.stdout
    assert (
        "refused or withheld: 0 of 299: 0.000 [0.000, 0.013], 95% interval; one-sided at most 0.0100" in result.stdout
    )
    assert result.stdout.count(": kept") == 3


def test_too_few_rows_are_no_proof(evaluated):
    result = evaluated(CALM[:10])
    assert result.exit_code == 1
    assert "over-refusal: seen 0.0000, at most 0.2589, promised 0.0100: not shown" in result.stdout
    assert "10 rows are too few; 289 more like these would do" in result.stdout


def test_a_broken_promise_names_rule_and_rows(evaluated):
    rows = [{"id": "k1", "text": "a paper kite"}, *CALM, {"id": "long", "text": "word " * 50_000}]
    result = evaluated(rows)
    assert result.exit_code == 1
    assert "    kites: 1 (k1)" in result.stdout
    assert "    (turned away): 1 (long)" in result.stdout
    assert "paper kite" not in result.stdout
    twice = evaluated([{"text": "a paper kite"}] * 50 + CALM, KITES + BUDGET, "--format", "json")
    made, found = promises(twice)
    assert (made["refused"], made["by_rule"]["kites"][0], made["kept"]) == (50, "1", False)
    assert (found["over_refusal"]["missing_rows"], found["over_refusal"]["kept"]) == (None, False)
    assert found["added_p95"]["kept"]


@pytest.mark.parametrize(("fallback", "refused", "seen"), [("refuse", 1, 0.0), ("warn", 0, 1.0)])
def test_a_draft_is_worth_what_the_worst_case_costs(evaluated, fallback, refused, seen):
    again = KITES.replace("on_match: warn, checks: [output]", "on_match: regenerate, checks: [output]")
    text = f"{again}regenerate: {{tries: 1, instruction: x, fallback: {fallback}}}\n{BUDGET}"
    said = {"id": "gutter", "text": "hello", "assistant": "a roof gutter"}
    made, found = promises(evaluated([said] if not refused else [*CALM, said], text, "--format", "json"))
    assert made["refused"] == refused
    # thrown away: the draft, and the second one where it is refused too; injected: one character
    paid, delivered = (13 + 13 + 1, 299 * 11) if refused else (13 + 1, 13)
    assert found["extra_tokens"]["seen"] == pytest.approx(paid / delivered, abs=1e-5)
    assert found["extra_tokens"]["seen"] > seen or refused


def test_what_the_model_is_told_of_a_person_at_risk_counts(evaluated):
    text = KITES.replace("on_match: warn}", "on_match: warn, counts_as: self_harm.intent}", 1)
    text += f"crisis: {{instruction: Listen and stay kind.}}\n{BUDGET}"
    row = {"text": "a garden ladder", "assistant": "0123456789"}
    _, found = promises(evaluated([row], text, "--format", "json"))
    assert found["extra_tokens"]["seen"] == pytest.approx(len("Listen and stay kind.") / 10)


def test_an_answer_held_back_is_thrown_away(evaluated):
    row = {"text": "hello", "assistant": "a paper kite"}
    made, found = promises(evaluated([row], KITES + BUDGET, "--format", "json"))
    assert (made["refused"], found["extra_tokens"]["seen"]) == (1, None)


def test_without_a_promise_the_figures_are_printed(evaluated):
    result = evaluated(CALM[:3], KITES)
    assert result.exit_code == 0
    assert "promises nothing" in result.stdout


def test_nobody_looked(evaluated, tmp_path, monkeypatch):
    """A rule on a hazard whose classifier is missing shows nothing, however few are refused."""
    (tmp_path / "settings.yaml").write_text("detectors:\n  embedded: true\n")
    monkeypatch.setattr("guardproxy.proxy.rehearsal.classifiers", lambda _settings: None)
    rule = "  - {id: crime, about: Nothing on crime here., hazard: crime, thresholds: {refuse: 0.9}}\nexceptions"
    result = evaluated(CALM, "not_watched: rest\n" + (KITES + BUDGET).replace("exceptions", rule, 1))
    assert result.exit_code == 1
    assert "no classifier was asked" in result.stdout


def test_an_empty_corpus_shows_nothing(evaluated):
    result = evaluated([])
    assert (result.exit_code, result.stdout) == (1, "no row, and so nothing to tell\n")
