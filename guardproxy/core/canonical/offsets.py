"""Views of a text, each with the way back to the original's code points."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from guardproxy.core.findings import Span


class Offsets(Protocol):
    """The way back: a range of the view → the range of the original it came from; and the way there.

    `shown`: the range of the view outside of which nothing came from `place`; it may be wider than need be.
    """

    def span(self, start: int, end: int) -> Span: ...

    def shown(self, place: Span) -> Span: ...


class Same:
    """The view is the original."""

    __slots__ = ()

    def span(self, start: int, end: int) -> Span:
        return Span(start, end)

    def shown(self, place: Span) -> Span:
        return place


SAME = Same()


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a text. `name` is what `Evidence.view` shows: `plain`, `folded`, `decoded:base64` …"""

    name: str
    text: str
    offsets: Offsets = SAME

    def original(self, start: int, end: int) -> Span:
        """Code points of the original that `text[start:end]` came from."""
        return self.offsets.span(start, end)

    def __repr__(self) -> str:
        return f"View({self.name}, {len(self.text)} chars)"


@dataclass(frozen=True, slots=True)
class Edit:
    """`parent[start:end]` reads `new` in the view."""

    start: int
    end: int
    new: str


class Edited:
    """Offsets through a list of replacements. A replaced piece maps as a whole, both ways."""

    __slots__ = ("_froms", "_news", "_starts", "_tos", "_ups")

    def __init__(self, edits: Sequence[Edit], parent: Offsets) -> None:
        self._ups = parent
        self._starts = array("l")  # where the replacement begins in the view
        self._froms = array("l")  # the piece of the parent it stands for
        self._tos = array("l")
        moved = 0
        for edit in edits:
            self._starts.append(edit.start + moved)
            self._froms.append(edit.start)
            self._tos.append(edit.end)
            moved += len(edit.new) - (edit.end - edit.start)
        self._starts.append(1 << 60)
        self._froms.append(1 << 60)
        self._tos.append(1 << 60)
        self._news = array("l", [len(e.new) for e in edits])

    def span(self, start: int, end: int) -> Span:
        if end <= start:
            at = self._first(start)
            return self._ups.span(at, at)
        return self._ups.span(self._first(start), self._last(end - 1))

    def shown(self, place: Span) -> Span:
        above = self._ups.shown(place)
        if above.end <= above.start:
            return Span(self._place(above.start)[0], self._place(above.start)[1])
        return Span(self._place(above.start)[0], self._place(above.end - 1)[1])

    def _place(self, at: int) -> tuple[int, int]:
        """The range of the view that shows the parent's character `at`: all of a replacement, or the one character."""
        piece = bisect_right(self._froms, at) - 1
        if piece < 0:
            return at, at + 1
        new = self._starts[piece] + self._news[piece]
        if at < self._tos[piece]:
            return self._starts[piece], new
        return new + at - self._tos[piece], new + at - self._tos[piece] + 1

    def _piece(self, at: int) -> int:
        """The last non-empty replacement that begins at or before `at`, or the last edit before it; -1 for none."""
        return bisect_right(self._starts, at) - 1

    def _first(self, at: int) -> int:
        piece = self._piece(at)
        if piece < 0:
            return at
        inside = at - self._starts[piece]
        if inside < self._news[piece]:
            return self._froms[piece]
        return self._tos[piece] + inside - self._news[piece]

    def _last(self, at: int) -> int:
        """End, in the parent, of the view's character `at`; what was removed behind it does not belong to it."""
        piece = self._piece(at)
        if piece < 0:
            return at + 1
        inside = at - self._starts[piece]
        if inside < self._news[piece]:
            return self._tos[piece]
        return self._tos[piece] + inside - self._news[piece] + 1


def edited(view: View, name: str, edits: Sequence[Edit]) -> View:
    """The view with the replacements made; `edits` are sorted and do not overlap."""
    out: list[str] = []
    at = 0
    for edit in edits:
        out.append(view.text[at : edit.start])
        out.append(edit.new)
        at = edit.end
    out.append(view.text[at:])
    return View(name, "".join(out), Edited(edits, view.offsets))


class Permuted:
    """Offsets of a view whose characters stand in another order."""

    __slots__ = ("_order", "_ups")

    def __init__(self, order: Sequence[int], parent: Offsets) -> None:
        self._order = array("l", order)
        self._ups = parent

    def span(self, start: int, end: int) -> Span:
        places = self._order[start:end]
        if not places:
            at = self._order[start] if start < len(self._order) else max(self._order, default=-1) + 1
            return self._ups.span(at, at)
        return self._ups.span(min(places), max(places) + 1)

    def shown(self, place: Span) -> Span:
        del place
        return Span(0, len(self._order))


def permuted(view: View, name: str, order: Sequence[int]) -> View:
    """The characters of the view at these places, in this order."""
    return View(name, "".join(map(view.text.__getitem__, order)), Permuted(order, view.offsets))


class Mapped:
    """Offsets of a view made character by character; computed on the first question, for most are never asked."""

    __slots__ = ("_ends", "_pieces", "_starts", "_ups")

    def __init__(self, pieces: Sequence[str] | PieceMaker, parent: Offsets) -> None:
        self._pieces = pieces
        self._ups = parent
        self._starts: array[int] | None = None
        self._ends: array[int] | None = None

    def span(self, start: int, end: int) -> Span:
        starts, ends = self._arrays()
        if end <= start:
            at = starts[start] if start < len(starts) else (ends[-1] if ends else 0)
            return self._ups.span(at, at)
        return self._ups.span(starts[start], ends[end - 1])

    def shown(self, place: Span) -> Span:
        above = self._ups.shown(place)
        starts, ends = self._arrays()
        return Span(bisect_right(ends, above.start), bisect_left(starts, above.end))

    def _arrays(self) -> tuple[array[int], array[int]]:
        if self._starts is None or self._ends is None:
            made = self._pieces.pieces() if isinstance(self._pieces, PieceMaker) else self._pieces
            self._starts = array("l", [at for at, new in enumerate(made) for _ in new])
            self._ends = array("l", [at + 1 for at in self._starts])
            for at in [at for at, new in enumerate(made) if not new]:
                last = bisect_left(self._starts, at) - 1
                if last >= 0:
                    self._ends[last] = at + 1  # a removed mark belongs to the letter before it
        return self._starts, self._ends


class PieceMaker:
    """What each character of a text becomes under a translation table."""

    __slots__ = ("_table", "_text")

    def __init__(self, text: str, table: dict[int, str]) -> None:
        self._text = text
        self._table = table

    def pieces(self) -> list[str]:
        table = self._table
        return [table[ord(c)] for c in self._text]
