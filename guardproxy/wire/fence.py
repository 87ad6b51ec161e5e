"""Is a Markdown code fence open in the text that has left?

Fence().feed(text), .closing() -> str       "" when no fence is open, else what closes it
"""

from __future__ import annotations


class Fence:
    """Follows ``` and ~~~ fences (CommonMark 4.5) through text that comes in pieces."""

    def __init__(self) -> None:
        self._line = ""
        self._open = ""

    def feed(self, text: str) -> None:
        """More released text."""
        *lines, rest = (self._line + text).split("\n")
        for line in lines:
            self._open = _after(self._open, line)
        self._line = rest if len(rest) < 200 else rest[:200]  # only the start of a line can open a fence

    def closing(self) -> str:
        """What must follow so that later text is no code: a line end and the fence, or ""."""
        still_open = _after(self._open, self._line)
        if not still_open:
            return ""
        return still_open if not self._line else "\n" + still_open


def _after(opened: str, line: str) -> str:
    """The fence that is open after this line."""
    stripped = line.lstrip(" ")
    if len(line) - len(stripped) > 3 or stripped[:3] not in {"```", "~~~"}:
        return opened
    mark = stripped[0] * (len(stripped) - len(stripped.lstrip(stripped[0])))
    if not opened:
        return "" if stripped[0] == "`" and "`" in stripped[len(mark) :] else mark
    closes = mark[0] == opened[0] and len(mark) >= len(opened) and not stripped[len(mark) :].strip()
    return "" if closes else opened
