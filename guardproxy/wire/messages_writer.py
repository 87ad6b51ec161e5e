"""The client's side of a stream on Anthropic's surface: what has left, and what must follow so that it ends well.

MessageWriter(envelope)
  .pass_on(tree) -> list[bytes]              an event of the upstream that leaves, its block renumbered
  .say(text) -> list[bytes]                  a text block of ours, a blank line behind what has been said
  .refuse(text) -> list[bytes]               what is open is closed cleanly, the refusal follows
  .refused(annotation), .ended(tree, annotation) -> list[bytes]      the end
  .note_usage(usage)                         the upstream's counts

Blocks are numbered as they leave, without gaps: clients take the number for the place in their list.
"""

from __future__ import annotations

from typing import Any

from guardproxy.wire.body import Tree
from guardproxy.wire.envelope import Envelope, cut_text
from guardproxy.wire.fence import Fence
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.messages_own import (
    REFUSED,
    counts_of,
    end_events,
    no_usage,
    own_message,
    text_block_events,
    text_deltas,
    typed_event,
)

_OF_A_BLOCK = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})


class MessageWriter:
    """See the module's text."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._started = False
        self._own_start = False
        self._like: Tree = {}
        self._usage: Tree = {}
        self._numbers: dict[int, int] = {}
        self._open: dict[int, str] = {}
        self._next = 0
        self._spoke = False
        self._fence = Fence()

    def note_start(self, message: Tree) -> None:
        """What our own events take over from the upstream's message."""
        for name in ("id", "model"):
            if isinstance(message.get(name), str) and is_control_value(message[name]):
                self._like[name] = message[name]

    def note_usage(self, usage: Any) -> None:
        """Counts are totals: the last one holds."""
        self._usage.update(counts_of(usage))

    def pass_on(self, tree: Tree) -> list[bytes]:
        """One that is released; a second start of the message is not."""
        kind = tree["type"]
        if kind == "message_start":
            if self._started:
                return []
            self._started = True
            return [typed_event(tree)]
        if kind == "ping":
            return [typed_event(tree)]
        out = self._start()
        if kind == "content_block_start":
            self._numbers[tree["index"]] = self._next
            block = tree["content_block"]
            self._open[self._next] = block.get("type", "")
            self._next += 1
            self._note(block.get("text"))
        number = self._numbers.get(tree.get("index", -1)) if kind in _OF_A_BLOCK else None
        if number is None:  # of no block, or of one whose start did not leave
            return out if kind in _OF_A_BLOCK else [*out, typed_event(tree)]
        if kind == "content_block_stop":
            self._open.pop(number, None)
        elif kind == "content_block_delta":
            self._note(tree["delta"].get("text"))
        return [*out, typed_event({**tree, "index": number})]

    def say(self, text: str) -> list[bytes]:
        """A block of its own, so that nothing of the model's is touched; the blank line is for clients that join."""
        events = text_block_events(self._next, ["\n\n" + text if self._spoke else text])
        self._next += 1
        return [*self._start(), *map(typed_event, events)]

    def refuse(self, text: str) -> list[bytes]:
        """The refusal goes on in a text block that is open, else it gets one of its own."""
        pieces = [self._fence.closing() + "\n\n", *cut_text(text)] if self._spoke else cut_text(text)
        out, last = self._start(), max(self._open, default=None)
        goes_on = last is not None and self._open[last] == "text"
        closing = [number for number in self._open if not (goes_on and number == last)]
        events: list[Tree] = [{"type": "content_block_stop", "index": number} for number in closing]
        if goes_on and last is not None:
            events += [*text_deltas(last, pieces), {"type": "content_block_stop", "index": last}]
        else:
            events += text_block_events(self._next, pieces)
            self._next += 1
        self._open = {}
        return [*out, *map(typed_event, events)]

    def refused(self, annotation: Tree | None) -> list[bytes]:
        """The end of a refused message; the counts are the last that the upstream sent."""
        return list(map(typed_event, end_events(REFUSED, {**no_usage(), **self._usage}, annotation)))

    def ended(self, tree: Tree, annotation: Tree | None) -> list[bytes]:
        """The upstream's own end. Counts that stood in a start which was ours are told here."""
        usage = tree.get("usage")
        if self._own_start or not isinstance(usage, dict):
            usage = {**no_usage(), **self._usage, **(usage if isinstance(usage, dict) else {})}
        events: list[Tree] = [{**tree, "usage": usage, **(annotation or {})}, {"type": "message_stop"}]
        return [*self._start(), *map(typed_event, events)]

    def _start(self) -> list[bytes]:
        """A message of ours, unless one has begun."""
        if self._started:
            return []
        self._started = self._own_start = True
        return [typed_event({"type": "message_start", "message": own_message(self._envelope, **self._like)})]

    def _note(self, text: Any) -> None:
        """Text of the model that has left."""
        if isinstance(text, str) and text:
            self._spoke = True
            self._fence.feed(text)
