"""Where the windows of a classifier fall: by the text alone, never by how it was cut into deltas."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guardproxy.core.commands import Channel, Window
from guardproxy.core.findings import Failure, Finding
from guardproxy.core.rules import Streaming

END = 1 << 62
"""A cursor behind every text: nothing is waited for any more."""

_ENDS_BEFORE_SPACE = ".!?…"
_ENDS = "。！？\n"


class HeldText:
    """The part of a channel that is still needed. Positions count from the start of the channel."""

    __slots__ = ("_base", "_pieces", "end")

    def __init__(self) -> None:
        self._base = 0
        self._pieces: list[str] = []
        self.end = 0

    def append(self, text: str) -> None:
        """More of the channel; joined only when somebody reads."""
        self._pieces.append(text)
        self.end += len(text)

    def slice(self, start: int, end: int) -> str:
        """The text `[start, end)`, which must not have been dropped."""
        if start < self._base:
            raise AssertionError("text was read after it had been dropped; this is a bug")
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0][start - self._base : end - self._base] if self._pieces else ""

    def around(self, start: int, end: int) -> tuple[int, str]:
        """What is still there of the text `[start, end)`, and where it begins."""
        start = max(start, self._base)
        return start, self.slice(start, end)

    def drop(self, before: int) -> None:
        """Forgets what stands before the position."""
        if before > self._base:
            rest = self.slice(before, self.end)
            self._pieces = [rest] if rest else []
            self._base = before


@dataclass(frozen=True, slots=True)
class Origin:
    """Which channel of which choice, and where window numbers come from."""

    choice: int
    channel: Channel
    ids: Iterator[int]


@dataclass(slots=True)
class Asked:
    """A window that somebody looks at. Text from `guards` on waits for the answer; a clear one lets go what stands
    before `frees`.
    """

    window: Window
    guards: int
    frees: int
    answered: bool = False
    findings: Sequence[Finding] = ()
    failure: Failure | None = None


class Windows:
    """The windows of one text: what has been cut, what has been answered, and how far that clears the text."""

    def __init__(self, origin: Origin, streaming: Streaming) -> None:
        self._origin = origin
        self._streaming = streaming
        self._fresh = 0  # where the next window's fresh part begins
        self._guards = 0  # text from here on waits for windows that are still to come
        self._asked: deque[Asked] = deque()
        self._turned = False
        self.shown = 0
        self.ended = False

    @property
    def opens(self) -> int:
        """Start of the next window, its context included: text from here on has to be kept for it."""
        return max(0, self._fresh - self._streaming.overlap)

    @property
    def guards(self) -> int:
        """Text from here on waits for windows that are still to come."""
        return self._guards

    @property
    def cleared(self) -> int:
        """Text before this has been cleared by all windows that show it; END once there is nothing to wait for."""
        if self._asked:
            return self._asked[0].guards
        return END if self.ended else self._guards

    def cut(self, held: HeldText, end: int, *, ended: bool) -> list[Window]:
        """The windows that are complete in the text before `end`; with `ended` it is all there will be."""
        if self.ended:
            return []
        windows = []
        plan = self._streaming
        while end - self._fresh >= (size := max(1, plan.characters - plan.overlap if self._fresh else plan.first)):
            back = sentence_end(held.slice(self._fresh, self._fresh + size)) if plan.cut_at_sentence else size
            border = self._fresh + back
            windows.append(self._ask(held, border, border - plan.overlap))
            self._fresh = border
        if ended:
            self.ended = True
            if end > self.shown:
                windows.append(self._ask(held, end, end))
        return windows

    def turn(self, held: HeldText) -> list[Window]:
        """Another channel speaks now. What nobody has seen yet gets an extra window, so that it need not wait
        for the end of the answer; borders stay where they are. Channels that take turns all the time get one
        only when the text has grown by a first window.
        """
        end = held.end
        if self.ended or (self._turned and self.shown < end < self.shown + self._streaming.first):
            return []
        self._turned = True
        windows = [self._ask(held, end, end)] if end > self.shown else []
        self._guards = end
        return windows

    def early(self, held: HeldText) -> Window:
        """All that is held, to be looked at now. Moves no border and clears nothing."""
        return self._window(held, held.end)

    def stop(self) -> None:
        """No more windows are needed."""
        self.ended = True

    def answer(self, window_id: int, findings: Sequence[Finding], failure: Failure | None) -> None:
        """Somebody has looked. Answers may come in any order."""
        for asked in self._asked:
            if asked.window.id == window_id:
                asked.answered, asked.findings, asked.failure = True, findings, failure
                return

    def heard(self) -> Asked | None:
        """The next answer in the order of the text, each once."""
        return self._asked.popleft() if self._asked and self._asked[0].answered else None

    def _ask(self, held: HeldText, end: int, frees: int) -> Window:
        window = self._window(held, end)
        frees = max(self._guards, frees)
        self._asked.append(Asked(window, self._guards, frees))
        self._guards = frees
        self.shown = max(self.shown, end)
        return window

    def _window(self, held: HeldText, end: int) -> Window:
        fresh = min(max(self._fresh, self.shown), end)
        context, text = held.slice(self.opens, fresh), held.slice(fresh, end)
        return Window(next(self._origin.ids), self._origin.choice, self._origin.channel, context, text, self.opens)


def sentence_end(text: str) -> int:
    """The last end of a sentence in the second half of the text, as an offset; the length when there is none.

    Nothing behind the text is looked at: it may not be there yet.
    """
    for at in range(len(text), max(1, len(text) // 2), -1):
        mark = text[at - 1]
        if mark in _ENDS or (mark in _ENDS_BEFORE_SPACE and at < len(text) and text[at].isspace()):
            return at
    return len(text)
