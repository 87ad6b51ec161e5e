"""A text that leaves whole or not at all: tool arguments, structured output.

Looked at are the text as it stands and its decoded leaves; windows are cut over the leaves, one to a line. All of
it is heard before anything is decided, so its findings have no order among themselves: their place is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from guardproxy.core.arguments import Document, Leaf
from guardproxy.core.channels import Ending
from guardproxy.core.commands import Command, Inspect
from guardproxy.core.commands import Release as Released
from guardproxy.core.findings import Failure, Finding, Span
from guardproxy.core.redact import Mark, apply, merge
from guardproxy.core.weighing import Terms, Weighed, scanned, weigh
from guardproxy.core.windows import END, HeldText, Origin, Windows


class WholeChannel:
    """One such channel of one choice; the same doors as `StreamChannel`."""

    def __init__(self, terms: Terms, origin: Origin) -> None:
        self._terms = terms
        self._origin = origin
        self._held = HeldText()
        self._document = Document("")
        self._leaf_marks: list[list[Mark]] = []
        self._raw_marked = False
        self._stops = False
        self._failure: Failure | None = None
        self._windows: Windows | None = None
        self._flushed = False
        self._final: str | None = None
        self._gone = False
        self.found: list[Weighed] = []

    @property
    def passed(self) -> int:
        """Nothing of it before everything of it is known."""
        return END if self._final is not None else 0

    @property
    def end(self) -> Ending | None:
        """Refused or unjudged, once everything is known."""
        if self._final is None or not (self._stops or self._failure):
            return None
        return Ending(0, None if self._stops else self._failure)

    @property
    def ends_at(self) -> int | None:
        """From here on nothing will leave."""
        return 0 if self.end else None

    @property
    def left(self) -> bool:
        """Flushed, looked at, and gone."""
        return self._gone

    @property
    def done(self) -> bool:
        """The same, and the windows nobody waited for are answered too."""
        return self._gone and (self._windows is None or self._windows.cleared == END)

    def feed(self, text: str) -> list[Command]:
        """More of the text; nothing is looked at yet. Text after the flush is dropped."""
        if not self._flushed:
            self._held.append(text)
        return []

    def turn(self) -> list[Command]:
        """Others may speak: it is held all the same."""
        return []

    @property
    def waits(self) -> bool:
        """The time that passes changes nothing here."""
        return False

    def tick(self, now_ms: float) -> list[Command]:
        """It is held until it is complete, however long that takes."""
        del now_ms
        return []

    def flush(self) -> list[Command]:
        """The text is complete: everything is looked at."""
        if self._flushed:
            return []
        self._flushed = True
        source = self._held.slice(0, self._held.end)
        self._document = Document(source)
        self._leaf_marks = [[] for _ in self._document.leaves]
        if self._document.is_json:
            for weighed in scanned(self._terms, self._origin.channel, source):
                self._raw_marked = self._raw_marked or bool(weighed.marks)
                self._note(weighed)
        self._scan_leaves()
        asked = self._cut() if self._terms.plan.classifies and not self._stops else []
        self._finish()
        return asked

    def answer(self, window_id: int, findings: Sequence[Finding], failure: Failure | None) -> list[Command]:
        """What was found in a window over the leaves."""
        if self._windows is None:
            return []
        self._windows.answer(window_id, findings, failure)
        while asked := self._windows.heard():
            self._failure = self._failure or asked.failure
            for finding in asked.findings:
                weighed = weigh(self._terms.plan, finding, 0, asked.window.start)
                touched = [leaf for mark in weighed.marks for leaf in self._touch(mark)]
                stuck = any(leaf.key for leaf in touched)
                self._note(replace(weighed, stops=weighed.stops or stuck, stuck=stuck))
        self._finish()
        return []

    def releases(self, *, tail: bool) -> list[Command]:
        """The whole text, once it is cleared and no other channel can end the choice (`tail`)."""
        if not tail or self._final is None or self._gone or self.end:
            return []
        self._gone = True
        if not self._held.end:
            return []
        return [Released(self._origin.choice, self._origin.channel, 0, self._held.end, self._final)]

    def _scan_leaves(self) -> None:
        """Each leaf by itself; equal ones once, for the keys of a table come again in every row."""
        seen: dict[str, list[Weighed]] = {}
        for leaf, marks in zip(self._document.leaves, self._leaf_marks, strict=True):
            first = leaf.text not in seen
            if first:
                seen[leaf.text] = scanned(self._terms, self._origin.channel, leaf.text)
            for weighed in seen[leaf.text]:
                stuck = leaf.key and bool(weighed.marks)
                stops = weighed.stops or stuck
                if first or stops != weighed.stops:
                    self._note(replace(weighed, stops=stops, stuck=stuck))
                marks.extend(weighed.marks)

    def _cut(self) -> list[Command]:
        shown = HeldText()
        shown.append("\n".join(leaf.text for leaf in self._document.leaves))
        self._windows = Windows(self._origin, self._terms.plan.policy.streaming)
        return [Inspect(window) for window in self._windows.cut(shown, shown.end, ended=True)]

    def _touch(self, mark: Mark) -> list[Leaf]:
        """Spreads a mark over the leaves it touches: replaced in the first, removed from the others."""
        touched, at, text = [], 0, mark.text
        for leaf, marks in zip(self._document.leaves, self._leaf_marks, strict=True):
            own = Span(at, at + len(leaf.text))
            if own.overlaps(mark.span):
                span = Span(max(own.start, mark.span.start), min(own.end, mark.span.end)).shifted(-at)
                marks.append(Mark(span, text, mark.order))
                touched.append(leaf)
                text = ""
            at = own.end + 1
        return touched

    def _note(self, weighed: Weighed) -> None:
        self.found.append(replace(weighed, at=0))
        self._stops = self._stops or weighed.stops

    def _finish(self) -> None:
        """Once everything has been answered: the text as it would leave, looked at again if need be."""
        waiting = self._terms.waits and self._windows is not None and self._windows.cleared != END
        if self._final is not None or waiting:
            return
        changed = [
            apply(leaf.text, merge(marks)) for leaf, marks in zip(self._document.leaves, self._leaf_marks, strict=True)
        ]
        self._final = self._document.encoded(changed)
        if self._raw_marked and not self._stops:
            # What the raw text showed may lie across leaves, where nothing can be replaced.
            for weighed in scanned(self._terms, self._origin.channel, self._final):
                if weighed.stops or weighed.marks:
                    self._note(replace(weighed, stops=True, stuck=bool(weighed.marks)))
