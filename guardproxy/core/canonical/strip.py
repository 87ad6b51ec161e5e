"""Marks that a renderer eats: HTML, Markdown, BBCode, LaTeX, string concatenation."""

from __future__ import annotations

from guardproxy.core.canonical.offsets import Edit, View, edited

LONGEST_TAG = 300
"""Characters a tag, comment or link target may have; a longer one is text."""

_TRIGGERS = frozenset("<*_~`[\\$|={}")
_QUOTES = "\"'“”‘’«»`"
_GLUE = frozenset("+.&~|<>#")
_GAPS = ("", " ", "\t", "\n", "\r")
_BBCODE = frozenset(
    [
        "b",
        "i",
        "u",
        "s",
        "url",
        "img",
        "size",
        "color",
        "font",
        "quote",
        "code",
        "center",
        "left",
        "right",
        "sub",
        "sup",
        "list",
        "spoiler",
        "em",
        "strong",
    ]
)
_PAIRED = ("*", "$", "||", "==", "^^", "::")


def unmarked(view: View, odd: str) -> View:
    """The text as rendered: what markup cut apart is whole again. The same view when there is nothing to remove.

    `odd`: `fold.odd_signs` of the text.
    """
    text = view.text
    edits: list[Edit] = []
    if not _TRIGGERS.isdisjoint(odd):
        _tags(text, edits)
        _links(text, edits)
        _marks(text, edits)
        _tex(text, edits)
    _concatenated(text, edits)
    clean = _sorted(edits)
    return edited(view, "unmarked", clean) if clean else view


def _sorted(edits: list[Edit]) -> list[Edit]:
    out: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, -e.end)):
        if not out or edit.start >= out[-1].end:
            out.append(edit)
    return out


def _tags(text: str, edits: list[Edit]) -> None:
    at = text.find("<")
    while at >= 0:
        end = _tag_end(text, at)
        if end > at:
            edits.append(Edit(at, end, ""))
        at = text.find("<", max(end, at + 1))


def _tag_end(text: str, at: int) -> int:
    if text.startswith("<!--", at):
        close = text.find("-->", at + 4, at + LONGEST_TAG)
        return close + 3 if close >= 0 else -1
    following = text[at + 1 : at + 2]
    if not (following.isalpha() or following in {"/", "!", "?"}) or not following:
        return -1
    close = text.find(">", at + 1, at + LONGEST_TAG)
    return close + 1 if close >= 0 else -1


def _links(text: str, edits: list[Edit]) -> None:
    at = text.find("](")
    while at >= 0:
        close = text.find(")", at, at + LONGEST_TAG)
        if close >= 0:
            edits.append(Edit(at, close + 1, ""))
            _opening(text, at, edits)
        at = text.find("](", at + 2)
    at = text.find("[")
    while at >= 0:
        close = text.find("]", at, at + 40)
        if close > at and _is_reference(text, at, close):
            edits.append(Edit(at, close + 1, ""))
        at = text.find("[", at + 1)


def _opening(text: str, at: int, edits: list[Edit]) -> None:
    """The bracket that begins the link text, and the `!` of an image, if they stand in the same word."""
    start = text.rfind("[", max(0, at - LONGEST_TAG), at)
    if start < 0 or any(c.isspace() for c in text[start:at]):
        return
    bang = start > 0 and text[start - 1] == "!"
    edits.append(Edit(start - bang, start + 1, ""))


def _is_reference(text: str, at: int, close: int) -> bool:
    """`[^1]`, `[b]`, `[/color]`, and the `[1]` behind a link text."""
    inner = text[at + 1 : close]
    if inner.startswith("^"):
        return True
    if at and text[at - 1] == "]":
        return inner.isalnum() or not inner
    return inner.lstrip("/").split("=")[0].lower() in _BBCODE


def _marks(text: str, edits: list[Edit]) -> None:
    for mark in ("**", "__", "~~", "`"):
        at = text.find(mark)
        while at >= 0:
            end = at + len(mark)
            while text.startswith(mark[0], end):
                end += 1
            edits.append(Edit(at, end, ""))
            at = text.find(mark, end)
    for mark in _PAIRED:
        if mark in text:
            _pairs(text, mark, edits)


def _pairs(text: str, mark: str, edits: list[Edit]) -> None:
    """Marks that count only in pairs inside one word: `bl*ue*finch`, but not `2*3`."""
    places: list[int] = []
    at = text.find(mark)
    while at >= 0:
        if places and any(c.isspace() for c in text[places[-1] : at]):
            _paired(places, mark, edits)
            places = []
        places.append(at)
        at = text.find(mark, at + len(mark))
    _paired(places, mark, edits)


def _paired(places: list[int], mark: str, edits: list[Edit]) -> None:
    if len(places) % 2 == 0:
        edits += [Edit(at, at + len(mark), "") for at in places]


def _tex(text: str, edits: list[Edit]) -> None:
    at = text.find("\\")
    while at >= 0:
        end = at + 1
        while end < len(text) and end - at < 20 and text[end].isascii() and text[end].isalpha():
            end += 1
        if end < len(text) and text[end] == "{":
            edits.append(Edit(at, end + 1, ""))
        elif text[at + 1 : at + 2] not in {"", " ", "\n"}:
            edits.append(Edit(at, at + 2 if text[at + 1] in "-/," else at + 1, ""))
        at = text.find("\\", at + 1)
    if "{" in text or "}" in text:
        edits += [Edit(i, i + 1, "") for i, c in enumerate(text) if c in "{}" and _inside(text, i)]


def _inside(text: str, at: int) -> bool:
    """A brace inside a word, or the brace of a command."""
    if "\\" in text:
        return any(n.isalnum() or n in "{}\\" for n in (text[at - 1 : at], text[at + 1 : at + 2]) if n)
    return all(n.isalnum() or (n and n in "{}") for n in (text[at - 1 : at], text[at + 1 : at + 2]))


def _concatenated(text: str, edits: list[Edit]) -> None:
    """`"blue" + "finch"`: closing quote, an operator, opening quote."""
    quotes = [q for q in _QUOTES if q in text]
    if not quotes:
        return
    for sign in _GLUE:
        if sign not in text or (sign == "." and not any(q + gap + sign in text for q in quotes for gap in _GAPS)):
            continue
        at = text.find(sign)
        while at >= 0:
            end = at + 1
            while text.startswith(sign, end):
                end += 1
            left, right = _skip(text, at - 1, -1), _skip(text, end, 1)
            if 0 <= left < at and right < len(text) and text[left] in _QUOTES and text[right] in _QUOTES:
                edits.append(Edit(left, right + 1, ""))
            at = text.find(sign, end)


def _skip(text: str, at: int, step: int) -> int:
    for _ in range(8):
        if not (0 <= at < len(text)) or not text[at].isspace():
            return at
        at += step
    return len(text) if step > 0 else -1
