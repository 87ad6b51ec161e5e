"""The keys of a test."""

import pytest


@pytest.mark.parametrize(
    ("test", "errors"),
    [
        ("name: a, user: Good morning, expect: allow", []),
        ("name: a, assistant: Good morning, expect: allow", []),
        ("name: a, messages: [{role: user, content: Good morning}], expect: allow", []),
        ("name: a, user: Good morning, expect: {refuse: first-rule}", ["GP507"]),
        ("name: a, user: a paper kite, expect: {refuse: first-rule, stage: input}", []),
        ("name: a, user: a paper kite, expect: {refuse: first-rule, stage: output}", ["GP507"]),
        ("name: a, user: a paper kite, expect: refuse", []),
        ("name: a, user: Good morning", ["GP101"]),
        ("user: Good morning, expect: allow", ["GP101"]),
        ("name: a, expect: allow", ["GP509"]),
        ("name: a, user: '', expect: allow", ["GP509"]),
        ("name: a, messages: [], expect: allow", ["GP108", "GP509"]),
        ("name: a, user: 42, expect: allow", ["GP105"]),
        ("name: a, user: Good morning, expect: block", ["GP208"]),
        ("name: a, user: Good morning, expect: {block: first-rule}", ["GP208"]),
        ("name: a, user: Good morning, expect: {stage: input}", ["GP101"]),
        ("name: a, user: Good morning, expect: {warn: a-rule, refuse: b-rule}", ["GP101"]),
        ("name: a, user: Good morning, expect: {refuse: first-rule, stage: both}", ["GP208"]),
        ("name: a, user: Good morning, expect: {refuse: nobody}", ["GP508"]),
        ("name: a, user: Good morning, expect: allow, would: {refuse: nobody}", ["GP508"]),
        ("name: a, user: Good morning, expect: allow, expects: allow", ["GP104"]),
        ("name: a, user: Good morning, messages: [{role: user, content: x}], expect: allow", ["GP104"]),
        ("name: a, messages: [{role: robot, content: x}], expect: allow", ["GP208"]),
        ("name: a, messages: [{role: user}], expect: allow", ["GP101"]),
        ("name: a, user: Good morning, scores: {input: {crime: 2}}, expect: allow", ["GP109"]),
        ("name: a, user: Good morning, scores: {input: {Crime: 1}}, expect: allow", ["GP201"]),
        ("name: a, user: Good morning, scores: {inputs: {crime: 1}}, expect: allow", ["GP104"]),
        ("name: a, user: Good morning, live: sometimes, expect: allow", ["GP105"]),
        ("name: a, user: Good morning, locale: x!, expect: allow", ["GP501"]),
        ("name: a, turns: [{user: Good morning, expect: allow}]", []),
        ("name: a, turns: [{user: Good morning}]", ["GP101"]),
        ("name: a, turns: [{wait: soon, expect: allow}]", ["GP105"]),
        ("name: a, turns: [{user: x, expect: allow}], user: y", ["GP104"]),
    ],
)
def test_keys(lint, test, errors):
    assert sorted(lint(f"tests:\n  - {{{test}}}\n").errors) == errors


def test_names_are_unique(lint):
    test = "{name: a, user: Good morning, expect: allow}"
    assert lint(f"tests:\n  - {test}\n  - {test}\n").errors == ["GP107"]
