"""Patterns of rules: are they RE2, do they say something, can they grow without end (GP214, GP215, GP713)?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import re2

from guardproxy.core.rules import Source
from guardproxy.policy.problems import Problems
from guardproxy.policy.reader import Node
from guardproxy.policy.shaped import shaped

LONGEST = 1_000
_MEMORY = 8 << 20
PROBES = (
    "The library opens at nine on weekdays.",
    "Please water the plants before you leave.",
    "A short walk after lunch clears the head.",
    "Trains to the coast run twice every hour.",
    "She painted the old fence in pale green.",
)
"""Plain sentences that no useful rule finds something in, each and every one."""

_CONSTRUCTS = (
    ("(?=", "look-ahead"),
    ("(?!", "look-ahead"),
    ("(?<=", "look-behind"),
    ("(?<!", "look-behind"),
    ("(?>", "an atomic group"),
    ("(?P=", "a back-reference"),
    ("(?P>", "a recursive group"),
    ("(?R", "a recursive group"),
    ("(?#", "a comment"),
    ("(?|", "a branch reset"),
    ("(?(", "a condition"),
    ("(?&", "a recursive group"),
)
_WAY_OUT = {
    "look-ahead": "match what surrounds it too, or write two rules",
    "look-behind": "match what surrounds it too, or write two rules",
    "a back-reference": "write the alternatives out",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression outside of classes: an escape, an opening group, or one character."""

    text: str
    at: int


@shaped({"type": "string", "minLength": 1, "maxLength": LONGEST})
def pattern(node: Node, problems: Problems) -> str | None:
    """The expression, if RE2 reads it and it says something."""
    source = node.value
    if not isinstance(source, str):
        problems.error("GP105", node.place, "a pattern in single quotes is expected")
        return None
    if not 1 <= len(source) <= LONGEST:
        problems.error("GP108", node.place, f"the pattern has {len(source):,} characters, 1 to {LONGEST:,} are allowed")
        return None
    compiled = _compiled(source)
    if isinstance(compiled, str):
        _not_re2(node, source, compiled, problems)
        return None
    if compiled.search("") is not None:
        problems.error("GP215", node.place, "the pattern matches the empty text", "demand at least one character")
        return None
    if all(compiled.search(probe) for probe in PROBES):
        message = "the pattern is found in every plain sentence"
        problems.error("GP215", node.place, message, "say more of what is looked for")
        return None
    if not bounded(source):
        hint = "give an upper length such as {3,40}; a growing match counts as one at streaming.longest_match"
        problems.warning("GP713", node.place, "the pattern has no upper length", hint)
    return source


def bounded(source: str) -> bool:
    """No `+`, `*` or `{3,}` outside of classes."""
    tokens = list(tokenised(source))
    for token in tokens:
        if token.text in ("+", "*"):
            return False
        if token.text == "{" and _open_ended(source[token.at :]):
            return False
    return True


def tokenised(source: str) -> Iterator[Token]:
    r"""Escapes whole, classes left out, `\Q…\E` left out."""
    at = 0
    while at < len(source):
        if source.startswith("\\Q", at):
            end = source.find("\\E", at)
            at = len(source) if end < 0 else end + 2
        elif source[at] == "\\":
            yield Token(source[at : at + 2], at)
            at += 2
        elif source[at] == "[":
            at = _class_end(source, at)
        else:
            opening = next((mark for mark, _ in _CONSTRUCTS if source.startswith(mark, at)), source[at])
            yield Token(opening, at)
            at += len(opening)


def _class_end(source: str, at: int) -> int:
    """The place after a class; a `]` that stands first belongs to it."""
    at += 2 if source[at + 1 : at + 2] == "^" else 1
    if source[at : at + 1] == "]":
        at += 1
    while at < len(source) and source[at] != "]":
        if source.startswith("[:", at) and ":]" in source[at:]:
            at = source.index(":]", at) + 2
        else:
            at += 2 if source[at] == "\\" else 1
    return at + 1


def _open_ended(rest: str) -> bool:
    inside, closed, _ = rest[1:].partition("}")
    low, comma, high = inside.partition(",")
    return bool(closed and comma and low.isdigit() and not high)


def _compiled(source: str) -> re2._Regexp | str:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        said = error.args[0] if error.args else "not RE2"
        return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _not_re2(node: Node, source: str, said: str, problems: Problems) -> None:
    construct, at = _named(source) or (said, _guessed(source, said))
    hint = _WAY_OUT.get(construct, "RE2 syntax: github.com/google/re2/wiki/Syntax")
    message = f"not RE2: {construct} at character {at + 1}"
    problems.error("GP214", _inside(node, source, at), message, hint)


def _named(source: str) -> tuple[str, int] | None:
    """The first construct that other engines have and RE2 has not."""
    before = ""
    for token in tokenised(source):
        for mark, name in _CONSTRUCTS:
            if token.text == mark:
                return name, token.at
        if token.text[0] == "\\" and token.text[1:] and token.text[1] in "123456789gk":
            return "a back-reference", token.at
        if token.text == "+" and before in ("*", "+", "?", "}"):
            return "a possessive quantifier", token.at
        before = token.text
    return None


def _guessed(source: str, said: str) -> int:
    """Where the piece stands that RE2 quotes at the end of its message."""
    piece = said.rpartition(": ")[2]
    return max(source.find(piece), 0) if piece else 0


def _inside(node: Node, source: str, at: int) -> Source:
    """The place of a character of the pattern, where the file shows it one to one."""
    if node.style == "'":
        at += 1 + source[:at].count("'")
    elif node.style == '"' and "\\" not in source:
        at += 1
    elif node.style:
        return node.place
    return Source(node.place.file, node.line, node.column + at)
