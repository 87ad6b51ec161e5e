"""The decision over a request."""

import pytest

from guardproxy.core.asked import decide_input
from guardproxy.core.conversation import Piece, Pointer, Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Mode, Policy, PolicyRef, Rule


def policy(action, mode=Mode.ENFORCE):
    rule = Rule("the-rule", Kind.DETECTOR, "d", Ladder((LadderStep(action, 0.5),)), mode=mode)
    return Policy(PolicyRef("p", 1, "0"), (rule,))


def found(*, span=Span(0, 4), key=False):  # noqa: B008 - frozen
    pointer = Pointer(("messages", 0, "content"), key=key)
    return Finding(
        "d", "crime.fraud", 0.9, Segment("some words", Stage.INPUT, Scope.USER, (Piece(pointer, 0, 10),)), span
    )


@pytest.mark.parametrize(
    ("made", "finding", "action"),
    [
        (policy(Action.REDACT), found(), Action.REDACT),
        (policy(Action.REDACT), found(span=None), Action.REFUSE),
        (policy(Action.REDACT), found(key=True), Action.REFUSE),
        (policy(Action.REDACT, Mode.SHADOW), found(span=None), Action.ALLOW),
        (policy(Action.WARN), found(span=None), Action.WARN),
    ],
)
def test_a_redaction_that_cannot_be_carried_out_is_a_refusal(made, finding, action):
    decision = decide_input([finding], made, Context())
    assert decision.action is action
    (seen,) = decision.seen.kept
    assert (seen.replaceable, seen.score) == (finding.span is not None and action is not Action.REFUSE, 0.9)


def test_nothing_found_is_allowed():
    decision = decide_input([], policy(Action.REFUSE), Context())
    assert (decision.action, decision.seen.kept) == (Action.ALLOW, ())
