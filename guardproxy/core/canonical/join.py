"""Letters set apart, put together again: hyphens inside words, runs of single letters."""

from __future__ import annotations

import itertools

from guardproxy.core.canonical.fixed import fixed
from guardproxy.core.canonical.fold import has_spaceless, is_spaceless
from guardproxy.core.canonical.offsets import Edit, View, edited
from guardproxy.core.canonical.tables import HYPHENS

SHORTEST_RUN = 3
_LONGEST_GAP = 12  # `', ' ', '` in a list of characters has nine
_EDGE = 200  # characters of a neighbouring word in a script without spaces that may belong to a run


def dehyphened(view: View) -> View:
    """Hyphens and interpuncts inside words removed, also at a line end. The same view when there are none."""
    text = view.text
    edits: list[Edit] = []
    for sign in "-" if text.isascii() else HYPHENS:
        at = text.find(sign)
        while at >= 0:
            end = _wrapped(text, at + 1)
            if at and end < len(text) and text[at - 1].isalnum() and text[end].isalnum():
                edits.append(Edit(at, end, ""))
            at = text.find(sign, end)
    edits.sort(key=lambda e: e.start)
    return edited(view, "joined", edits) if edits else view


def _wrapped(text: str, at: int) -> int:
    """Behind the line break that may follow a hyphen."""
    end = at
    while end < len(text) and end - at < 4 and text[end] in "\r\n\t ":
        end += 1
    return end if "\n" in text[at:end] or "\r" in text[at:end] else at


def may_have_runs(words: list[str]) -> bool:
    """Cheap look at the words of a text: are there enough single letters in a row?"""
    sizes = list(map(len, words))
    if sizes.count(1) < SHORTEST_RUN - 1:
        return False
    singles = [i for i, size in enumerate(sizes) if size == 1]
    row = 1
    for before, at in itertools.pairwise(singles):
        row = row + 1 if at == before + 1 else 1
        if row >= SHORTEST_RUN or (row == SHORTEST_RUN - 1 and is_spaceless(words[at])):
            return True
    return False


def single_runs(text: str) -> list[list[int]]:
    """Places of the letters of each run of single letters: at most eight marks between two of them.

    A run may take in the touching ends of words in scripts without spaces: 关于青 鸟 计 划的.
    """
    if text.isascii() or not has_spaceless(text):
        return [[m.start() for m in _SIGN.finditer(text, *run.span())] for run in _RUN.finditer(text)]
    runs: list[list[int]] = []
    run: list[int] = []
    end = 0
    before = (0, 0)
    for start, stop in _words(text):
        if run and start - end > _LONGEST_GAP:
            _close(runs, run)
            run = []
        if stop - start == 1:
            if not run and start - before[1] <= _LONGEST_GAP:
                run = _tail(text, *before)
            run.append(start)
        elif run:
            run += _head(text, start, stop)
            _close(runs, run)
            run = []
        end, before = stop, (start, stop)
    _close(runs, run)
    return runs


_SINGLE = r"(?<![^\W_])[^\W_](?![^\W_])"
_RUN = fixed(rf"{_SINGLE}(?:[\W_]{{1,{_LONGEST_GAP}}}{_SINGLE}){{{SHORTEST_RUN - 1},}}")
_SIGN = fixed(r"[^\W_]")


def _close(runs: list[list[int]], run: list[int]) -> None:
    if len(run) >= SHORTEST_RUN:
        runs.append(run)


_WORD = fixed(r"[^\W_]+")


def _words(text: str) -> list[tuple[int, int]]:
    return [m.span() for m in _WORD.finditer(text)]


def _tail(text: str, start: int, stop: int) -> list[int]:
    at = stop
    while at > start and stop - at < _EDGE and is_spaceless(text[at - 1]):
        at -= 1
    return list(range(at, stop))


def _head(text: str, start: int, stop: int) -> list[int]:
    at = start
    while at < stop and at - start < _EDGE and is_spaceless(text[at]):
        at += 1
    return list(range(start, at))


def joined(view: View, runs: tuple[tuple[int, ...], ...]) -> View:
    """The runs put together in place: the commonest mark of each run goes, other marks stay."""
    edits: list[Edit] = []
    for run in runs:
        gaps = [(a + 1, b) for a, b in itertools.pairwise(run) if b > a + 1]
        kinds = [view.text[a:b] for a, b in gaps] or [""]
        usual = max(sorted(set(kinds)), key=kinds.count) if len(kinds) < _EDGE else kinds[0]
        edits += [Edit(a, b, "") for (a, b), kind in zip(gaps, kinds, strict=False) if kind == usual]
    return edited(view, "joined", edits) if edits else view
