"""Anthropic's stream behind the real moderator and real word rules, without sockets.

Wire(action, tools, **ask)          .feed(*events) -> what leaves because of them, .finish(), .message(), .trees
play(*events, action, **ask)        all of it at once
start, text, thoughts, call, block, end      the events of an upstream
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from guardproxy.core.commands import Command, Halt, Release
from guardproxy.core.judge import Context
from guardproxy.core.moderator import Moderator, Plan
from guardproxy.core.rules import Action, Kind, Ladder, LadderStep, Policy, PolicyRef, Rule
from guardproxy.detectors.textrules import TextRules
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.messages_conversion import Collector
from guardproxy.wire.messages_stream import MessagesStream
from guardproxy.wire.sse import SseDecoder

Event = dict[str, Any]

NOTE = {"guardproxy": {"action": "allow"}}
PHRASE = "violet kettle"


def plan_of(action: Action = Action.REFUSE, phrase: str = PHRASE) -> Plan:
    """One rule about one phrase, for the input and the output alike."""
    rule = Rule("words", Kind.WORDS, "", Ladder((LadderStep(action, 1.0),)), phrases=(phrase,))
    compiled = TextRules([rule])
    return Plan(
        Policy(PolicyRef("one", 1, "0"), (rule,)),
        Context(),
        lambda _c: (compiled.scanner(400),),
        classifies=False,
        fatal=bool,
    )


class Wire:
    """What the proxy does with a stream, without its sockets."""

    def __init__(self, action: Action = Action.REFUSE, tools: Sequence[str] = ("f",), **ask: bool) -> None:
        self.stream = MessagesStream(Envelope("msg_own", 1, "m"), Ask(structured=ask.get("structured", False)))
        self.moderator = Moderator(plan_of(action))
        self.tools = tools
        self.trees: list[Event] = []
        self.halted = False

    def feed(self, *trees: Event) -> list[Event]:
        """The events that leave because of these."""
        before = len(self.trees)
        for tree in trees:
            if self.halted:
                break
            reading = self.stream.chunk(json.loads(json.dumps(tree)))
            if any(called.name not in self.tools for called in reading.called):
                self.obey([Halt(0, self.moderator.decision(0))])
                break
            for delta in reading.deltas:
                self.obey(self.moderator.feed(0, delta.channel, delta.text))
            for closed in reading.closed:
                self.obey(self.moderator.close(0, closed.channel))
            if reading.finished:
                self.obey(self.moderator.flush(0))
            self.write(self.stream.ready())
        return self.trees[before:]

    def obey(self, commands: Sequence[Command]) -> None:
        """Releases and halts."""
        for command in commands:
            match command:
                case Release():
                    self.write(self.stream.release(command))
                case Halt():
                    self.halted = True
                    self.write(self.stream.halt(0, "Sorry."))

    def write(self, frames: Sequence[bytes]) -> None:
        """Notes what the client gets."""
        for event in SseDecoder().feed(b"".join(frames)):
            tree = json.loads(event.data)
            assert event.name == tree["type"]
            self.trees.append(tree)

    def finish(self) -> list[Event]:
        """The regular end."""
        assert self.stream.complete
        self.write(self.stream.finish(NOTE))
        return self.trees

    def message(self) -> Event:
        """What a client library makes of it, which checks the numbers of blocks on the way."""
        collector, begun = Collector(), 0
        opened: set[int] = set()
        for tree in self.trees:
            if tree["type"] == "content_block_start":
                assert tree["index"] == begun
                opened.add(begun)
                begun += 1
            elif tree["type"].startswith("content_block"):
                assert tree["index"] in opened
            if tree["type"] == "content_block_stop":
                opened.discard(tree["index"])
            collector.add(tree)
        assert not opened
        assert next(t["type"] for t in self.trees if t["type"] != "ping") == "message_start"
        assert [t["type"] for t in self.trees][-2:] == ["message_delta", "message_stop"]
        assert [n for n, t in enumerate(self.trees) if "guardproxy" in t] == [len(self.trees) - 2]
        return collector.tree()


def start(**more: Any) -> Event:
    """The start of a message."""
    usage = {"input_tokens": 3, "output_tokens": 1}
    message: Event = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
    }
    return {"type": "message_start", "message": {**message, "stop_sequence": None, "usage": usage, **more}}


def end(reason: str = "end_turn", **more: Any) -> Iterator[Event]:
    """The two last events."""
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 5},
        **more,
    }
    yield {"type": "message_stop"}


def block(index: int, start: Event, *deltas: Event) -> Iterator[Event]:
    """One block, from its start to its stop."""
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def text(index: int, *pieces: str) -> Iterator[Event]:
    """A block of text."""
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def thoughts(index: int, *pieces: str, seal: str = "c2lnbmVk") -> Iterator[Event]:
    """A block of thoughts with its signature."""
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    begin = {"type": "thinking", "thinking": "", "signature": ""}
    return block(index, begin, *deltas, {"type": "signature_delta", "signature": seal})


def call(index: int, *pieces: str, kind: str = "tool_use", name: str = "f") -> Iterator[Event]:
    """A call; the pieces are JSON text."""
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return block(index, {"type": kind, "id": "t1", "name": name, "input": {}}, *deltas)


def play(parts: Iterable[Event], action: Action = Action.REFUSE, **ask: Any) -> Wire:
    """A whole stream."""
    wire = Wire(action, **ask)
    wire.feed(*parts)
    wire.finish()
    return wire
