"""RE2 patterns of rules, many at once.

hyperscan says in one pass which patterns may be there at all (its cost hardly depends on their number); RE2
says where. So both engines find the same by construction, and a pattern hyperscan cannot compile is just asked
always. Measured: `performance.md` 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import hyperscan
import re2

from guardproxy.core.canonical.cipher import ROTATIONS
from guardproxy.core.canonical.offsets import View
from guardproxy.core.findings import Span
from guardproxy.detectors.shape import MEMORY
from guardproxy.detectors.syntax import backwards, growing, parse

GOES_ON = "\ue000"
"""Stands behind a text that is not at its end, so that `$` does not match there."""
_FEW = 4
_TOGETHER = 40
_NONE: list[int] = []


@dataclass(frozen=True, slots=True)
class PatternHit:
    """A match of the pattern of rule number `rule`, at a place of the original."""

    rule: int
    span: Span
    view: str


@dataclass(frozen=True, slots=True)
class Around:
    """One character before the text, if there is one, and `GOES_ON` behind it unless it is at its end."""

    left: str = ""
    right: str = ""


ALONE = Around()


class PatternSet:
    """All patterns of all pattern rules, forwards, backwards and under ROT13."""

    def __init__(self, patterns: Sequence[tuple[int, str]], engine: str = "auto") -> None:
        trees = [parse(source) for _, source in patterns]
        self._numbers = [number for number, _ in patterns]
        forward, backward = [source for _, source in patterns], [backwards(tree) for tree in trees]
        self._forward, self._backward = _Finder(forward), _Finder(backward)
        wanted = engine == "hyperscan" or (engine == "auto" and len(patterns) > _FEW)
        self._filter = _Filter([*forward, *backward]) if wanted and patterns else None
        starts = [growing(tree) for tree in trees]
        ends = [growing(parse(backwards(tree))) for tree in trees]
        self._growing = [_growing([g]) for g in starts]
        self._forward_growth = [_growing(starts[i : i + _TOGETHER]) for i in range(0, len(starts), _TOGETHER)]
        self._backward_growth = [_growing(ends[i : i + _TOGETHER]) for i in range(0, len(ends), _TOGETHER)]

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def find(self, view: View, around: Around = ALONE) -> Iterator[PatternHit]:
        """Every match in one view, read forwards, backwards and under ROT13; leftmost first, not overlapping."""
        text, turned = view.text, view.text.translate(ROTATIONS[13])
        forward, backward = self._asked(text, around)
        for number, start, end in self._forward.spans(text, around, forward):
            yield PatternHit(self._numbers[number], view.original(start, end), view.name)
        for number, start, end in self._backward.spans(text, around, backward):
            yield PatternHit(self._numbers[number], view.original(start, end), "decoded:reversed")
        for number, start, end in self._forward.spans(turned, around, self._asked(turned, around)[0]):
            yield PatternHit(self._numbers[number], view.original(start, end), "decoded:rot13")

    def _asked(self, text: str, around: Around) -> tuple[Sequence[int], Sequence[int]]:
        """Which expressions are worth asking, forwards and backwards: one pass over the text for both."""
        count = len(self._numbers)
        if self._filter is None:
            return range(count), range(count)
        found = self._filter.candidates(around.left + text + around.right)
        return [n for n in found if n < count], [n - count for n in found if n >= count]

    def grows_from(self, text: str, left: str) -> int:
        """Where the earliest stretch begins that ends the text and may still become a match; the length if none."""
        turned = text.translate(ROTATIONS[13])
        best = len(text)
        for given, growths in (
            (text, self._forward_growth),
            (text, self._backward_growth),
            (turned, self._forward_growth),
        ):
            for growth in growths:
                best = min(best, _start(growth, given, left))
        return best

    def growing_rules(self, text: str, left: str) -> list[int]:
        """Rule numbers whose pattern grows from the very start of the text to its end."""
        return [n for n, g in zip(self._numbers, self._growing, strict=True) if _start(g, text, left) == 0]


def _start(growth: re2._Regexp, text: str, left: str) -> int:
    match = growth.search(left + text, len(left))
    return match.start() - len(left) if match else len(text)


def _growing(sources: Sequence[str]) -> re2._Regexp:
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    try:
        return re2.compile(f"(?:{'|'.join(f'(?:{s})' for s in sources)})\\z", options)
    except re2.error:
        return re2.compile(r"(?s:.*)\z")  # too large to follow: everything is held


class _Finder:
    """Some expressions, searched in one text."""

    def __init__(self, sources: Sequence[str]) -> None:
        options = re2.Options()
        options.max_mem = MEMORY
        options.log_errors = False
        self._expressions = [re2.compile(source, options) for source in sources]

    def spans(self, text: str, around: Around, asked: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """`(expression, start, end)` of the expressions asked for; empty matches are none."""
        if not asked:
            return
        given = around.left + text + around.right
        skip = len(around.left)
        for number in asked:
            for match in self._expressions[number].finditer(given, skip):
                start, end = match.start() - skip, min(match.end() - skip, len(text))
                if start < end:
                    yield number, start, end


class _Filter:
    """Which expressions may match at all, by hyperscan in block mode. Scratch space is one a caller at a time."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._always: list[int] = []
        good: list[tuple[bytes, int]] = []
        for number, source in enumerate(sources):
            if _compiles(source):
                good.append((source.encode(), number))
            else:
                self._always.append(number)
        self._database = _database(good) if good else None
        self._scratches: list[hyperscan.Scratch] = []

    def candidates(self, text: str) -> list[int]:
        """Numbers of the expressions worth asking RE2 about, in order."""
        if self._database is None:
            return self._always
        found = set(self._always)
        try:
            scratch = self._scratches.pop()
        except IndexError:  # asked, not looked up before: another thread may take the last one in between
            scratch = hyperscan.Scratch(self._database)
        self._database.scan(
            text.encode("utf-8", "replace"), match_event_handler=_on_match, context=found, scratch=scratch
        )
        self._scratches.append(scratch)
        return sorted(found) if found else _NONE


def _on_match(number: int, _start: int, _end: int, _flags: int, found: object) -> None:
    cast("set[int]", found).add(number)


def _flags() -> int:
    return int(hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY)


def _compiles(source: str) -> bool:
    try:
        _database([(source.encode(), 0)])
    except hyperscan.error:
        return False
    return True


def _database(expressions: Sequence[tuple[bytes, int]]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[source for source, _ in expressions],
        ids=[number for _, number in expressions],
        elements=len(expressions),
        flags=[_flags()] * len(expressions),
    )
    return database
