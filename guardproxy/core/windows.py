"""Where the windows of a classifier fall: by the text alone, never by how it was cut into deltas."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from guardproxy.core.commands import Channel, Window
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

    def drop(self, before: int) -> None:
        """Forgets what stands before the position."""
        if before > self._base:
            rest = self.slice(before, self.end)
            self._pieces = [rest] if rest else []
            self._base = before


@dataclass(slots=True)
class _Asked:
    id: int
    opens: int
    answered: bool = False


class Windows:
    """The windows of one text: what has been cut, what has been answered, and how far that clears the text."""

    def __init__(self, choice: int, channel: Channel, streaming: Streaming, ids: Iterator[int]) -> None:
        self._choice = choice
        self._channel = channel
        self._streaming = streaming
        self._ids = ids
        self._fresh = 0  # where the next window's fresh part begins
        self._asked: deque[_Asked] = deque()
        self._ended = False

    @property
    def opens(self) -> int:
        """Start of the next window, its context included: text from here on has to be kept for it."""
        return max(0, self._fresh - self._streaming.overlap)

    @property
    def cleared(self) -> int:
        """Start of the first window without an answer. A later finding of a window lies at or behind this."""
        if self._asked:
            return self._asked[0].opens
        return END if self._ended else self.opens

    def cut(self, held: HeldText, stop: int, *, ended: bool) -> list[Window]:
        """The windows that are complete. None is cut that opens behind `stop`: nobody needs its answer."""
        windows = []
        while self.opens <= stop:
            border = self._border(held, ended=ended)
            if border is None:
                self._ended = ended
                break
            window = Window(
                next(self._ids),
                self._choice,
                self._channel,
                held.slice(self.opens, self._fresh),
                held.slice(self._fresh, border),
                self.opens,
            )
            self._asked.append(_Asked(window.id, self.opens))
            windows.append(window)
            self._fresh = border
        return windows

    def answer(self, window_id: int) -> None:
        """Somebody has looked. Answers may come in any order; the text is cleared from the front."""
        for asked in self._asked:
            asked.answered = asked.answered or asked.id == window_id
        while self._asked and self._asked[0].answered:
            self._asked.popleft()

    def _border(self, held: HeldText, *, ended: bool) -> int | None:
        plan = self._streaming
        size = max(1, plan.characters - plan.overlap if self._fresh else plan.first)
        left = held.end - self._fresh
        if left >= size:
            back = sentence_end(held.slice(self._fresh, self._fresh + size)) if plan.cut_at_sentence else size
            return self._fresh + back
        return held.end if ended and left else None


def sentence_end(text: str) -> int:
    """The last end of a sentence in the second half of the text, as an offset; the length when there is none.

    Nothing behind the text is looked at: it may not be there yet.
    """
    for at in range(len(text), max(1, len(text) // 2), -1):
        mark = text[at - 1]
        if mark in _ENDS or (mark in _ENDS_BEFORE_SPACE and at < len(text) and text[at].isspace()):
            return at
    return len(text)
