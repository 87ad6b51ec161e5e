"""Marks that a renderer eats: HTML, Markdown, BBCode, LaTeX, string concatenation."""

from __future__ import annotations

from collections.abc import Iterator

from guardproxy.core.canonical.offsets import Edit, View, edited

LONGEST_TAG = 300
"""Characters a tag, comment or link target may have; a longer one is text."""

_TRIGGERS = frozenset("<*_~`[\\$|={}")
_QUOTES = "\"'“”‘’«»`"
GLUE = "+.&~|<>#$\\{}()[];,"
"""What may stand between two strings that are one; the comma only inside a call that joins."""
_GLUE = frozenset(GLUE + " \t\r\n")
_WIDEST_GLUE = 16
_LONGEST_ROW = 100
_FEWEST_ROWS = 3
_ROW_MARKS = "|.):`\"'([{}]>*#"
_CALLS = ("concat", "join", "format", "strcat", "paste0")
_SECTION = "<![CDATA["
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
        _sections(text, edits)
        _tags(text, edits)
        _links(text, edits)
        _marks(text, edits)
        _tex(text, edits)
    if "''" in text:
        _pairs(text, "'''" if "'''" in text else "''", edits)
    _numbered(text, edits)
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
    if text.startswith(_SECTION, at):
        return -1
    following = text[at + 1 : at + 2]
    if not (following.isalpha() or following in {"/", "!", "?"}) or not following:
        return -1
    close = text.find(">", at + 1, at + LONGEST_TAG)
    return close + 1 if close >= 0 else -1


def _links(text: str, edits: list[Edit]) -> None:
    at = text.find("](")
    while at >= 0:
        close = _target_end(text, at + 2)
        if close >= 0:
            edits.append(Edit(at, close + 1, ""))
            _opening(text, at, edits)
        at = text.find("](", at + 2)
    at = text.find("[")
    while at >= 0:
        close = text.find("]", at, at + 40)
        if close > at and text[close + 1 : close + 2] != "(" and _is_reference(text, at, close):
            edits.append(Edit(at, close + 1, ""))
            if text[at - 1 : at] == "]" and text[at + 1] != "/":  # `[text][1]`
                edits.append(Edit(at - 1, at, ""))
                _opening(text, at - 1, edits)
        at = text.find("[", at + 1)


def _target_end(text: str, at: int) -> int:
    """The bracket that ends a link target, which may hold pairs of its own; -1 for none."""
    depth = 0
    for place in range(at, min(len(text), at + LONGEST_TAG)):
        if text[place] == "(":
            depth += 1
        elif text[place] == ")":
            if not depth:
                return place
            depth -= 1
    return text.find(")", at, at + LONGEST_TAG)


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
    if at and text[at - 1] == "]" and (inner.isalnum() or not inner):
        return True
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
    if len(places) % 2 == 0 or len(places) > 2:
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


def _sections(text: str, edits: list[Edit]) -> None:
    """`<![CDATA[` and its end."""
    at = text.find(_SECTION)
    while at >= 0:
        edits.append(Edit(at, at + 9, ""))
        close = text.find("]]>", at)
        if close >= 0:
            edits.append(Edit(close, close + 3, ""))
        at = text.find(_SECTION, at + 9)


def _numbered(text: str, edits: list[Edit]) -> None:
    """Numbers of lines that hold one letter each: `1. b`, `| 2 | l |`. Two lines are no list."""
    if text.count("\n") < _FEWEST_ROWS - 1 or "1" not in text:
        return
    found: list[Edit] = []
    start = 0
    for line in text.split("\n"):
        number = _row_number(line)
        if number:
            at = start + line.index(number)
            found.append(Edit(at, at + len(number), ""))
        start += len(line) + 1
    edits += found if len(found) >= _FEWEST_ROWS else []


def _row_number(line: str) -> str:
    """The number of a line of a number and one sign; words may stand before the first and behind the last of them."""
    cells = [bare for cell in line[:_LONGEST_ROW].split() if (bare := cell.strip(_ROW_MARKS))]
    for number, sign in (cells[:2], cells[-2:]) if len(cells) > 1 else ():
        if number.isdigit() and len(sign) == 1:
            return number
    return ""


def side_by_side(view: View) -> View:
    """Strings with nothing but space between put together, as C and Python do; the same view when there are none.

    A view of its own: more often than not such strings are rows of a list.
    """
    edits: list[Edit] = []
    _concatenated(view.text, edits, loosely=True)
    strict: list[Edit] = []
    _concatenated(view.text, strict)
    return edited(view, "unmarked", edits) if len(edits) > len(strict) else view


def _concatenated(text: str, edits: list[Edit], *, loosely: bool = False) -> None:
    """`"blue" + "finch"`: closing quote, operators, opening quote. A comma only inside a call that joins."""
    quotes = [q for q in _QUOTES if q in text]
    if not quotes:
        return
    glue = _GLUE if any(call in text for call in _CALLS) else _GLUE - {","}
    marks = frozenset(quotes)
    before = -1
    for at in (i for i, c in enumerate(text) if c in marks) if len(quotes) > 1 else _places(text, quotes[0]):
        between = text[before + 1 : at] if 0 <= before < at - 1 <= before + _WIDEST_GLUE else "x"
        if glue.issuperset(between) and (loosely or not between.isspace()):
            lead = text[before - 1 : before]  # of `f"{"…"}"`, no part of the word
            alone = lead.isalpha() and not text[max(0, before - 2) : before - 1].isalnum()
            edits.append(Edit(before, at + 1, " " if alone and text[before + 1 : at] == "{" else ""))
            before = -1
        else:
            before = at


def _places(text: str, sign: str) -> Iterator[int]:
    at = text.find(sign)
    while at >= 0:
        yield at
        at = text.find(sign, at + 1)
