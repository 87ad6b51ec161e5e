"""One channel: exceptions that reach over what has not come yet, and endless chains."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.commands import CONTENT, Halt, Release
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Policy, PolicyRef, RuleException, Streaming, ThenDo
from guardproxy.testing.stand_ins import Named, PhraseScanner, rule

BAD = rule("bad", Action.REFUSE)
HIDE = rule("hide", Action.REDACT)
STREAMING = Streaming()
EXCUSED = RuleException("bad", ThenDo.LOG, 1e12, phrases=("the zorp garden",))


def moderator(*rules, phrases, exceptions=(), streaming=STREAMING) -> Moderator:
    policy = Policy(PolicyRef("test", 1, "0"), rules, exceptions=exceptions, streaming=streaming)
    return Moderator(Plan(policy, Context(), lambda _channel: (PhraseScanner(phrases),), False, lambda _failure: True))


def said(made: Moderator, pieces) -> tuple[str, bool]:
    out = [c for piece in pieces for c in made.feed(0, CONTENT, piece)] + made.flush(0)
    return "".join(c.text for c in out if isinstance(c, Release)), any(isinstance(c, Halt) for c in out)


@pytest.mark.parametrize(
    ("text", "kept", "halted"),
    [
        ("we saw the zorp garden today", "we saw the zorp garden today", False),
        ("we saw the Zorp garden".lower(), "we saw the zorp garden", False),
        ("we saw the zorp gardeners", "we saw the zorp gardeners", False),  # an occurrence all the same
        ("we saw the zorp gate", "we saw the ", True),
        ("the zorp", "the ", True),
        ("the zorp garden, then zorp", "the zorp garden, then ", True),
        ("a zorp before the zorp garden", "a ", True),
    ],
)
def test_an_exception_s_phrase_around_a_finding(text, kept, halted):
    """It may come later than the finding, and the text before it may have left already."""
    phrases = (Named("bad", "zorp"),)
    for size in (1, 2, 3, 7, len(text)):
        made = moderator(BAD, phrases=phrases, exceptions=(EXCUSED,))
        assert said(made, [text[i : i + size] for i in range(0, len(text), size)]) == (kept, halted)
        excused = "the zorp garden" in text
        assert made.decision(0).action is (Action.REFUSE if halted else Action.LOG if excused else Action.ALLOW)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_chain_of_replaced_stretches_leaves_in_links(size):
    made = moderator(HIDE, phrases=(Named("hide", "xyxy"),), streaming=replace(STREAMING, longest_match=20))
    text = "a " + "xy" * 40 + " b"
    kept, halted = said(made, [text[i : i + size] for i in range(0, len(text), size)])
    assert not halted
    assert kept == "a " + "<hide>" * 4 + " b"
