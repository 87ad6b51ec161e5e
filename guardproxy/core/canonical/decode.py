"""One level of decoding: everything that looks encoded replaced by what it says, with rival readings."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise

from guardproxy.core.canonical.codecs import Budget
from guardproxy.core.canonical.escapes import escapes
from guardproxy.core.canonical.fixed import CHUNK
from guardproxy.core.canonical.groups import Near
from guardproxy.core.canonical.numbers import code_lists
from guardproxy.core.canonical.offsets import SAME, Edit, View, edited
from guardproxy.core.canonical.plausible import quality
from guardproxy.core.canonical.runs import encoded_runs
from guardproxy.core.canonical.signs import morse, spelled
from guardproxy.core.canonical.smuggle import smuggled
from guardproxy.core.findings import Span

_RIVALS = (4, 2, 1, 1)  # sets of rival readings, by depth
_NARROW = {
    "decoded:binary": 1.0,
    "decoded:hex": 0.5,
    "decoded:decimal": 0.3,
    "decoded:base32": 0.2,
    "decoded:base32hex": 0.1,
    "decoded:octal": 0.3,
    "decoded:rot47": -0.4,
}
"""The fewer signs an alphabet has, the less a run is one by chance."""
LAST_RIVAL = 2
"""The depth from which on a view has one reading only."""
_SURE = 1.0
_LONG = 4
_LONG_RUN = 24
_ESCAPED = 2.0  # rank of escapes and of alphabets of signs, which stand for single characters
_HOLDS_MORE = 8  # characters that another encoding needs; most of what is decoded by chance is shorter
_CONTEXT = 300  # characters kept around what was decoded; the rest of a long text was read at the level above


@dataclass(frozen=True, slots=True)
class Level:
    """A decoded view, and the places of the original it was decoded from.

    `fresh`: those that may hold another encoding, where to look on the next level. `sure`: those that hardly decoded by
    chance. `shown`: where the fresh places stand in the view, if that is as simple as where the edits stand.
    `likely`: this reading and those it came from are the likeliest of their rivals, and sure;
    `certain`: all places are.
    """

    view: View
    fresh: tuple[Span, ...]
    sure: tuple[Span, ...]
    likely: bool = True
    certain: bool = True
    shown: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What to decode: the text as it came (hidden characters tell), the same without them, how deep it lies.

    `fresh` limits the search to places that the level above decoded; None for the whole text. `shown`: where they
    stand in the text without hidden characters, if known.
    """

    view: View
    visible: View
    depth: int
    fresh: tuple[Span, ...] | None = None
    shown: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    edit: Edit
    name: str
    rank: float


def decoded(source: Source, budget: Budget) -> list[Level]:
    """The readings one level down, likeliest first."""
    visible = source.visible
    near = _near(visible, source.fresh, source.shown)
    found = _within(_found(visible.text, budget, near), visible, source.fresh)
    levels = [_level(visible, picked) for picked in _choices(found, _RIVALS[source.depth])]
    turned = [f for f in found if f.name == "decoded:rot47"]
    if len(turned) > 1 and not source.depth:  # the weakest of its rivals, word by word; a row of words is no accident
        levels += [_level(visible, _disjoint(row)) for row in (turned, sorted(turned, key=_size))]
    if source.view.text.isascii():
        return levels
    for name, edits in smuggled(source.view.text):
        hidden = [_Found(e, f"decoded:{name}", 1.0) for e in edits]
        picked = _within(hidden, source.view, source.fresh)
        if picked:
            levels.append(_level(source.view, picked))
    return levels


def decoded_anew(before: View, view: View, budget: Budget) -> list[Level]:
    """The levels of a view that was made from another one, if anything decodes where their words differ.

    Else what decodes in it decodes in the other as well, and is read there.
    """
    known = before.text.split()
    pairs = set(pairwise(["", *known, ""]))
    words = [m.span() for m in CHUNK.finditer(view.text)]
    made = view.text.split()
    changed = [n for n, pair in enumerate(pairwise(["", *made, ""])) if pair not in pairs]
    shown = tuple(Span(words[max(0, n - 1)][0], words[min(n, len(words) - 1)][1]) for n in changed)
    near = _near(view, shown, shown)
    if not any(near is None or near(f.edit.start, f.edit.end) for f in _found(view.text, budget, near)):
        return []
    return decoded(Source(view, view, LAST_RIVAL), budget)


