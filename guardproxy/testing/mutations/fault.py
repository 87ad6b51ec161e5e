"""A fault: one thing a person did to the text of one file, by hand, and how the text looks afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Edit = Callable[[str], str]


class MisplacedError(Exception):
    """The text a fault wants to change is not there exactly once: the policy has changed, so the fault must."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`file`: the edited file, by its path in the set. `did`: what the person did. `why`: why it may go unseen, said of survivors only.

    `edit` takes the text of the file and gives the text after the fault.
    """

    name: str
    kind: str
    file: str
    did: str
    edit: Edit
    why: str = ""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A change that is no fault, for nothing that anybody reads or meets differs: kept to show that it was thought of."""

    fault: Fault
    reason: str


def put(old: str, new: str) -> Edit:
    """`old` becomes `new`. MisplacedError unless it stands there exactly once."""

    def edit(text: str) -> str:
        found = text.count(old)
        if found != 1:
            raise MisplacedError(f"{old!r} stands {found} times in the file, not once")
        return text.replace(old, new)

    return edit


def both(*edits: Edit) -> Edit:
    """One after the other."""

    def edit(text: str) -> str:
        for each in edits:
            text = each(text)
        return text

    return edit


def inside(head: str, old: str, new: str) -> Edit:
    """`old` becomes `new` within the list item that begins with `head`, such as `id: crime-fraud`."""
    return _on_item(head, put(old, new))


def without(head: str) -> Edit:
    """The list item that begins with `head` is gone."""
    return _on_item(head, lambda _item: "")


def twice(head: str) -> Edit:
    """The list item that begins with `head` stands there a second time, as after a copy."""
    return _on_item(head, lambda item: item + item)


def longer(head: str, line: str) -> Edit:
    """One line more at the end of the list item that begins with `head`, indented like its others."""
    return _on_item(head, lambda item: f"{item.rstrip()}\n    {line}\n" + "\n" * item.endswith("\n\n"))


def ends_before(mark: str) -> Edit:
    """The file is cut off where `mark` begins."""

    def edit(text: str) -> str:
        kept, found, _ = text.partition(mark)
        if not found:
            raise MisplacedError(f"{mark!r} is not in the file")
        return kept

    return edit


def top(line: str) -> Edit:
    """A line more among the keys of the top level, before the first list."""

    def edit(text: str) -> str:
        start = min(at for at in (text.find(f"\n{key}:\n") for key in ("rules", "override", "tests")) if at >= 0)
        return f"{text[: start + 1]}{line}\n{text[start + 1 :]}"

    return edit


def item(text: str, head: str) -> tuple[int, int]:
    """Where the list item that begins with `head` stands: from its dash to the next item, comment or key."""
    starts = [at for mark in (f"\n  - {head}\n", f"\n  - {{{head},") if (at := text.find(mark)) >= 0]
    if len(starts) != 1:
        raise MisplacedError(f"{len(starts)} items begin with {head!r}, not one")
    start = end = starts[0] + 1
    for line in text[start:].splitlines(keepends=True):
        if end > start and line.strip() and not line.startswith("    "):
            break
        end += len(line)
    return start, end


def _on_item(head: str, change: Edit) -> Edit:
    def edit(text: str) -> str:
        start, end = item(text, head)
        return text[:start] + change(text[start:end]) + text[end:]

    return edit
