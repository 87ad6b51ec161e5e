"""All readings of a text: plain, folded, unmarked, joined, and the same of what it decodes to, three levels deep."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from guardproxy.core.canonical.cipher import (
    ATBASH,
    ROTATIONS,
    mixed,
    reversed_view,
    styled,
    translated,
    turned,
    wide_leet,
)
from guardproxy.core.canonical.codecs import Budget
from guardproxy.core.canonical.decode import Level, Source, decoded, decoded_anew
from guardproxy.core.canonical.erase import erased, shown_in_order
from guardproxy.core.canonical.fold import VISIBLE, folded, key_words, odd_signs, plain
from guardproxy.core.canonical.join import dehyphened, joined, may_have_runs, single_runs
from guardproxy.core.canonical.offsets import Mapped, PieceMaker, View
from guardproxy.core.canonical.strip import side_by_side, unmarked
from guardproxy.core.findings import Span

DEEPEST = 3
"""Nested encodings that are opened; the next one is refused unread."""
_RARELY = (turned, mixed, styled, shown_in_order, wide_leet)
_LETTERED = frozenset({"decoded:nato", "decoded:morse", "decoded:a1z26"})  # spelled out: gaps of words are lost


@dataclass(frozen=True, slots=True)
class Reading:
    """A view, and the places of the letters of its runs of single letters.

    `restored`: whole words were made here from pieces (hyphens), so a word may be a phrase without its gaps.
    `likely`: see `decode.Level`.
    """

    view: View
    runs: tuple[tuple[int, ...], ...] = ()
    restored: bool = False
    depth: int = 0
    likely: bool = True


@dataclass(slots=True)
class Readings:
    """What a text can be read as. `over_encoded`: places with more nested encodings than are opened;
    `decoded`: places that decoded to text.
    """

    all: list[Reading] = field(default_factory=list)
    over_encoded: list[Span] = field(default_factory=list)
    decoded: list[Span] = field(default_factory=list)


def readings(text: str) -> Readings:
    """Every reading of the text, without the ciphers that change letter for letter (`ciphers` adds them)."""
    out = Readings()
    if not text.isascii():
        text = text.encode("utf-16-le", "replace").decode("utf-16-le") if _has_surrogates(text) else text
    _read(Level(View("plain", text), (), ()), 0, Budget(len(text)), out)
    return out


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _read(level: Level, depth: int, budget: Budget, out: Readings) -> None:
    view = level.view
    first = len(out.all)
    name = view.name if depth else ""
    normal = plain(view.text, view.offsets)
    _add(out, normal, name, depth, restored=name in _LETTERED)
    seen = {normal.text}
    shown_text = normal if view.text.isascii() else _visible(normal)
    _add(out, shown_text, name, depth, seen)
    visible = erased(view) if level.likely else view
    bare = folded(visible)
    _add(out, bare, name, depth, seen)
    for change in _RARELY if level.likely else _RARELY[:-1]:
        other = change(visible)
        if other is not visible:
            _add(out, folded(other), name, depth, seen)
    if visible is not view:
        _add(out, folded(view), name, depth, seen)
    shown = unmarked(bare, odd_signs(bare.text))
    _add(out, shown, name, depth, seen)
    if not depth:
        _add(out, side_by_side(bare), name, depth, seen)
    _add(out, dehyphened(shown), name, depth, seen, restored=True)
    for other in dict.fromkeys((bare, shown_text)):  # folded, б is 6 to a machine; unfolded, it is the letter
        if other.text != shown.text and may_have_runs(key_words(other.text)):
            out.all.append(Reading(_named(other, "joined", name), _runs(other), depth=depth))
    runs = _runs(shown) if may_have_runs(key_words(shown.text)) else ()
    together = joined(shown, runs) if runs else shown
    if runs:
        out.all.append(Reading(_named(shown, "joined", name), runs, depth=depth))
        _add(out, together, name, depth, seen)
    levels = decoded(_source(level, shown_text, depth), budget) if _opens(level, depth) else []
    if together is not shown and not depth:
        levels += decoded_anew(shown_text, together, budget)
    if not level.likely:
        out.all[first:] = [replace(r, likely=False) for r in out.all[first:]]
    _descend(levels, depth, budget, out, likely_above=level.likely)


def _source(level: Level, visible: View, depth: int) -> Source:
    same = visible.text == level.view.text
    return Source(level.view, visible, depth, level.fresh if depth else None, level.shown if same else None)


def _opens(level: Level, depth: int) -> bool:
    """May there be something to decode?"""
    return not depth or bool(level.fresh)


def _descend(levels: list[Level], depth: int, budget: Budget, out: Readings, *, likely_above: bool) -> None:
    if depth == DEEPEST:
        out.over_encoded += [place for level in levels[:1] for place in level.sure]
        return
    for rank, level in enumerate(levels):
        if not budget.view(len(level.view.text)):
            if not rank:
                out.over_encoded += level.sure[:1]
            return
        if not depth:
            out.decoded += level.sure
        likely = likely_above and not rank and level.certain
        _read(replace(level, likely=likely), depth + 1, budget, out)


def _runs(view: View) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, single_runs(view.text)))


def _visible(view: View) -> View:
    text = view.text.translate(VISIBLE)
    return view if text == view.text else View(view.name, text, Mapped(PieceMaker(view.text, VISIBLE), view.offsets))


def _add(
    out: Readings, view: View, name: str, depth: int, seen: set[str] | None = None, *, restored: bool = False
) -> None:
    if seen is not None:
        if view.text in seen:
            return
        seen.add(view.text)
    out.all.append(Reading(_named(view, view.name, name), restored=restored, depth=depth))


def _named(view: View, kind: str, name: str) -> View:
    """Views of decoded text carry the decoding's name."""
    return View(name or kind, view.text, view.offsets)


def ciphers(view: View) -> list[View]:
    """ROT13, Atbash and reversal of a whole view."""
    return [
        translated(view, "decoded:rot13", ROTATIONS[13]),
        translated(view, "decoded:atbash", ATBASH),
        reversed_view(view),
    ]
