"""Text rules that look at characters only, in every language: R13, R18, R20, and GP503, GP504."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import category

import re2

from guardproxy.core.refusal import PLACEHOLDERS

LONGEST_TEXT = 1_200

_NAMED = re2.compile(r"\{([a-z_]+)\}")
_NUMBER = re2.compile(r"\p{Nd}(?:[ ./()-]{0,2}\p{Nd}){2,}")
_ADDRESS = re2.compile(
    r"(?i)(?:[a-z]{2,10}://|www\.|mailto:|tel:)\S+|\S+@\S+\.\p{L}{2,}"
    r"|\b[\p{L}\p{N}-]{2,}\.(?:com|org|net|info|io|de|fr|es|eu|uk|ch|at|cn|gov|edu|app|dev|ai|me|us)\b"
)
_MARKUP = re2.compile(
    r"(?im)</?[a-z!][^<>\n]{0,200}>|<[a-z/!]|&(?:[a-z]{2,8}|#[0-9a-f]{1,6});|!?\[[^\]\n]*\]\([^)\n]*\)|```|~~~"
    r"|^(?:<<<<<<<|=======|>>>>>>>|\+\+\+ |--- |@@ |diff --git|#{1,6} )"
)
_SHOUT = re2.compile(r"(?:^|[^\p{L}\p{N}{$])(\p{Lu}{4,})(?:$|[^\p{L}\p{N}}])")
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e")
_ISOLATED = ("{reference}", "{appeal_url}", "{policy_url}")
_RIGHT_TO_LEFT = frozenset({"ar", "he", "fa", "ur"})


@dataclass(frozen=True, slots=True)
class TextProblem:
    """One broken text rule. `severity` is `error` or `warning`."""

    code: str
    severity: str
    message: str
    hint: str = ""

    @property
    def is_error(self) -> bool:
        """True when a policy with this text must not load."""
        return self.severity == "error"


def error(code: str, message: str, hint: str = "") -> TextProblem:
    return TextProblem(code, "error", message, hint)


def warning(code: str, message: str, hint: str = "") -> TextProblem:
    return TextProblem(code, "warning", message, hint)


def check_characters(text: str, locale: str, *, emoji_allowed: bool = False) -> Iterator[TextProblem]:
    """Everything that can be said of a text without knowing its language."""
    yield from _length(text)
    yield from _plain(text)
    text = encodable(text)
    yield from _placeholders(text)
    yield from _addresses(text)
    yield from _emphasis(text, emoji_allowed=emoji_allowed)
    if locale.partition("-")[0] in _RIGHT_TO_LEFT:
        yield from _isolates(text)


def encodable(text: str) -> str:
    """Unpaired surrogates, already reported, would stop RE2."""
    return text.encode("utf-8", "replace").decode("utf-8")


def unknown_placeholder(text: str) -> str | None:
    """The first `{name}` of lower-case letters that is not in the closed list."""
    return next((m.group(1) for m in _NAMED.finditer(text) if m.group(1) not in PLACEHOLDERS), None)


def without_markup(text: str) -> str:
    """The text without tags and without control and direction characters."""
    return "".join(c for c in _MARKUP.sub("", encodable(text)) if c == "\n" or category(c) not in ("Cc", "Cf", "Cs"))


def _length(text: str) -> Iterator[TextProblem]:
    if not text.strip():
        yield error("GP504", "the text is empty", "write the sentence people will read")
    if len(text) > LONGEST_TEXT:
        yield error("GP504", f"the text has {len(text)} characters, at most {LONGEST_TEXT} fit", "say it shorter")


def _plain(text: str) -> Iterator[TextProblem]:
    """R20. Control characters are named by number: the report itself must stay printable."""
    for letter in dict.fromkeys(text):
        kind = category(letter)
        if letter != "\n" and (kind in ("Cc", "Cs") or letter in _OVERRIDES or letter in "\u2028\u2029"):
            yield error(
                "GP620", f"the character U+{ord(letter):04X} has no place in a text", "plain text and line feeds"
            )
            return
    found = _MARKUP.search(encodable(text))
    if found:
        yield error("GP620", f'"{found.group(0).strip()}" is markup', "texts are shown as they stand: write plain text")


def _placeholders(text: str) -> Iterator[TextProblem]:
    name = unknown_placeholder(text)
    if name is not None:
        known = ", ".join(f"{{{p}}}" for p in PLACEHOLDERS)
        yield error("GP503", f'unknown placeholder "{{{name}}}"', f"there are: {known}")


def _addresses(text: str) -> Iterator[TextProblem]:
    """R18: numbers and links come from data with an expiry date, never from a text."""
    found = _ADDRESS.search(text)
    if found:
        yield error("GP618", f'"{found.group(0)}" is an address', "use {appeal_url} or {policy_url}")
    number = _NUMBER.search(text)
    if number:
        yield error("GP618", f'"{number.group(0)}" reads like a telephone number', "use {helpline}")


def _emphasis(text: str, *, emoji_allowed: bool) -> Iterator[TextProblem]:
    """R13."""
    shout = _SHOUT.search(text)
    if shout:
        yield warning("GP613", f'"{shout.group(1)}" shouts', "write it in small letters")
    if any(mark in text for mark in "!！¡"):
        yield warning("GP613", "an exclamation mark", "end the sentence with a full stop")
    if not emoji_allowed and any(category(c) == "So" for c in text):
        yield warning("GP613", "an emoji or symbol", "only the warm tone may have one")


def _isolates(text: str) -> Iterator[TextProblem]:
    for placeholder in _ISOLATED:
        at = text.find(placeholder)
        closed = text[at - 1 : at] in "\u2066\u2067\u2068" and text[at + len(placeholder) :][:1] == "\u2069"
        if at >= 0 and not (at > 0 and closed):
            yield error("GP620", f"{placeholder} stands without bidi isolates", "put U+2068 before and U+2069 after it")
            return
