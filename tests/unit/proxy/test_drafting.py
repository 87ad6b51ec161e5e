"""Drafts that are thrown away, and what everybody is told of the one that was kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardproxy.core.conversation import Stage
from guardproxy.core.decide import decide
from guardproxy.core.rules import Action, PolicyRef
from guardproxy.proxy.drafting import DraftRejected, Drafts

PLAIN = decide([], PolicyRef("p", 1, "h"), Stage.OUTPUT)
REJECTED = replace(PLAIN, action=Action.REGENERATE, rule_name="tone", hazard="harassment.abuse")


def test_a_first_answer_is_what_it_is():
    assert Drafts().seen(PLAIN) is PLAIN
    assert Drafts().number == 0


@pytest.mark.parametrize("action", [Action.ALLOW, Action.WARN, Action.REDACT])
def test_a_later_one_says_why_there_was_an_earlier_one(action):
    drafts = Drafts([replace(REJECTED, rule_name="first"), REJECTED])
    seen = drafts.seen(replace(PLAIN, action=action))
    assert (drafts.number, seen.action, seen.rule_name, seen.hazard) == (
        2,
        Action.REGENERATE,
        "tone",
        "harassment.abuse",
    )


def test_a_refusal_stays_a_refusal():
    refused = replace(PLAIN, action=Action.REFUSE, rule_name="finch")
    assert Drafts([REJECTED]).seen(refused) is refused


def test_a_rejection_holds_no_text():
    assert str(DraftRejected(REJECTED)) == "a draft is written again"