def _found(text: str, budget: Budget, near: Near | None) -> list[_Found]:
    found: list[_Found] = []
    for order, (name, edits) in enumerate(escapes(text)):
        found += [_Found(e, f"decoded:{name}", 3.0 - order) for e in edits]
    listed = [(name, e) for name, edits in code_lists(text, near) for e in edits]
    for name, edit in (*encoded_runs(text, budget, near), *listed):
        length = min(_LONG_RUN, edit.end - edit.start) / (2 * _LONG_RUN)  # a whole run before its parts
        found.append(_Found(edit, name, quality(edit.new) + _NARROW.get(name, 0) + length))
    found += [_Found(e, "decoded:morse", 2.0) for e in morse(text)]
    found += [_Found(e, "decoded:nato", 2.0) for e in spelled(text)]
    return found


def _near(view: View, fresh: tuple[Span, ...] | None, known: tuple[Span, ...] | None) -> Near | None:
    """May a stretch of the view come from one of the places? None when all do."""
    if fresh is None:
        return None
    shown = [view.offsets.shown(f) for f in fresh] if known is None else known
    starts, ends = [s.start for s in shown], [s.end for s in shown]

    def near(start: int, end: int) -> bool:
        at = bisect_right(ends, start)
        return at < len(starts) and starts[at] < end

    return near


def _within(found: list[_Found], view: View, fresh: tuple[Span, ...] | None) -> list[_Found]:
    if fresh is None or not found:
        return found
    ends = [f.end for f in fresh]
    kept = []
    for item in found:
        place = view.original(item.edit.start, item.edit.end)
        at = bisect_right(ends, place.start)
        if at < len(fresh) and fresh[at].start < place.end:
            kept.append(item)
    return kept


def _choices(found: list[_Found], most: int) -> list[list[_Found]]:
    """Sets of replacements that do not overlap. Each rival reading is in at least one of the first sets."""
    ranked = sorted(found, key=lambda f: (-f.rank, f.edit.start))
    left = ranked
    out: list[list[_Found]] = []
    while left and len(out) < most:
        waiting = set(map(id, left))
        picked = _disjoint([*left, *(f for f in ranked if id(f) not in waiting)])
        out.append(picked)
        chosen = set(map(id, picked))
        left = [f for f in left if id(f) not in chosen]
    return out


def _disjoint(ranked: list[_Found]) -> list[_Found]:
    """Greedy by rank."""
    starts: list[int] = []
    taken: list[_Found] = []
    for item in ranked:
        at = bisect_left(starts, item.edit.start)
        free_before = not at or taken[at - 1].edit.end <= item.edit.start
        if free_before and (at == len(taken) or item.edit.end <= starts[at]):
            starts.insert(at, item.edit.start)
            taken.insert(at, item)
    return taken


def _size(item: _Found) -> int:
    return item.edit.end - item.edit.start


def _level(view: View, picked: list[_Found]) -> Level:
    best = max(picked, key=lambda f: f.rank)
    edits: list[Edit] = []
    fresh: list[Span] = []
    shown: list[Span] = []
    sure: list[Span] = []
    at = moved = 0
    for item in picked:
        edit = item.edit
        cut = _cut(at, edit.start, last=False)
        moved += sum(len(c.new) - c.end + c.start for c in cut)
        edits += (*cut, edit)
        at = edit.end
        size = len(edit.new)
        certain = item.rank >= _SURE and size >= _LONG
        new = item.rank >= _ESCAPED or size >= _HOLDS_MORE
        if certain or new:
            place = view.original(edit.start, edit.end)
            sure += [place] * certain
            fresh += [place] * new
            if new:
                shown.append(Span(edit.start + moved, edit.start + moved + size))
        moved += size - (at - edit.start)
    edits += _cut(at, len(view.text), last=True)
    return Level(
        edited(view, best.name, edits),
        tuple(fresh),
        tuple(sure),
        certain=len(sure) == len(picked),
        shown=tuple(shown) if view.offsets is SAME else None,
    )


def _cut(start: int, end: int, *, last: bool) -> list[Edit]:
    """Far context is left out; a sentence end stands for it."""
    first = start + (_CONTEXT if start else 0)
    stop = end - (0 if last else _CONTEXT)
    return [Edit(first, stop, ". ")] if stop - first > _CONTEXT else []
