"""What an event of a Responses stream says, and where in the output it says it.

read_kind(tree) -> str                       its type; raises errors.UpstreamBadAnswer
spoken(tree) -> list[Spoken]                 pieces of texts, or a text once more: `….delta`, `….done`
shown(tree) -> Shown | None                  an item, a part or an annotation, whole
is_known(kind) -> bool                       a kind of the published list
LIFECYCLE, ENDS, FAILS, SILENT               kinds of events

Kinds of the published list (openai 3.57.0) that hold no text need no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import Path
from guardproxy.wire.body import Tree

LIFECYCLE = frozenset({"response.created", "response.queued", "response.in_progress"})
ENDS = frozenset({"response.completed", "response.incomplete"})
FAILS = frozenset({"response.failed", "response.cancelled", "error"})
SILENT = frozenset({"response.image_generation_call.partial_image", "response.audio.delta"})
"""Pictures and sounds, which nobody can look at: they do not leave."""
MOST_ITEMS = 10_000

_PUBLISHED = """
error response.audio.delta response.audio.done response.audio.transcript.delta response.audio.transcript.done
response.code_interpreter_call.completed response.code_interpreter_call.in_progress
response.code_interpreter_call.interpreting response.code_interpreter_call_code.delta
response.code_interpreter_call_code.done response.compaction.compacting response.completed
response.content_part.added response.content_part.done response.created response.custom_tool_call_input.delta
response.custom_tool_call_input.done response.failed response.file_search_call.completed
response.file_search_call.in_progress response.file_search_call.searching response.function_call_arguments.delta
response.function_call_arguments.done response.image_generation_call.completed
response.image_generation_call.generating response.image_generation_call.in_progress
response.image_generation_call.partial_image response.in_progress response.incomplete response.mcp_call.completed
response.mcp_call.failed response.mcp_call.in_progress response.mcp_call_arguments.delta
response.mcp_call_arguments.done response.mcp_list_tools.completed response.mcp_list_tools.failed
response.mcp_list_tools.in_progress response.output_item.added response.output_item.done
response.output_text.annotation.added response.output_text.delta response.output_text.done response.queued
response.reasoning_summary_part.added response.reasoning_summary_part.done response.reasoning_summary_text.delta
response.reasoning_summary_text.done response.reasoning_text.delta response.reasoning_text.done
response.refusal.delta response.refusal.done response.shell_call_command.added response.shell_call_command.delta
response.shell_call_command.done response.shell_call_output_content.delta response.shell_call_output_content.done
response.web_search_call.completed response.web_search_call.in_progress response.web_search_call.searching
response.apply_patch_call_operation_diff.delta response.apply_patch_call_operation_diff.done keepalive
response.reasoning_part.added response.reasoning_part.done
"""
_KNOWN = frozenset(_PUBLISHED.split())

_TEXTS = {
    "response.output_text": ("content", "content_index", "text", "text"),
    "response.refusal": ("content", "content_index", "refusal", "refusal"),
    "response.reasoning_text": ("content", "content_index", "text", "text"),
    "response.reasoning_summary_text": ("summary", "summary_index", "text", "text"),
    "response.function_call_arguments": ("arguments", "", "", "arguments"),
    "response.mcp_call_arguments": ("arguments", "", "", "arguments"),
    "response.custom_tool_call_input": ("input", "", "", "input"),
    "response.code_interpreter_call_code": ("code", "", "", "code"),
    "response.audio.transcript": ("transcript", "", "", "transcript"),
}
"""Name of the events → member of the item, the event's index into it, member below, member of `.done`."""
_PART_KINDS = {
    "response.output_text": "output_text",
    "response.refusal": "refusal",
    "response.reasoning_text": "reasoning_text",
    "response.reasoning_summary_text": "summary_text",
}
_ITEM_KINDS = {
    "response.output_text": "message",
    "response.refusal": "message",
    "response.reasoning_text": "reasoning",
    "response.reasoning_summary_text": "reasoning",
    "response.function_call_arguments": "function_call",
    "response.mcp_call_arguments": "mcp_call",
    "response.custom_tool_call_input": "custom_tool_call",
    "response.code_interpreter_call_code": "code_interpreter_call",
    "response.shell_call_command": "shell_call",
    "response.shell_call_output_content": "shell_call_output",
}
_PARTS = {
    "response.content_part.added": ("content", "content_index"),
    "response.content_part.done": ("content", "content_index"),
    "response.reasoning_part.added": ("content", "content_index"),
    "response.reasoning_part.done": ("content", "content_index"),
    "response.reasoning_summary_part.added": ("summary", "summary_index"),
    "response.reasoning_summary_part.done": ("summary", "summary_index"),
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text event. `member` of the event holds what stands (or is added) at `path` of the item at `at`.

    `whole`: the text once more. `closes`: nothing more of it comes.
    """

    at: int
    path: Path
    member: Path
    item_kind: str
    part_kind: str
    whole: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An event that shows a part of the output as a whole: `member` holds what stands at `path` of the item."""

    at: int
    path: Path
    member: str
    starts: bool = False
    closes: bool = False


def read_kind(tree: Tree) -> str:
    """The type of an event. Raises UpstreamBadAnswer where there is none."""
    kind = tree.get("type")
    if not isinstance(kind, str) or not kind:
        raise UpstreamBadAnswer("the upstream sent an event without a type")
    return kind


def is_known(kind: str) -> bool:
    """True for a kind of the published list: the word itself says nothing."""
    return kind in _KNOWN


def spoken(tree: Tree) -> list[Spoken]:
    """What is said in a text event; nothing for another kind."""
    name, _, how = tree["type"].rpartition(".")
    whole, closes, kind = how != "delta", how == "done", _ITEM_KINDS.get(name, "")
    if how not in {"delta", "done", "added"}:
        return []
    if name == "response.shell_call_command":
        at: Path = ("action", "commands", number(tree, "command_index"))
        return [Spoken(output_index(tree), at, ("command" if whole else "delta",), kind, "", whole, closes)]
    if name == "response.shell_call_output_content" and not whole:
        at = ("output", number(tree, "command_index"))
        streams = ("stdout", "stderr") if isinstance(tree.get("delta"), dict) else ()
        return [Spoken(output_index(tree), (*at, n), ("delta", n), kind, "", whole, closes) for n in streams]
    if name not in _TEXTS or how == "added":
        return []
    member, index, below, done = _TEXTS[name]
    path: Path = (member, number(tree, index), below) if index else (member,)
    item = -1 if name == "response.audio.transcript" else output_index(tree)
    return [Spoken(item, path, (done if whole else "delta",), kind, _PART_KINDS.get(name, ""), whole, closes)]


def shown(tree: Tree) -> Shown | None:
    """The event that shows something whole that this is; None for another kind."""
    kind = tree["type"]
    if kind in {"response.output_item.added", "response.output_item.done"}:
        ends = kind.endswith("done")
        return Shown(output_index(tree), (), "item", starts=not ends, closes=ends)
    if kind in _PARTS:
        member, index = _PARTS[kind]
        path: Path = (member, number(tree, index))
        return Shown(output_index(tree), path, "part", starts=kind.endswith("added"), closes=kind.endswith("done"))
    if kind == "response.output_text.annotation.added":
        path = ("content", number(tree, "content_index"), "annotations", number(tree, "annotation_index"))
        return Shown(output_index(tree), path, "annotation")
    if kind == "response.shell_call_output_content.done":
        return Shown(output_index(tree), ("output",), "output", closes=True)
    return None


def output_index(tree: Tree) -> int:
    """The item that an event is about."""
    return number(tree, "output_index")


def number(tree: Tree, name: str) -> int:
    """An index; a server may leave out the one that is 0. Raises UpstreamBadAnswer for what is none."""
    value: Any = tree.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_ITEMS:
        raise UpstreamBadAnswer("the upstream sent an event with an index that is none")
    return value
