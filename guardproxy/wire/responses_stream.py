"""A streamed answer of `POST /v1/responses`: upstream events in, released events out. No I/O (wire.md 3.5).

Everything leaves in the order of arrival, numbered anew. The last event waits for `finish`, because it carries the
annotation, inside its response; what it repeats is made from what has left.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from guardproxy.core.commands import CONTENT, Release
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer import WHOLE_CONTENT, Called
from guardproxy.wire.body import Tree
from guardproxy.wire.dialect import AnswerStream, Closed, Delta, Reading
from guardproxy.wire.envelope import Ask, Envelope
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.responses_arrival import Arrivals
from guardproxy.wire.responses_events import ENDS, FAILS, SILENT, read_kind
from guardproxy.wire.responses_items import response_leaves
from guardproxy.wire.responses_own import annotated, ending, frame, no_usage, own_response
from guardproxy.wire.responses_sent import Sent
from guardproxy.wire.typed_queue import EventQueue


class ResponsesStream(AnswerStream):
    """See `AnswerStream`; there is one choice, 0."""

    def __init__(self, envelope: Envelope, ask: Ask = Ask()) -> None:  # noqa: B008 - frozen
        self._ask = ask
        self._queue = EventQueue()
        self._arrivals = Arrivals(WHOLE_CONTENT if ask.structured else CONTENT)
        self._sent = Sent(own_response(envelope))
        self._number = 0
        self._after = ""
        self._noticed = False
        self._usage: Tree | None = None
        self._last: Tree | None = None
        self._complete = False
        self._refused: Tree | None = None
        self._over = False

    @property
    def complete(self) -> bool:
        """See `AnswerStream`."""
        return self._complete or self._refused is not None

    @property
    def all_halted(self) -> bool:
        """See `AnswerStream`."""
        return self._refused is not None

    def chunk(self, tree: Tree) -> Reading:
        """See `AnswerStream`. What comes behind the last event does not count."""
        kind = read_kind(tree)
        if kind in FAILS:
            raise UpstreamBadAnswer("the upstream reports an error inside its answer")
        if self.complete or kind in SILENT:
            return Reading()
        arrived = self._arrivals.read(tree)
        if kind in ENDS:
            self._complete = True
            self._usage = _usage(tree["response"])
        settle = partial(self._sent.fill, firsts=arrived.firsts, copies=arrived.copies)
        texts = self._queue.add(
            tree,
            arrived.texts,
            arrived.others,
            divisible=arrived.divisible,
            tool=arrived.tool,
            settle=settle,
        )
        return Reading(
            deltas=tuple(Delta(0, text.channel, text.text) for text in texts),
            finished=(0,) if self._complete else (),
            called=tuple(Called(0, name) for name in arrived.called),
            closed=tuple(Closed(0, channel) for channel in arrived.closed),
        )

    def release(self, release: Release) -> list[bytes]:
        """See `AnswerStream`."""
        if self._refused is not None:
            return []
        self._queue.release(release)
        return self._drain()

    def ready(self) -> list[bytes]:
        """See `AnswerStream`."""
        return self._drain()

    def notice(self, choice: int, text: str, *, before: bool) -> list[bytes]:
        """See `AnswerStream`. One in front leaves with the first message, as a part of its own."""
        del choice
        if before:
            self._noticed = True
            self._sent.announce(text)
        else:
            self._after = text
        return []

    def halt(self, choice: int, text: str) -> list[bytes]:
        """See `AnswerStream`."""
        del choice
        if self._refused is not None:
            raise AssertionError("an answer was halted twice; this is a bug")
        self._queue.drop()
        self._after, self._last = "", None
        in_field = self._ask.in_field and not self._sent.wrote and not self._noticed
        self._refused = ending(in_field)
        out = self._sent.separate() if self._sent.wrote else []
        lead = self._sent.take_waiting() or ("" if out else self._sent.apart())
        if not self._sent.has_open_message:
            out += self._sent.close("incomplete")
        out += self._sent.say(lead + text, in_field=in_field, status=str(self._refused["status"]))
        return self._frames([*out, *self._sent.close(str(self._refused["status"]))])

    def finish(self, annotation: Tree | None = None) -> list[bytes]:
        """See `AnswerStream`."""
        out = self._drain(final=True) if self._refused is None else []
        waiting = self._sent.take_waiting()
        own = waiting + self._after if self._refused is None else ""
        events: list[Tree] = []
        if own:
            apart = "" if waiting or not self._sent.wrote else "\n\n"
            events += self._sent.say(apart + own.rstrip("\n"))
        events += [*self._sent.start(), *self._sent.end_message()]
        return [*out, *self._frames(events), self._end(annotation)]

    def fault(self, code: str, message: str, annotation: Tree | None = None) -> list[bytes]:
        """See `AnswerStream`: `response.failed`, with what has left."""
        del code  # the published list of codes has one word for all of ours; the annotation says more
        self._queue.drop()
        start = self._sent.start()
        output = self._sent.output([], [], set())
        error = {"code": "server_error", "message": message}
        response = {**self._sent.response, "status": "failed", "error": error, "output": output}
        return [
            *self._frames(start),
            self._only_end({"type": "response.failed", "response": annotated(response, annotation)}),
        ]

    def _drain(self, *, final: bool = False) -> list[bytes]:
        out: list[bytes] = []
        for tree in self._queue.ready(final=final):
            if tree["type"] in ENDS:
                self._last = tree
            elif is_control_value(tree["type"]):
                out += self._frames(self._sent.pass_on(tree))
        return out

    def _end(self, annotation: Tree | None) -> bytes:
        sent, last = self._sent, self._last
        if self._refused is not None or last is None:
            how = self._refused or {"status": "completed", "error": None, "incomplete_details": None}
            output = sent.output([], [], set())
            response = {**sent.response, **how, "output": output, "usage": self._usage or no_usage()}
        else:
            finals = last["response"]["output"]
            output = sent.output(finals, self._arrivals.finals, self._arrivals.done)
            response = {**last["response"], "id": sent.response["id"], "output": output}
        kind = f"response.{response['status']}" if last is None else last["type"]
        return self._only_end({**(last or {}), "type": kind, "response": annotated(response, annotation)})

    def _only_end(self, tree: Tree) -> bytes:
        if self._over:
            raise AssertionError("a stream ended twice; this is a bug")
        self._over = True
        return self._frames([tree])[0]

    def _frames(self, events: list[Tree]) -> list[bytes]:
        out = [frame(event, self._number + at) for at, event in enumerate(events)]
        self._number += len(events)
        return out


def _usage(response: Tree) -> Tree | None:
    """The numbers, if there is nothing else among them."""
    usage: Any = response.get("usage")
    return usage if isinstance(usage, dict) and not response_leaves({"usage": usage}) else None
