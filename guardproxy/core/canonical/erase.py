"""What a terminal or a renderer would show: backspaces rub out, colours vanish, overrides turn letters round."""

from __future__ import annotations

from dataclasses import dataclass, field

from guardproxy.core.canonical.fixed import fixed
from guardproxy.core.canonical.offsets import Edit, View, edited, permuted

_ERASERS = ("\b", "\x7f", "^H")
_LONGEST_SEQUENCE = 32
_ERASURE = fixed(rf"\x1b\[[!-?]{{0,{_LONGEST_SEQUENCE - 2}}}[@-~]|[\b\x7f]|\^H")
"""A terminal sequence `ESC [ … letter`, or an eraser."""
_OVERRIDES = "\u202d\u202e"
_EMBEDDINGS = "\u202a\u202b"
_ISOLATES = "\u2066\u2067\u2068"
_BACKWARDS = "\u202e"
_POP, _END = "\u202c", "\u2069"
_BIDI = frozenset(_OVERRIDES + _EMBEDDINGS + _ISOLATES + _POP + _END)
_DEEPEST = 60


def erased(view: View) -> View:
    """Letters that a backspace rubs out and terminal sequences are gone; the same view without either.

    Nothing is rubbed out past white space. `^H` is how a backspace is written for others to see.
    """
    text = view.text
    if not any(sign in text for sign in (*_ERASERS, "\x1b[")):
        return view
    edits: list[Edit] = []
    kept: list[tuple[int, int]] = []  # stretches that are still shown
    at = 0
    for match in _ERASURE.finditer(text):
        if match.start() > at:
            kept.append((at, match.start()))
        at = match.end()
        edits.append(Edit(match.start(), at, ""))
        if match[0] in _ERASERS and kept and not text[kept[-1][1] - 1].isspace():
            start, end = kept.pop()
            edits.append(Edit(end - 1, end, ""))
            if start < end - 1:
                kept.append((start, end - 1))
    return edited(view, "erased", sorted(edits, key=lambda e: e.start))


@dataclass(slots=True)
class _Run:
    """A stretch between a control and its end: places of characters, and stretches inside."""

    opened: str
    backwards: bool
    parts: list[int | _Run] = field(default_factory=list)


def shown_in_order(view: View) -> View:
    """The characters in the order in which overrides show them; the same view without overrides."""
    text = view.text
    if text.isascii() or _BACKWARDS not in text:
        return view
    order: list[int] = []
    start = 0
    for line in text.splitlines(keepends=True):
        end = start + len(line.rstrip("\r\n"))
        order += _line_order(text, start, end) if _BACKWARDS in line else range(start, end)
        order += range(end, start + len(line))
        start += len(line)
    return permuted(view, "shown", order)


def _line_order(text: str, start: int, end: int) -> list[int]:
    """Places of the line's visible characters as they are shown; controls are left out."""
    root = _Run("", backwards=False)
    open_runs = [root]
    for at in range(start, end):
        c = text[at]
        if c not in _BIDI:
            open_runs[-1].parts.append(at)
        elif c in {_POP, _END}:
            _close(open_runs, _ISOLATES if c == _END else _OVERRIDES + _EMBEDDINGS)
        elif len(open_runs) < _DEEPEST:
            run = _Run(c, backwards=c == _BACKWARDS)
            open_runs[-1].parts.append(run)
            open_runs.append(run)
    return _laid_out(root)


def _close(open_runs: list[_Run], kinds: str) -> None:
    """Ends the innermost stretch of the kind; an isolate takes what is open inside with it."""
    number = len(open_runs) - 1
    while number and open_runs[number].opened not in kinds:
        if kinds != _ISOLATES:
            return
        number -= 1
    if number:
        del open_runs[number:]


def _laid_out(run: _Run) -> list[int]:
    out: list[int] = []
    for part in reversed(run.parts) if run.backwards else run.parts:
        if isinstance(part, int):
            out.append(part)
        else:
            out += _laid_out(part)
    return out
