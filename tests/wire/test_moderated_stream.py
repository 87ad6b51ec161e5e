"""The stream writer behind the real moderator and real word rules: what a client gets, and when."""

import json

import pytest

from guardproxy.core.commands import Halt, Release
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule
from guardproxy.detectors.textrules import TextRules
from guardproxy.testing.scripts import chunk
from guardproxy.wire.chat_stream import ChatStream
from guardproxy.wire.envelope import Ask, Envelope

NOTE = {"guardproxy": {"action": "allow"}}
HELD = "the violet"  # its last word may become "violet kettle", so it is held until the channel ends


def plan_of(action=Action.REFUSE):
    rule = Rule("words", Kind.WORDS, "", Ladder((LadderStep(action, 1.0),)), phrases=("violet kettle",))
    compiled = TextRules([rule])
    return Plan(Policy(PolicyRef("one", 1, "0"), (rule,)), Context(), lambda _c: (compiled.scanner(400),), False, bool)


class Wire:
    """What the proxy does with a stream, without its sockets."""

    def __init__(self, plan=None, **ask):
        self.stream = ChatStream(Envelope("x", 1, "m"), Ask(**ask))
        self.moderator = Moderator(plan or plan_of())
        self.trees = []

    def feed(self, *trees):
        """The chunks that leave because of these."""
        before = len(self.trees)
        for tree in trees:
            reading = self.stream.chunk(json.loads(json.dumps(tree)))
            for delta in reading.deltas:
                self.obey(self.moderator.feed(delta.choice, delta.channel, delta.text))
            for choice in reading.finished:
                self.obey(self.moderator.flush(choice))
            self.write(self.stream.ready())
        return self.trees[before:]

    def obey(self, commands):
        for command in commands:
            match command:
                case Release():
                    self.write(self.stream.release(command))
                case Halt():
                    self.write(self.stream.halt(command.choice, "Sorry."))

    def write(self, frames):
        self.trees += [json.loads(frame[6:]) for frame in frames if b"[DONE]" not in frame]

    def finish(self):
        self.write(self.stream.finish(NOTE))
        return self.trees


def joined(trees, name="content", index=0):
    choices = [c for tree in trees for c in tree.get("choices", []) if c["index"] == index]
    return "".join((c.get("delta") or {}).get(name) or "" for c in choices)


def tokens(text, name="content", index=0):
    return [chunk({name: word + " "}, index=index) for word in text.split()]


ANSWER = "well, tea is good for you and me "


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("start", [{"role": "assistant", "content": None}, {"role": "assistant", "content": ""}, {}])
def test_content_streams_while_the_last_word_of_the_reasoning_is_held(name, start):
    wire = Wire()
    wire.feed(chunk(start), *tokens(HELD, name))
    assert joined(wire.trees, name) == "the "
    gone = [joined(wire.feed(token)) for token in tokens(ANSWER)]
    assert sum(map(bool, gone)) > 4
    assert joined(wire.trees) == ANSWER
    wire.feed(chunk({}, "stop"))
    trees = wire.finish()
    assert (joined(trees, name), joined(trees)) == ("the violet ", ANSWER)
    assert trees[0]["choices"][0]["delta"] == start
    assert [i for i, t in enumerate(trees) if "guardproxy" in t] == [len(trees) - 1]
    assert [c["finish_reason"] for t in trees for c in t["choices"]][-1] == "stop"


def test_the_role_leaves_first_even_if_its_own_text_is_held():
    wire = Wire()
    wire.feed(chunk({"role": "assistant", "reasoning_content": "violet "}), *tokens(ANSWER), chunk({}, "stop"))
    deltas = [t["choices"][0]["delta"] for t in wire.finish()]
    assert deltas[0] == {"role": "assistant", "reasoning_content": ""}
    assert deltas[-2] == {"reasoning_content": "violet "}
    assert joined(wire.trees) == ANSWER


def test_a_phrase_that_goes_on_after_the_turn_is_still_refused():
    wire = Wire()
    wire.feed(*tokens(HELD, "reasoning_content"), *tokens(ANSWER))
    wire.feed(*tokens("kettle is now", "reasoning_content"), *tokens("never seen"), chunk({}, "stop"))
    trees = wire.finish()
    assert joined(trees, "reasoning_content") == "the "
    assert joined(trees) == ANSWER + "\n\nSorry."
    assert trees[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_a_redacted_phrase_across_a_turn():
    wire = Wire(plan_of(Action.REDACT))
    wire.feed(*tokens(HELD, "reasoning_content"), *tokens(ANSWER), chunk({"reasoning_content": "kettle"}))
    wire.feed(chunk({"reasoning_content": " ends."}), chunk({}, "stop"))
    reasoning = joined(wire.finish(), "reasoning_content")
    assert reasoning.startswith("the ")
    assert reasoning.endswith(" ends.")
    assert "violet" not in json.dumps(wire.trees)
    assert joined(wire.trees) == ANSWER


def test_several_choices_each_with_a_held_word():
    wire = Wire(n=2)
    for one, other in zip(tokens(HELD, "reasoning_content"), tokens(HELD, "reasoning_content", 1), strict=True):
        wire.feed(one, other)
    for one, other in zip(tokens(ANSWER), tokens(ANSWER, index=1), strict=True):
        wire.feed(other, one)
    assert [joined(wire.trees, index=i) for i in (0, 1)] == [ANSWER, ANSWER]
    wire.feed(chunk({}, "stop", index=1), chunk({"reasoning_content": "kettle"}), chunk({}, "stop"))
    trees = wire.finish()
    assert joined(trees, "reasoning_content", 1) == "the violet "
    assert joined(trees, "reasoning_content") == "the "
    assert joined(trees) == ANSWER + "\n\nSorry."
    assert joined(trees, index=1) == ANSWER
    assert {c["index"]: c["finish_reason"] for t in trees for c in t["choices"]} == {0: "content_filter", 1: "stop"}
    assert [i for i, t in enumerate(trees) if "guardproxy" in t] == [len(trees) - 1]


def test_content_passes_tool_calls_which_leave_at_the_end():
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    wire = Wire()
    wire.feed(chunk({"role": "assistant", "content": None, "tool_calls": [call]}), *tokens(ANSWER))
    assert joined(wire.trees) == ANSWER
    assert "tool_calls" not in json.dumps(wire.trees)
    wire.feed(chunk({}, "tool_calls"))
    deltas = [t["choices"][0]["delta"] for t in wire.finish()]
    assert deltas[0] == {"role": "assistant", "content": None}
    assert deltas[-2] == {"tool_calls": [call]}


def test_a_fault_drops_the_held_word_and_keeps_what_was_released_beside_it():
    wire = Wire()
    wire.feed(*tokens(HELD, "reasoning_content"), *tokens(ANSWER))
    kept = len(wire.trees)
    wire.write(wire.stream.fault("upstream_protocol_error", "cut", NOTE))
    assert joined(wire.trees[:kept]) == ANSWER
    assert joined(wire.trees, "reasoning_content") == "the "
    assert wire.trees[kept]["error"]["code"] == "upstream_protocol_error"
    assert wire.trees[kept + 1] == {**wire.trees[kept + 1], **NOTE}
    assert wire.trees[kept + 1]["choices"][0]["finish_reason"] == "length"


def test_text_beside_a_tool_call_does_not_wait_for_a_fault():
    wire = Wire()
    delta = {"content": ANSWER, "tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{"}}]}
    wire.feed(chunk(delta))
    wire.write(wire.stream.fault("upstream_protocol_error", "cut"))
    assert joined(wire.trees) == ANSWER
    assert "arguments" not in json.dumps(wire.trees)
