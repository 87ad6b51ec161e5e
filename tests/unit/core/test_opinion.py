"""The rules alone, on an exchange that is over."""

import pytest

from guardproxy.core.commands import CONTENT, REASONING, Channel, ChannelKind
from guardproxy.core.conversation import Piece, Pointer, Scope, Segment, Stage
from guardproxy.core.findings import Finding, Span
from guardproxy.core.judge import Context
from guardproxy.core.opinion import Said, of_answer, of_input
from guardproxy.core.rules import Action
from guardproxy.testing.split_play import Said as Spoken
from guardproxy.testing.split_play import played
from guardproxy.testing.stand_ins import WINDOW_REFUSED, WINDOW_REPLACED, classified, plan_of

PLAN = plan_of(classifies=True)
WINDOW = Segment(f"so {WINDOW_REFUSED} and {WINDOW_REPLACED}", Stage.OUTPUT, Scope.MODEL)


def found(detector, span=None):
    return Finding(detector, "custom", 0.9, WINDOW, span)


@pytest.mark.parametrize(
    ("said", "seen", "action", "rule"),
    [
        ([], [], Action.ALLOW, ""),
        ([Said(CONTENT, "nothing to see")], [], Action.ALLOW, ""),
        ([Said(CONTENT, "a zorp blick b")], [], Action.REFUSE, "no_zorp"),
        ([Said(CONTENT, "a quux b")], [], Action.REDACT, "hide_1"),
        ([Said(REASONING, "zorp"), Said(CONTENT, " blick")], [], Action.ALLOW, ""),
        ([Said(CONTENT, "a quux b")], [found("fake.refusing")], Action.REFUSE, "w_refuse"),
        ([Said(CONTENT, "calm")], [found("fake.replacing", Span(0, 2))], Action.REDACT, "w_replace"),
        ([Said(CONTENT, "calm")], [found("fake.replacing")], Action.REFUSE, "w_replace"),
        ([Said(Channel(ChannelKind.TOOL, "0", whole=True), '{"a": "zorp\\u0020blick"}')], [], Action.REFUSE, "no_zorp"),
    ],
)
def test_an_answer(said, seen, action, rule):
    decision = of_answer(PLAN, said, seen)
    assert (decision.action, decision.rule_name) == (action, rule)
    assert decision.stage is Stage.OUTPUT


@pytest.mark.parametrize("text", ["a zorp blick b", "a quux b kx-12-34", f"x {WINDOW_REFUSED} y", "calm", "tok=abc d"])
def test_it_is_the_decision_of_the_stream(text):
    live = played(PLAN, [Spoken(0, CONTENT, text)], classified)[0].decision
    [window] = [Segment(text, Stage.OUTPUT, Scope.MODEL)]
    seen = [found("fake.refusing")] if WINDOW_REFUSED in window.text else []
    mine = of_answer(PLAN, [Said(CONTENT, text)], seen)
    assert (mine.action, mine.rule_name) == (live.action, live.rule_name)


def asked(span, *, key=False):
    segment = Segment("a quux b", Stage.INPUT, Scope.USER, (Piece(Pointer(("user",), key=key), 0, 8),))
    return Finding("words", "custom", 1.0, segment, span, "hide_1")


def test_a_request():
    assert of_input([], PLAN.policy, Context()).action is Action.ALLOW
    assert of_input([asked(Span(2, 6))], PLAN.policy, Context()).action is Action.REDACT


@pytest.mark.parametrize("finding", [asked(None), asked(Span(2, 6), key=True)])
def test_what_cannot_be_replaced_in_a_request_is_refused(finding):
    assert of_input([finding], PLAN.policy, Context()).action is Action.REFUSE


def test_texts_do_not_show():
    assert "secret" not in repr(Said(CONTENT, "secret"))
