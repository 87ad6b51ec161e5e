"""One channel of one choice: what has been found in it, how far it is cleared, what may leave.

Law: the earliest stop in the text wins, whatever the cutting. `stop` is a coordinate in the text; text
before it leaves first, and the choice halts only when `passed` is behind it: by then nothing can be found
before it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from guardproxy.core.arguments import Document, Leaf
from guardproxy.core.commands import Channel, Command, Inspect, Window
from guardproxy.core.commands import Release as Released
from guardproxy.core.findings import Finding, Span
from guardproxy.core.redact import Mark, Redaction, apply, merge
from guardproxy.core.rules import Release
from guardproxy.core.weighing import Plan, Weighed, scanned, weigh, weigh_scanned
from guardproxy.core.windows import END, HeldText, Windows


@dataclass(frozen=True, slots=True)
class Place:
    """Which channel of which choice, and where window numbers come from."""

    choice: int
    channel: Channel
    ids: Iterator[int]


class StreamChannel:
    """A text that leaves while it grows."""

    def __init__(self, plan: Plan, place: Place) -> None:
        self._plan = plan
        self._place = place
        self._mode = plan.policy.streaming.release
        self._held = HeldText()
        self._scanners = plan.scanners(place.channel)
        self._scanner_safe = [0] * len(self._scanners)
        self._holds = plan.holds()
        self._holds_windows = plan.holds_windows()
        self._windows = (
            Windows(place.choice, place.channel, plan.policy.streaming, place.ids) if plan.classifies else None
        )
        self._starts: dict[int, int] = {}
        self._released = 0
        self._flushed = False
        self._marks: list[Mark] = []
        self.found: list[Weighed] = []
        self.stop: int | None = None

    @property
    def passed(self) -> int:
        """No finding that an enforced rule acts on can still come from before this place."""
        text = END if self._flushed or not (self._scanners and self._holds) else min(self._scanner_safe)
        if self._holds_windows and self._windows:
            return min(text, self._windows.cleared)
        return text if text != END or self._flushed else self._held.end

    @property
    def halts(self) -> bool:
        """True when the choice must end here."""
        return self.stop is not None and self.passed > self.stop

    @property
    def done(self) -> bool:
        """Flushed, looked at, and all of it gone."""
        return self._flushed and self.passed == END and self._released == self._held.end

    def feed(self, text: str) -> list[Command]:
        """More of the text. Text after the flush is dropped: nobody would look at it."""
        if self._flushed or not text:
            return []
        self._held.append(text)
        for at, scanner in enumerate(self._scanners):
            scan = scanner.feed(text)
            self._scanner_safe[at] = scan.safe
            self._note_scanned(scan.findings)
        return self._cut()

    def flush(self) -> list[Command]:
        """The text is complete."""
        for scanner in self._scanners:
            self._note_scanned(scanner.flush().findings)
        self._flushed = True
        return self._cut()

    def answer(self, window_id: int, findings: Sequence[Finding]) -> list[Command]:
        """What was found in a window. What stops it stops where the window opens."""
        start = self._starts.pop(window_id, None)
        if start is None or self._windows is None:
            return []
        for finding in findings:
            self._note(weigh(self._plan, finding, start, start))
        self._windows.answer(window_id)
        return []

    def releases(self) -> list[Command]:
        """What may leave now, in order; a replaced stretch is a release of its own."""
        limit = self._held.end if self._mode is Release.IMMEDIATE else min(self.passed, self._held.end)
        if self.stop is not None:
            limit = min(limit, self.stop)
        if limit <= self._released:
            return []
        out: list[Command] = []
        for redaction in merge(self._marks) if self._marks else ():
            if redaction.span.start >= limit:
                break
            if redaction.span.end > limit:
                limit = redaction.span.start
                break
            self._plain(redaction.span.start, out)
            self._leave(redaction, out)
        self._plain(limit, out)
        self._marks = [mark for mark in self._marks if mark.span.end > self._released]
        self._held.drop(min(self._released, self._windows.opens) if self._windows else self._released)
        return out

    def _plain(self, end: int, out: list[Command]) -> None:
        if end > self._released:
            text = self._held.slice(self._released, end)
            out.append(Released(self._place.choice, self._place.channel, self._released, end, text))
            self._released = end

    def _leave(self, redaction: Redaction, out: list[Command]) -> None:
        start, self._released = self._released, redaction.span.end
        out.append(Released(self._place.choice, self._place.channel, start, self._released, redaction.text))

    def _cut(self) -> list[Command]:
        if self._windows is None:
            return []
        stop = END if self.stop is None else self.stop
        windows = self._windows.cut(self._held, stop, ended=self._flushed)
        self._starts.update((window.id, window.start) for window in windows)
        return [Inspect(window) for window in windows]

    def _note_scanned(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self._note(weigh_scanned(self._plan, finding))

    def _note(self, weighed: Weighed) -> None:
        self.found.append(weighed)
        if weighed.stops:
            self.stop = weighed.at if self.stop is None else min(self.stop, weighed.at)
        for mark in weighed.marks:
            # Only text sent unlooked (`release: immediate`) can be gone already; the rest is still replaced.
            start = max(mark.span.start, self._released)
            if start < mark.span.end:
                self._marks.append(replace(mark, span=Span(start, mark.span.end)))


class WholeChannel:
    """A text that leaves whole or not at all: tool arguments, structured output.

    Looked at are the text as it stands and its decoded leaves. Windows are cut over the leaves, one to a line.
    """

    def __init__(self, plan: Plan, place: Place) -> None:
        self._plan = plan
        self._place = place
        self._holds_windows = plan.holds_windows()
        self._held = HeldText()
        self._document = Document("")
        self._leaf_marks: list[list[Mark]] = []
        self._raw_marked = False
        self._windows: Windows | None = None
        self._starts: dict[int, int] = {}
        self._flushed = False
        self._final: str | None = None
        self._gone = False
        self.found: list[Weighed] = []
        self.stop: int | None = None

    @property
    def passed(self) -> int:
        """Nothing of it before everything of it is known."""
        return END if self._final is not None else 0

    @property
    def halts(self) -> bool:
        """True when the choice must end here."""
        return self.stop is not None and self.passed == END

    @property
    def done(self) -> bool:
        """Flushed, looked at, and gone."""
        return self._gone

    def feed(self, text: str) -> list[Command]:
        """More of the text; nothing is looked at yet. Text after the flush is dropped."""
        if not self._flushed:
            self._held.append(text)
        return []

    def flush(self) -> list[Command]:
        """The text is complete: everything is looked at."""
        self._flushed = True
        source = self._held.slice(0, self._held.end)
        self._document = Document(source)
        self._leaf_marks = [[] for _ in self._document.leaves]
        if self._document.is_json:
            for weighed in scanned(self._plan, self._place.channel, source):
                self._raw_marked = self._raw_marked or bool(weighed.marks)
                self._note(weighed)
        for at, leaf in enumerate(self._document.leaves):
            for weighed in scanned(self._plan, self._place.channel, leaf.text):
                self._note(replace(weighed, stops=weighed.stops or (leaf.key and bool(weighed.marks))))
                self._leaf_marks[at] += weighed.marks
        asked = self._cut() if self._plan.classifies and self.stop is None else []
        self._finish()
        return asked

    def answer(self, window_id: int, findings: Sequence[Finding]) -> list[Command]:
        """What was found in a window over the leaves."""
        start = self._starts.pop(window_id, None)
        if start is None or self._windows is None:
            return []
        for finding in findings:
            weighed = weigh(self._plan, finding, 0, start)
            on_key = [leaf.key for mark in weighed.marks for leaf in self._touch(mark)]
            self._note(replace(weighed, stops=weighed.stops or any(on_key)))
        self._windows.answer(window_id)
        self._finish()
        return []

    def releases(self) -> list[Command]:
        """The whole text, once it is cleared."""
        if self._final is None or self._gone or self.stop is not None:
            return []
        self._gone = True
        if not self._held.end:
            return []
        return [Released(self._place.choice, self._place.channel, 0, self._held.end, self._final)]

    def _cut(self) -> list[Command]:
        shown = HeldText()
        shown.append("\n".join(leaf.text for leaf in self._document.leaves))
        self._windows = Windows(self._place.choice, self._place.channel, self._plan.policy.streaming, self._place.ids)
        windows: list[Window] = self._windows.cut(shown, END, ended=True)
        self._starts.update((window.id, window.start) for window in windows)
        return [Inspect(window) for window in windows]

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
        if weighed.stops:
            self.stop = 0

    def _finish(self) -> None:
        """Once everything has been answered: the text as it would leave, looked at again if need be."""
        waiting = self._holds_windows and self._windows is not None and self._windows.cleared != END
        if self._final is not None or waiting:
            return
        changed = [
            apply(leaf.text, merge(marks)) for leaf, marks in zip(self._document.leaves, self._leaf_marks, strict=True)
        ]
        self._final = self._document.encoded(changed)
        if self._raw_marked and self.stop is None:
            # What the raw text showed may lie across leaves, where nothing can be replaced.
            for weighed in scanned(self._plan, self._place.channel, self._final):
                if weighed.stops or weighed.marks:
                    self._note(replace(weighed, stops=True))
