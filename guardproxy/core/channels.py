"""A text that leaves while it grows: what has been found in it, how far it is cleared, what may leave.

Law: the earliest stop in the text wins, whatever the cutting and whoever answers first.

* Scanners read every delta. Their earliest stop is certain once all scanners have passed it; from then on the text
  counts as ended there (`cut_off`): nothing behind it can leave, so nothing behind it is looked at.
* Windows show only text that scanners have passed, and are heard in the order of the text. The first one with a
  stop, or with a failure that a rule cannot bear, ends the channel (`end`), at the latest where the next begins.
* Text before the end leaves; what is replaced leaves once no later finding can touch it.

Held at most: one window behind what the scanners hold, plus replaced spans that overlap one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardproxy.core.commands import Command, Inspect, Window
from guardproxy.core.commands import Release as Released
from guardproxy.core.findings import Failure, Finding, Span
from guardproxy.core.redact import Mark, Redaction, merge
from guardproxy.core.weighing import Terms, Weighed, place_of, seen_in, weigh, weigh_scanned
from guardproxy.core.windows import END, Asked, HeldText, Origin, Windows


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a channel ends its choice: refused there, or, with a failure, unjudged from there on."""

    at: int
    failure: Failure | None = None


class StreamChannel:
    """One channel of one choice."""

    def __init__(self, terms: Terms, origin: Origin) -> None:
        self._terms = terms
        self._origin = origin
        self._streaming = terms.plan.policy.streaming
        self._held = HeldText()
        self._scanners = terms.plan.scanners(origin.channel)
        self._safe = [0] * len(self._scanners)
        self._windows = Windows(origin, self._streaming) if terms.plan.classifies else None
        self._early: dict[int, int] = {}
        self._waiting_since: float | None = None
        self._looked = 0  # by an early window
        self._unexcused: list[Finding] = []
        self._released = 0
        self._tail = END
        self._flushed = False
        self._marks: list[Mark] = []
        self._stop: int | None = None
        self._cut_off: int | None = None
        self.found: list[Weighed] = []
        self.end: Ending | None = None

    @property
    def passed(self) -> int:
        """No finding that an enforced rule acts on can still come from before this place."""
        if not self._terms.holds:
            return END
        if self._windows and self._terms.waits:
            return min(self._windows.cleared, self._scanned())
        return self._scanned()

    @property
    def ends_at(self) -> int | None:
        """From here on nothing will leave; an earlier place may still turn up until `end` is known."""
        return self.end.at if self.end else self._cut_off

    @property
    def left(self) -> bool:
        """Flushed, and all of it gone."""
        return self._flushed and self.passed == END and self._released == self._held.end

    @property
    def done(self) -> bool:
        """The same, and the windows nobody waited for are answered too."""
        return self.left and (self._windows is None or self._windows.cleared == END)

    def feed(self, text: str) -> list[Command]:
        """More of the text. Text after the end is dropped: nobody would look at it."""
        if self._flushed or self._cut_off is not None or self.end:
            return []
        self._held.append(text)
        for at, scanner in enumerate(self._scanners):
            scan = scanner.feed(text)
            self._safe[at] = scan.safe
            if scan.findings:
                self._note_scanned(scan.findings)
        return self._go_on()

    def turn(self) -> list[Command]:
        """Another channel of the choice speaks now."""
        if self._windows is None or not self._terms.waits or self._flushed or self.ends_at is not None:
            return []
        return _asking(self._windows.turn(self._held))

    def flush(self) -> list[Command]:
        """The text is complete."""
        if self._flushed:
            return []
        self._tail = min(self._scanned(), self._held.end)
        self._flushed = True
        if self.ends_at is None:
            for scanner in self._scanners:
                self._note_scanned(scanner.flush().findings)
        return self._go_on()

    @property
    def waits(self) -> bool:
        """Text waits for a window: only then does the time that passes matter."""
        windows = self._windows
        if windows is None or not self._terms.waits or windows.ended:
            return False
        return self._held.end > max(windows.shown, self._looked)

    def tick(self, now_ms: float) -> list[Command]:
        """What has waited too long for a window is looked at early. It leaves no sooner for that."""
        windows = self._windows
        if windows is None or not self.waits:
            self._waiting_since = None
            return []
        if self._waiting_since is None:
            self._waiting_since = now_ms
        if now_ms - self._waiting_since < self._streaming.longest_hold_ms:
            return []
        self._waiting_since, self._looked = None, self._held.end
        window = windows.early(self._held)
        self._early[window.id] = windows.guards
        return [Inspect(window)]

    def answer(self, window_id: int, findings: Sequence[Finding], failure: Failure | None) -> list[Command]:
        """What was found in a window."""
        if self._windows is None:
            return []
        if window_id in self._early:
            self._heed_early(self._early.pop(window_id), findings)
        else:
            self._windows.answer(window_id, findings, failure)
        self._hear(self._windows)
        return []

    def releases(self, *, tail: bool) -> list[Command]:
        """What may leave now, in order; a replaced stretch is a release of its own.

        Without `tail` what scanners held until the flush stays: should another channel end the choice, it may be
        the beginning of something that this end has cut.
        """
        limit = min(self.passed, self._held.end, END if tail else self._tail)
        ends_at = self.ends_at
        if ends_at is not None and ends_at < limit:
            limit = ends_at
        if limit <= self._released:
            return []
        out: list[Command] = []
        for redaction in merge(self._marks, self._streaming.longest_match) if self._marks else ():
            if redaction.span.start >= limit:
                break
            if redaction.span.end > limit:
                limit = redaction.span.start
                break
            self._plain(redaction.span.start, out)
            self._leave(redaction, out)
        self._plain(limit, out)
        if self._marks:
            self._marks = [clipped for mark in self._marks if (clipped := mark.behind(self._released))]
        keep = min(self._released, self._windows.opens) if self._windows else self._released
        self._held.drop(keep - self._terms.reach)
        return out

    def _plain(self, end: int, out: list[Command]) -> None:
        if end > self._released:
            text = self._held.slice(self._released, end)
            out.append(Released(self._origin.choice, self._origin.channel, self._released, end, text))
            self._released = end

    def _leave(self, redaction: Redaction, out: list[Command]) -> None:
        start, self._released = self._released, redaction.span.end
        out.append(Released(self._origin.choice, self._origin.channel, start, self._released, redaction.text))

    def _scanned(self) -> int:
        """No scanner's finding can still begin before this place."""
        if self._flushed:
            return END
        cursors = [*self._safe, *(f.span.start for f in self._unexcused if f.span)]
        return min(cursors) if cursors else self._held.end

    def _go_on(self) -> list[Command]:
        """Scanners have read on: the cut-off, and the windows that are complete."""
        if self._unexcused:
            self._judge_waiting()
        scanned = self._scanned() if self._terms.holds else self._held.end
        if self._stop is not None and self._stop < scanned and self._cut_off is None:
            self._cut_off = self._stop
        windows = self._windows
        if windows is None or (self._cut_off is not None and not self._terms.waits):
            if self._cut_off is not None and self.end is None:
                self.end = Ending(self._cut_off)
            return []
        end = min(scanned, self._held.end)
        if self._cut_off is not None:
            end = min(end, self._cut_off)
        asked = windows.cut(self._held, end, ended=self._flushed or self._cut_off is not None)
        self._hear(windows)
        return _asking(asked)

    def _hear(self, windows: Windows) -> None:
        """Takes answers in the order of the text, up to the first that ends the channel."""
        while self.end is None and (asked := windows.heard()):
            self._weigh(asked)
        if self.end is None and self._cut_off is not None and windows.cleared == END:
            self.end = Ending(self._cut_off)

    def _weigh(self, asked: Asked) -> None:
        stops = []
        start = asked.window.start
        for finding in asked.findings:
            at = min(max(place_of(finding, start, asked.guards), asked.guards), asked.frees)
            weighed = weigh(self._terms.plan, finding, at, start)
            self._note(weighed)
            if weighed.stops:
                stops.append(at)
        if stops:
            self.end = Ending(min(stops) if self._cut_off is None else min(self._cut_off, *stops))
        elif asked.failure:
            self.end = Ending(asked.guards, asked.failure)

    def _heed_early(self, guards: int, findings: Sequence[Finding]) -> None:
        """An early look only adds what stops; everything else is found again by the windows."""
        weighed = [weigh(self._terms.plan, finding, guards, 0) for finding in findings]
        stops = [w for w in weighed if w.stops]
        if stops and self.ends_at is None and self._windows:
            self.found += stops
            self._cut_off = guards
            self._windows.stop()

    def _note_scanned(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            if self._terms.reach and finding.span:
                self._unexcused.append(finding)
            else:
                self._note_stop(weigh_scanned(self._terms.plan, finding))

    def _judge_waiting(self) -> None:
        """Findings that an exception's phrase may excuse, once the text the phrase may reach over is there."""
        reach, waiting = self._terms.reach, self._unexcused
        self._unexcused = []
        for finding in waiting:
            span = finding.span or Span(0, 0)
            if not self._flushed and span.start + reach > self._held.end:
                self._unexcused.append(finding)
                continue
            at, text = self._held.around(span.start - reach, max(span.end, span.start + reach))
            self._note_stop(weigh_scanned(self._terms.plan, seen_in(finding, text, at)))

    def _note_stop(self, weighed: Weighed) -> None:
        self._note(weighed)
        if weighed.stops:
            self._stop = weighed.at if self._stop is None else min(self._stop, weighed.at)

    def _note(self, weighed: Weighed) -> None:
        self.found.append(weighed)
        for mark in weighed.marks:
            # A window shows text again that has left: it was cleared then, or replaced.
            if rest := mark.behind(self._released):
                self._marks.append(rest)


def _asking(windows: Sequence[Window]) -> list[Command]:
    return [Inspect(window) for window in windows]
