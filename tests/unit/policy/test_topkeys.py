"""The keys of the top level: types, ranges, and what is still to come."""

import pytest

from guardproxy.core.rules import Mode, Release, Unscanned


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("guardproxy: policy/v2", ["GP102"]),
        ("guardproxy: 1", ["GP102"]),
        ("policy: Example", ["GP106"]),
        ("revision: 0", ["GP109"]),
        ("revision: 1.10", ["GP105"]),
        ("owner: ab", ["GP108"]),
        ("owner:", ["GP105"]),
        ("about: 1.10", ["GP105"]),
        ("about: {en: text}", ["GP105"]),
        ("retention: 30d", ["GP104"]),
        ("extends: [base]", ["GP105"]),
        ("applies_to: {route: [support]}", ["GP104"]),
        ("applies_to: {routes: []}", ["GP108"]),
        ("applies_to: {routes: support}", ["GP105"]),
        ("applies_to: {}", []),
        ("mode: disabled", ["GP208"]),
        ("levels: {enforce: 0}", ["GP109"]),
        ("levels: {enforce: 2}", []),
        ("levels: {enforce: 3, shadow: 2}", ["GP219"]),
        ("levels: 2", ["GP105"]),
        ("if_detector_fails: open", []),
        ("if_detector_fails: maybe", ["GP208"]),
        ("on_unscannable: redact", ["GP208"]),
        ("uncovered_language: allow", []),
        ("uncovered_language: refuse", []),
        ("uncovered_language: deny", ["GP208"]),
        ("not_watched: rest", []),
        ("not_watched: all", ["GP105"]),
        ("not_watched: [crime.fruad]", ["GP201"]),
        ("not_watched: [crime]", []),
        ("logit_bias: refuse", []),
        ("max_input_chars: 999", ["GP109"]),
        ("max_input_chars: 2000001", ["GP109"]),
        ("audience: kids", ["GP208"]),
        ("streaming: {release: later}", ["GP208"]),
        ("streaming: {window: {first: 10}}", ["GP109"]),
        ("streaming: {window: {characters: 80, overlap: 40}}", ["GP402"]),
        ("streaming: {window: {first: 100}}", ["GP402"]),
        ("streaming: {window: {overlap: 119}}", []),
        ("streaming: {longest_hold: 31s}", ["GP404"]),
        ("streaming: {longest_hold: 100ms}", ["GP404"]),
        ("streaming: {longest_hold: 2}", ["GP105"]),
        ("streaming: {longest_match: 50}", ["GP109"]),
        ("conversation: {messages: all, forget_refused: false}", []),
        ("conversation: {messages: some}", ["GP105"]),
        ("conversation: {messages: 0}", ["GP109"]),
        ("conversation: {escalation: {hazards: [crime], steps: {log: 1.0, warn: 1.4}}}", []),
        ("conversation: {escalation: {hazards: [self_harm], steps: {log: 1.0}}}", ["GP213"]),
        ("conversation: {escalation: {hazards: [quality.evasive], steps: {log: 1.0}}}", ["GP213"]),
        ("conversation: {escalation: {hazards: [crime], steps: {warn: 1.0, refuse: 0.5}}}", ["GP206"]),
        ("conversation: {escalation: {hazards: [crime], steps: {redact: 1.0}}}", ["GP208"]),
        ("conversation: {escalation: {hazards: [crime], drift: 2, steps: {log: 1.0}}}", ["GP109"]),
        ("conversation: {escalation: {hazards: [crime]}}", ["GP101"]),
        ("conversation: {cool_down: {after: 3, within: 15m, lasts: 10m}}", []),
        ("conversation: {cool_down: {after: 1, within: 15m, lasts: 10m}}", ["GP109"]),
        ("conversation: {cool_down: {after: 3, within: 2d, lasts: 10m}}", ["GP109"]),
        ("conversation: {cool_down: {after: 3}}", ["GP101", "GP101"]),
        ("conversation: {memory: {keep: 30m, half_life: 10m}}", []),
        ("conversation: {memory: {keep: 25h}}", ["GP109"]),
        ("crisis: {instruction: Listen and stay kind.}", []),
        ("crisis: {text: Listen and stay kind.}", ["GP104"]),
        ("regenerate: {tries: 2, fallback: warn, notice: true}", []),
        ("regenerate: {tries: 4}", ["GP109"]),
        ("regenerate: {fallback: redact}", ["GP208"]),
        ("disclosure: {first_turn: false, source_line: false, hazards: family}", []),
        ("disclosure: {first_turn: true}", []),
        ("disclosure: {first_turn: no}", ["GP105"]),
        ("disclosure: {hazards: some}", ["GP208"]),
        ("tax_budget: {over_refusal: 0.01, added_p95: 40ms, extra_tokens: 0.05}", []),
        ("tax_budget: {over_refusal: 2}", ["GP109"]),
        ("rules: none", ["GP105"]),
        ("rules: {a: b}", ["GP105"]),
        ("rules: [first-rule]", ["GP105"]),
        ("override: {}", ["GP105"]),
        ("exceptions: []", []),
        ("tests: []", []),
        ("tests:", ["GP105"]),
        ("messages: []", ["GP105"]),
    ],
)
def test_keys(lint, text, errors):
    assert sorted(lint(text + "\n").errors) == errors


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ("{id: other}", ["GP311"]),
        ("{pattern: 'kite-1'}", ["GP311"]),
        ("{locked: true}", ["GP311"]),
        ("{leveel: 2}", ["GP104"]),
        ("{}", ["GP108"]),
        ("none", ["GP105"]),
    ],
)
def test_change(lint, change, errors):
    below = f"extends: above\nrules: []\noverride: [{{rule: first-rule, change: {change}, because: It is a trial.}}]\n"
    assert lint(above="levels: {enforce: 1}\n", below=below).errors == errors


def test_values_arrive(lint):
    policy = lint(
        "mode: shadow\non_unscannable: warn\nlogit_bias: refuse\nmax_input_chars: 5000\naudience: under_18\n"
        "streaming: {release: buffer, window: {first: 100, characters: 300, overlap: 90, cut_at: character}, "
        "longest_hold: 2s, longest_match: 500}\n"
        "conversation: {messages: 12, forget_refused: false}\ncrisis: {instruction: Listen.}\n"
        "disclosure: {source_line: false, hazards: none, first_turn: true}\n"
        "tax_budget: {over_refusal: 0.01, added_p95: 40ms}\n"
    ).policy
    assert policy.rules[0].mode is Mode.SHADOW
    assert policy.on_unscannable is Unscanned.WARN
    assert (policy.refuse_logit_bias, policy.max_input_chars, policy.under_18) == (True, 5000, True)
    streaming = policy.streaming
    assert (streaming.release, streaming.first, streaming.characters) == (Release.BUFFER, 100, 300)
    assert (streaming.overlap, streaming.cut_at_sentence, streaming.longest_hold_ms) == (90, False, 2000)
    assert streaming.longest_match == 500
    assert (policy.messages_looked_at, policy.forget_refused, policy.crisis_instruction) == (12, False, "Listen.")
    disclosing, budget = policy.disclosing, policy.tax_budget
    assert (disclosing.source_line, disclosing.hazards, disclosing.first_turn) == (False, "none", True)
    assert (budget.over_refusal, budget.added_p95_ms, budget.extra_tokens) == (0.01, 40, None)
