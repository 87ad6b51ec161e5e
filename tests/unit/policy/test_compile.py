"""Nodes → core policy."""

from pathlib import Path

import pytest

from guardproxy.core.rules import Release
from guardproxy.detectors.registry import installed
from guardproxy.policy.compile import compile_policy
from guardproxy.policy.reader import read

HEAD = "guardproxy: policy/v1\npolicy: p\nrevision: 1\nowner: a@example.org\nabout: A policy for tests.\n"
RULE = "rules:\n  - {id: one, about: A rule for tests., words: [bluefinch], checks: [input], on_match: refuse}\n"


def compiled(tmp_path: Path, text: str):
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    return compile_policy(file, read(file), installed())


def test_streaming_without_a_window_keeps_the_defaults(tmp_path):
    made, problems = compiled(tmp_path, HEAD + RULE + "streaming: {release: immediate}\n")
    assert problems == []
    assert made.policy.streaming.release is Release.IMMEDIATE
    assert made.policy.streaming.characters == 400


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("extends: base\n", "GP111"),
        ("tax_budget: {over_refusal: 0.01}\n", "GP111"),
        ("acton: x\n", "GP104"),
        ("levels: {enforce: 2, shadow: 1}\n", "GP219"),
        ("max_input_chars: 7\n", "GP109"),
        ("streaming: {longest_hold: 1ms}\n", "GP404"),
    ],
)
def test_codes(tmp_path, line, code):
    _, problems = compiled(tmp_path, HEAD + RULE + line)
    assert code in [p.code for p in problems]


def test_the_hash_keeps_over_reformatting_and_moves_with_meaning(tmp_path):
    first, _ = compiled(tmp_path, HEAD + RULE)
    same, _ = compiled(tmp_path, "# a remark\n" + HEAD + RULE)
    other, _ = compiled(tmp_path, HEAD + RULE.replace("refuse", "warn"))
    assert first.policy.ref.hash == same.policy.ref.hash != other.policy.ref.hash
