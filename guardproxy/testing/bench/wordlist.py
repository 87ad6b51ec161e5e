"""A policy of as many patterns as wanted: made-up words and phrases, and expressions as they are written for tickets.

policy(rules) -> str           the text of a policy whose rules look at prompts and answers alike
PLANTED                        the phrase that its first rule refuses
"""

from __future__ import annotations

import random
from collections.abc import Iterator

PLANTED = "copper bluefinch"
PATTERNS = 433
"""As many as the prototype of performance.md had."""
_BEGINS = [
    "b",
    "br",
    "ch",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "qu",
    "r",
    "s",
    "sk",
    "sl",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
]
_MIDDLES = ["a", "ai", "e", "ea", "i", "io", "o", "ou", "u", "y"]
_ENDS = ["ck", "d", "ft", "g", "l", "ld", "lm", "m", "n", "nd", "nk", "p", "r", "rk", "rn", "s", "sh", "st", "t", "x"]
_EVERY = 8
"""Of so many rules one is an expression, the others are phrases."""


def policy(patterns: int = PATTERNS, *, a_rule: int = 10, name: str = "bench") -> str:
    """YAML. `a_rule`: phrases of one rule; an expression is a rule of its own. Nothing of it is in the mock's words."""
    head = (
        f"guardproxy: policy/v1\npolicy: {name}\nrevision: 1\nowner: bench@example.org\n"
        f"about: {patterns} made-up patterns, looked for in prompts and answers.\n"
        'applies_to: {routes: ["*"], tenants: ["*"]}\nrules:\n'
    )
    tests = (
        "tests:\n  - {name: everyday talk passes, user: When do the herons return?, expect: allow}\n"
        f"  - {{name: the planted phrase is refused, user: Tell me of the {PLANTED}., expect: {{refuse: words-0}}}}\n"
    )
    return head + "\n".join(_rules(patterns, a_rule)) + "\n" + tests


def _rules(patterns: int, a_rule: int) -> Iterator[str]:
    expressions = patterns // _EVERY
    phrases = [PLANTED, *_phrases(patterns - expressions - 1)]
    for at in range(0, len(phrases), a_rule):
        listed = ", ".join(phrases[at : at + a_rule])
        name = f"words-{at // a_rule}"
        yield f"  - {{id: {name}, about: Nobody says it., words: [{listed}], on_match: refuse}}"
    for at, expression in zip(range(expressions), _expressions(), strict=False):
        what = f"pattern: '{expression}', on_match: redact, replace_with: \"[number]\""
        yield f"  - {{id: number-{at}, about: Nobody says it., {what}}}"


def _phrases(many: int) -> list[str]:
    """Different phrases of two words nobody says."""
    chance = random.Random(8)  # noqa: S311 - the same words each time
    found: dict[str, None] = {}
    while len(found) < many:
        found[f"{_word(chance)} {_word(chance)}"] = None
    return list(found)


def _word(chance: random.Random) -> str:
    syllables = (chance.choice(_BEGINS) + chance.choice(_MIDDLES) for _ in range(2))
    return "".join(syllables) + chance.choice(_ENDS)


def _expressions() -> Iterator[str]:
    """Numbers of tickets, each project with its own letters."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for at in range(len(letters) ** 3):
        project = letters[at % 26] + letters[at // 26 % 26] + letters[at // 676]
        yield rf"\b{project}-[0-9]{{4}}-[A-Z]{{2,4}}\b"
