"""`input` of `POST /v1/responses` → messages, with every shape error named by its place.

    read_input(value: Any, limits: Limits) -> ReadInput
    content_parts(value, path, read) -> Iterator[Part]      a text or a list of typed parts, also in `prompt.variables`

Messages and what tools gave back are messages of the conversation; calls, thoughts and tool definitions come as extras,
so that they cannot stand between two halves of a phrase that the joins would show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.conversation import Message, Part, Pointer, Role, Scope, Unscannable
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree, place_name
from guardproxy.wire.chat_messages import Path, argument_parts, check_tool_name
from guardproxy.wire.data_url import is_data_url, text_of_data_url
from guardproxy.wire.field_table import Treatment
from guardproxy.wire.request import is_token_ids, unscannable_error, unsupported, wrong_type
from guardproxy.wire.responses_fields import RESPONSES_FIELDS

_SPEAKERS = {
    "system": (Role.SYSTEM, Scope.SYSTEM),
    "developer": (Role.DEVELOPER, Scope.SYSTEM),
    "user": (Role.USER, Scope.USER),
    "assistant": (Role.ASSISTANT, Scope.HISTORY),
}
_RESULTS = """
function_call_output custom_tool_call_output computer_call_output local_shell_call_output shell_call_output
apply_patch_call_output program_output
"""
_HISTORY = """
function_call custom_tool_call computer_call web_search_call file_search_call code_interpreter_call local_shell_call
shell_call apply_patch_call mcp_call mcp_approval_request tool_search_call image_generation_call program reasoning
"""
_GIVEN_BACK = frozenset(_RESULTS.split())
_BESIDE = {
    **dict.fromkeys(_HISTORY.split(), Scope.HISTORY),
    **dict.fromkeys(("additional_tools", "tool_search_output", "mcp_list_tools"), Scope.TOOL_DEFINITION),
    **dict.fromkeys(("mcp_approval_response", "configuration_update"), Scope.USER),
}
_UNSEEN = {
    "item_reference": "the proxy cannot see what it stands for; send the item itself (Vercel AI SDK: `store: false`)",
    "compaction": "nobody can read a sealed history; send the messages themselves",
    "compaction_trigger": "nobody could read the sealed history it asks for; send a shorter `input`",
}
_TEXT_PARTS = dict.fromkeys(("input_text", "output_text", "text", "summary_text", "reasoning_text"), "text")
_TEXT_PARTS["refusal"] = "refusal"
_MEDIA = {"input_image": "image", "computer_screenshot": "image", "input_file": "file", "input_audio": "audio"}
_HELD_IN = {"image_url": "image", "file_data": "file", "file_url": "file", "input_audio": "audio"}
"""Members that hold or name a medium, whatever the part's type says: some servers go by the member's name."""
_NAMED = frozenset({"function_call", "custom_tool_call"})


@dataclass(slots=True)
class ReadInput:
    """What `input` holds. `entries`: the place of each message in the list; `extras` are joined with nobody.

    `tools`: lists of tool definitions among the items. `formats`: answer formats that items ask for.
    """

    messages: list[Message] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    extras: list[Message] = field(default_factory=list)
    unscannable: list[Unscannable] = field(default_factory=list)
    tools: list[Path] = field(default_factory=list)
    formats: list[Any] = field(default_factory=list)
    dealt: set[Path] = field(default_factory=set)


def read_input(value: Any, limits: Limits) -> ReadInput:
    """All of it. Raises BadRequest with `param` naming the place."""
    read = ReadInput()
    if isinstance(value, str):
        read.messages.append(Message(Role.USER, Scope.USER, (Part(value, Pointer(("input",))),)))
        read.entries.append(-1)
        return read
    if not isinstance(value, list) or not value:
        raise wrong_type(("input",), "a string or a non-empty list of items")
    if is_token_ids(value):
        raise unscannable_error(Unscannable("token_ids", Pointer(("input",))))
    if len(value) > limits.max_messages:
        raise BadRequest(f"more than {limits.max_messages} items", code="too_complex", param="input")
    for at, item in enumerate(value):
        _read_item(item, at, read)
    return read


def content_parts(value: Any, path: Path, read: ReadInput) -> Iterator[Part]:
    """The texts of a content, in order; media go on the list of the unread."""
    if isinstance(value, str):
        read.dealt.add(path)
        if value:
            yield Part(value, Pointer(path))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _content_part(part, (*path, at), read)
    elif isinstance(value, dict):
        yield from _content_part(value, path, read)
    elif value is not None:
        raise wrong_type(path, "a string or a list of parts")


def _read_item(item: Any, at: int, read: ReadInput) -> None:
    path: Path = ("input", at)
    if not isinstance(item, dict):
        raise wrong_type(path, "an object with a type")
    kind = item.get("type")
    if kind is None:  # as the published shape has it
        kind = "message" if "role" in item else "item_reference" if "id" in item else None
    if isinstance(kind, str) and kind in _UNSEEN:
        raise unsupported(path, _UNSEEN[kind])
    if kind == "message":
        role, scope = _speaker(item.get("role"), (*path, "role"))
        if item.get("content") is None and role is not Role.ASSISTANT:
            raise wrong_type((*path, "content"), "a string or a list of parts")
        content = tuple(content_parts(item.get("content"), (*path, "content"), read))
        _add_message(Message(role, scope, content), at, read)
    elif isinstance(kind, str) and kind in _GIVEN_BACK:
        scope = Scope.TOOL_RESULT
        _add_message(Message(Role.TOOL, scope, tuple(_given_back(item, path, read))), at, read)
    elif isinstance(kind, str) and kind in _BESIDE:
        scope = _BESIDE[kind]
        _note_beside(kind, item, path, read)
    else:
        place = place_name(path)
        raise BadRequest(f"{place} has an unsupported type", code="unsupported_content_part", param=place)
    read.extras += _others(item, path, scope, read)


def _add_message(message: Message, at: int, read: ReadInput) -> None:
    read.messages.append(message)
    read.entries.append(at)


def _speaker(value: Any, path: Path) -> tuple[Role, Scope]:
    if not isinstance(value, str) or value not in _SPEAKERS:
        place = place_name(path)
        raise BadRequest(f"{place} must be one of {', '.join(_SPEAKERS)}", code="invalid_type", param=place)
    return _SPEAKERS[value]


def _given_back(item: Tree, path: Path, read: ReadInput) -> Iterator[Part]:
    """What a tool gave back: its texts are joined like the parts of a message."""
    kind, output = item["type"], item.get("output")
    if kind == "shell_call_output":
        for at, piece in enumerate(output if isinstance(output, list) else ()):
            for name in ("stdout", "stderr"):
                if isinstance(piece, dict) and isinstance(piece.get(name), str):
                    yield from content_parts(piece[name], (*path, "output", at, name), read)
    elif kind == "program_output" and isinstance(item.get("result"), str):
        yield from content_parts(item["result"], (*path, "result"), read)
    else:
        yield from content_parts(output, (*path, "output"), read)


def _note_beside(kind: str, item: Tree, path: Path, read: ReadInput) -> None:
    if kind in _NAMED:
        check_tool_name(item.get("name"), path)
    if item.get("tools") is not None:
        read.tools.append((*path, "tools"))
    if kind == "image_generation_call" and isinstance(item.get("result"), str):
        read.dealt.add((*path, "result"))
        read.unscannable.append(Unscannable("image", Pointer((*path, "result"))))
    if kind == "configuration_update" and isinstance(item.get("text"), dict):
        read.formats.append(item["text"].get("format"))
    for name in ("content", "summary"):
        if kind == "reasoning" and isinstance(item.get(name), list):
            parts = tuple(content_parts(item[name], (*path, name), read))
            read.extras.append(Message(None, Scope.HISTORY, parts))
    outputs = item.get("outputs")
    for at, output in enumerate(outputs if isinstance(outputs, list) else ()):
        if isinstance(output, dict) and output.get("type") == "image":
            read.unscannable.append(Unscannable("image", Pointer((*path, "outputs", at))))


def _content_part(part: Any, path: Path, read: ReadInput) -> Iterator[Part]:
    if not isinstance(part, dict):
        raise wrong_type(path, "an object with a type")
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _TEXT_PARTS | _MEDIA:
        place = place_name(path)
        raise BadRequest(f"{place} has an unsupported type", code="unsupported_content_part", param=place)
    if part.get("file_id") is not None:
        raise unsupported((*path, "file_id"), "a file that the proxy cannot see; send its text as `input_text`")
    name = _TEXT_PARTS.get(kind)
    if name is not None:
        if not isinstance(part.get(name), str):
            raise wrong_type((*path, name), "a string")
        read.dealt.add((*path, name))
        if part[name]:
            yield Part(part[name], Pointer((*path, name)))
    holders = [name for name in _HELD_IN if part.get(name) is not None]
    if kind in _MEDIA and not holders:
        read.unscannable.append(Unscannable(_MEDIA[kind], Pointer(path)))
    for name in holders:
        yield from _medium(part[name], _HELD_IN[name], (*path, name), read)


def _medium(held: Any, kind: str, path: Path, read: ReadInput) -> Iterator[Part]:
    """A picture, sound or file: a `data:text/…` address is read, all else goes on the list of the unread."""
    url = held.get("url") if isinstance(held, dict) else held
    inside = isinstance(url, str) and is_data_url(url)
    if path[-1] == "file_data" or inside:
        read.dealt |= {path, (*path, "url")}
    text = text_of_data_url(url) if inside and kind != "audio" and isinstance(url, str) else None
    if text is None:
        read.unscannable.append(Unscannable(kind, Pointer(path[:-1])))
    elif text:
        # Decoded text has no place of its own that a replacement could be written to.
        yield Part(text, Pointer(path, key=True))


def _others(item: Tree, path: Path, scope: Scope, read: ReadInput) -> Iterator[Message]:
    """Every other string of an item, under the item's scope unless the table knows a narrower one."""
    by_scope: dict[Scope, list[Part]] = {}
    for leaf in RESPONSES_FIELDS.leaves(item, path, "input[]"):
        row = leaf.field
        if row.treatment is Treatment.REFUSED:
            raise unsupported(leaf.path, row.why)
        if row.treatment in {Treatment.CONTROL, Treatment.UNSCANNABLE} or (leaf.path in read.dealt and not leaf.key):
            continue
        parts = by_scope.setdefault(scope if row.scope is Scope.USER else row.scope, [])
        if row.treatment is Treatment.ARGUMENTS and not leaf.key:
            parts += argument_parts(leaf)
        else:
            parts.append(
                Part(leaf.text, Pointer(leaf.path, key=leaf.key), identifier=row.treatment is Treatment.IDENTIFIER)
            )
    for own, parts in by_scope.items():
        yield Message(None, own, tuple(parts))
