"""What the proxy does with a Responses stream, without its sockets, read by the stock SDK's own accumulator."""

import json

import openai
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from guardproxy.core.commands import Halt, Release
from guardproxy.core.moderator import Moderator
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.responses_stream import ResponsesStream

NOTE = {"guardproxy": {"action": "allow"}}


class Wire:
    """Feeds events through the writer and a real moderator; `events` is what a client has got."""

    def __init__(self, plan, offered=("f", "g"), **ask):
        self.stream = ResponsesStream(Envelope("resp_own", 1, "m"), Ask(**ask))
        self.moderator = Moderator(plan)
        self.offered = offered
        self.halted = False
        self.events = []

    def feed(self, *trees):
        """The events that leave because of these."""
        before = len(self.events)
        for tree in trees:
            reading = self.stream.chunk(json.loads(json.dumps(tree)))
            if any(called.name not in self.offered for called in reading.called) and not self.halted:
                self.obey([Halt(0, self.moderator.decision(0))])
            closing = {closed.channel for closed in reading.closed}
            last = {delta.channel: at for at, delta in enumerate(reading.deltas)}
            for at, delta in enumerate(reading.deltas):
                if not self.halted:
                    self.obey(self.moderator.feed(0, delta.channel, delta.text))
                if not self.halted and delta.channel in closing and last[delta.channel] == at:
                    self.obey(self.moderator.close(0, delta.channel))
            for channel in closing - last.keys() if not self.halted else ():
                self.obey(self.moderator.close(0, channel))
            if reading.finished and not self.halted:
                self.obey(self.moderator.flush(0))
            self.write(self.stream.ready())
        return self.events[before:]

    def obey(self, commands):
        for command in commands:
            if isinstance(command, Release):
                self.write(self.stream.release(command))
            elif isinstance(command, Halt):
                self.halted = True
                self.write(self.stream.halt(0, "Sorry, no."))

    def write(self, frames):
        for frame in frames:
            name, data = frame.decode().strip().split("\n")
            tree = json.loads(data.removeprefix("data: "))
            assert name == f"event: {tree['type']}"
            assert tree["sequence_number"] == len(self.events)
            self.events.append(tree)

    def finish(self):
        self.write(self.stream.finish(NOTE))
        return self.events


def events_of(script):
    """The events of a scripted stream."""
    return [json.loads(segment.decode().split("data: ", 1)[1]) for segment in script.segments]


def accepted(events):
    """The events as the SDK's `.stream()` helper gives them; it raises where the order is wrong."""
    state = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    seen = []
    for event in events:
        seen += state.handle_event(construct_type(type_=ResponseStreamEvent, value=event))
    return seen


def shown(events, kind="response.output_text.delta"):
    """What the pieces of one kind join to."""
    return "".join(event["delta"] for event in events if event["type"] == kind)


def output_of(events):
    """The output of the last event."""
    return events[-1]["response"]["output"]


def texts_of(response):
    """All prose of a response's messages."""
    return [
        part.get("text", part.get("refusal"))
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    ]
