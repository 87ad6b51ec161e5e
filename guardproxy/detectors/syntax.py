"""RE2 expressions as trees, to derive two others: the beginnings of what one matches, and the same read backwards.

`growing` matches every beginning of every match, the empty one included: text that ends in one may still become
a match. `backwards` matches the reversed matches. Only the constructs of RE2 are known; what RE2 refuses never
comes here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_ASSERTIONS = ("\\b", "\\B", "\\A", "\\z", "^", "$")


@dataclass(frozen=True, slots=True)
class One:
    """One character or class, as written."""

    source: str


@dataclass(frozen=True, slots=True)
class Empty:
    """An assertion, as written: it takes no character."""

    source: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of them."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`least` to `most` of one; no `most`: without end."""

    part: Node
    least: int
    most: int | None
    lazy: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """A group under flags, such as `i`."""

    flags: str
    part: Node


@dataclass(frozen=True, slots=True)
class _Count:
    """How often, and how many characters say so."""

    least: int
    most: int | None
    size: int


_SIGNS = {"*": _Count(0, None, 1), "+": _Count(1, None, 1), "?": _Count(0, 1, 1)}

Node = One | Empty | Sequence | Choice | Repeat | Flagged


def parse(source: str) -> Node:
    """The tree of an expression that RE2 accepts."""
    return _Parser(source).choice()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def _peek(self, text: str) -> bool:
        return self._source.startswith(text, self._at)

    def _take(self, count: int) -> str:
        taken = self._source[self._at : self._at + count]
        self._at += count
        return taken

    def choice(self) -> Node:
        parts = [self._sequence()]
        while self._peek("|"):
            self._take(1)
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._source) and self._source[self._at] not in "|)":
            flags = self._loose_flags()
            if flags:
                parts.append(Flagged(flags, self.choice()))
                break
            if self._peek("\\Q"):
                parts += self._quoted()
                continue
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _loose_flags(self) -> str:
        """`(?i)` holds for the rest of its group."""
        end = self._source.find(")", self._at)
        inner = self._source[self._at + 2 : end]
        if not self._peek("(?") or end < 0 or not inner or not all(c in "imsU-" for c in inner):
            return ""
        self._at = end + 1
        return inner

    def _quoted(self) -> list[Node]:
        end = self._source.find("\\E", self._at)
        end = len(self._source) if end < 0 else end
        literal = self._source[self._at + 2 : end]
        self._at = min(len(self._source), end + 2)
        return [One(f"\\x{{{ord(c):x}}}") for c in literal]

    def _atom(self) -> Node:
        if self._peek("("):
            return self._group()
        if self._peek("["):
            return One(self._take(self._class_end() - self._at))
        for assertion in _ASSERTIONS:
            if self._peek(assertion):
                return Empty(self._take(len(assertion)))
        if self._peek("\\"):
            return One(self._take(self._escape_length()))
        return One(self._take(1))

    def _group(self) -> Node:
        self._take(1)
        flags = ""
        if self._peek("?P<") or self._peek("?<"):
            self._at = self._source.index(">", self._at) + 1
        elif self._peek("?"):
            end = self._source.index(":", self._at)
            flags = self._source[self._at + 1 : end]
            self._at = end + 1
        inner = self.choice()
        self._take(1)
        return Flagged(flags, inner)

    def _class_end(self) -> int:
        at = self._at + 1
        at += self._source.startswith("^", at)
        at += self._source.startswith("]", at)
        while self._source[at] != "]":
            if self._source.startswith("[:", at) and ":]" in self._source[at:]:
                at = self._source.index(":]", at) + 2
            else:
                at += 2 if self._source[at] == "\\" else 1
        return at + 1

    def _escape_length(self) -> int:
        following = self._source[self._at + 1 : self._at + 2]
        if following in "pPx" and self._source.startswith("{", self._at + 2):
            return self._source.index("}", self._at) + 1 - self._at
        if following in "pP":
            return 3
        if following == "x":
            return 4
        length = 2
        while following.isdigit() and length < 4 and self._source[self._at + length : self._at + length + 1].isdigit():
            length += 1
        return length

    def _repeated(self, part: Node) -> Node:
        while True:
            count = _SIGNS.get(self._source[self._at : self._at + 1]) or self._counted()
            if count is None:
                return part
            self._take(count.size)
            lazy = self._take(1) if self._peek("?") else ""
            part = Repeat(part, count.least, count.most, lazy)

    def _counted(self) -> _Count | None:
        end = self._source.find("}", self._at)
        if not self._peek("{") or end < 0:
            return None
        low, comma, high = self._source[self._at + 1 : end].partition(",")
        if not low.isdigit() or (high and not high.isdigit()):
            return None
        most = int(high) if high else (None if comma else int(low))
        return _Count(int(low), most, end + 1 - self._at)


def written(node: Node) -> str:
    """The expression again."""
    return _render(node, _same)


def backwards(node: Node) -> str:
    """Matches what `node` matches, read from right to left."""
    return _render(node, _turned)


def _same(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    return parts


def _turned(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    return parts[::-1]


_MIRRORED = {"^": "$", "$": "^", "\\A": "\\z", "\\z": "\\A"}


def _render(node: Node, order: Callable[[tuple[Node, ...]], tuple[Node, ...]]) -> str:
    match node:
        case One(source):
            return source
        case Empty(source):
            return _MIRRORED.get(source, source) if order is _turned else source
        case Sequence(parts):
            return "".join(_render(p, order) for p in order(parts))
        case Choice(parts):
            return "(?:" + "|".join(_render(p, order) for p in parts) + ")"
        case Repeat(part, least, most, lazy):
            return f"(?:{_render(part, order)}){_count(least, most)}{lazy}"
        case Flagged(flags, part):
            return f"(?{flags}:{_render(part, order)})"


def _count(least: int, most: int | None) -> str:
    if most is None:
        return "*" if least == 0 else "+" if least == 1 else f"{{{least},}}"
    return f"{{{least},{most}}}"


def growing(node: Node) -> str:
    """Matches every beginning of a match, the empty one and the whole one included."""
    match node:
        case One(source):
            return f"(?:{source})?"
        case Empty():
            return ""
        case Sequence(parts):
            out = ""
            for part in reversed(parts):
                here = growing(part)
                out = f"(?:{written(part)}{out}|{here})" if out else here
            return out
        case Choice(parts):
            return "(?:" + "|".join(growing(p) for p in parts) + ")"
        case Repeat(part, _, most, _):
            inner = growing(part)
            if most == 0:
                return ""
            before = "" if most == 1 else f"(?:{written(part)}){_count(0, None if most is None else most - 1)}"
            return f"{before}{inner}"
        case Flagged(flags, part):
            return f"(?{flags}:{growing(part)})"


def endless(node: Node) -> bool:
    """Has the expression no upper length? (GP713)"""
    match node:
        case Repeat(part, _, most, _):
            return most is None or endless(part)
        case Sequence(parts) | Choice(parts):
            return any(endless(p) for p in parts)
        case Flagged(_, part):
            return endless(part)
        case _:
            return False
