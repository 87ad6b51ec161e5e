"""`messages[]` → Message, with every shape error named by its place.

    read_messages(value: Any, limits: Limits) -> ReadMessages

One Message for each entry, in order, holding its content; names, tool calls, addresses and unknown fields
come as extras, so that they cannot stand between two halves of a phrase that the joins would show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from guardproxy.core.conversation import Message, Part, Pointer, Role, Scope, Step, Unscannable
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, parse_inner, place_name
from guardproxy.wire.data_url import is_data_url, text_of_data_url
from guardproxy.wire.field_table import Leaf, Treatment
from guardproxy.wire.fields import FIELDS
from guardproxy.wire.request import unsupported, wrong_type

_SCOPES = {
    Role.SYSTEM: Scope.SYSTEM,
    Role.DEVELOPER: Scope.SYSTEM,
    Role.USER: Scope.USER,
    Role.ASSISTANT: Scope.HISTORY,
    Role.TOOL: Scope.TOOL_RESULT,
    Role.FUNCTION: Scope.TOOL_RESULT,
}
_MAY_BE_EMPTY = frozenset({Role.ASSISTANT, Role.FUNCTION})
_MEDIA = {"image_url": "image", "input_audio": "audio", "file": "file"}
_ADDRESSES = {"image_url": "url", "file": "file_data"}
_TEXT_PARTS = {"text": "text", "refusal": "refusal"}
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")

Path = tuple[Step, ...]


@dataclass(slots=True)
class ReadMessages:
    """What `messages` holds; `extras` are never joined with a neighbour."""

    messages: list[Message] = field(default_factory=list)
    extras: list[Message] = field(default_factory=list)
    unscannable: list[Unscannable] = field(default_factory=list)


def read_messages(value: Any, limits: Limits) -> ReadMessages:
    """All messages. Raises BadRequest with `param` naming the place."""
    if not isinstance(value, list) or not value:
        raise wrong_type(("messages",), "a non-empty list")
    if len(value) > limits.max_messages:
        raise BadRequest(f"more than {limits.max_messages} messages", code="too_complex", param="messages")
    read = ReadMessages()
    for at, message in enumerate(value):
        _read_message(message, ("messages", at), read)
    return read


def _read_message(message: Any, path: Path, read: ReadMessages) -> None:
    if not isinstance(message, dict):
        raise wrong_type(path, "an object")
    role = _role(message.get("role"), (*path, "role"))
    scope = _SCOPES[role]
    known = len(read.unscannable)
    content = list(_content(message, role, path, read))
    read.unscannable[known:] = [replace(part, scope=scope) for part in read.unscannable[known:]]
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        content.append(Part(message["refusal"], Pointer((*path, "refusal"))))
    beside = [part for part in _beside(message, path) if part.text]
    read.messages.append(Message(role, scope, tuple(content)))
    if beside:
        read.extras.append(Message(None, scope, tuple(beside)))


def _role(value: Any, path: Path) -> Role:
    try:
        return Role(value)
    except ValueError:
        place = place_name(path)
        known = ", ".join(Role)
        raise BadRequest(f"{place} must be one of {known}", code="invalid_type", param=place) from None


def _content(message: dict[str, Any], role: Role, path: Path, read: ReadMessages) -> Iterator[Part]:
    """The texts of `content`, in order: what the joins are made of."""
    value, path = message.get("content"), (*path, "content")
    if isinstance(value, str):
        if value:
            yield Part(value, Pointer(path))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _content_part(part, (*path, at), read)
    elif value is not None or role not in _MAY_BE_EMPTY:
        raise wrong_type(path, "a string or a list of parts")


def _content_part(part: Any, path: Path, read: ReadMessages) -> Iterator[Part]:
    if not isinstance(part, dict):
        raise wrong_type(path, "an object with a type")
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _TEXT_PARTS | _MEDIA:
        place = place_name(path)
        raise BadRequest(f"{place} has an unsupported type", code="unsupported_content_part", param=place)
    if kind in _TEXT_PARTS and not isinstance(part.get(_TEXT_PARTS[kind]), str):
        raise wrong_type((*path, _TEXT_PARTS[kind]), "a string")
    if kind in _MEDIA and not isinstance(part.get(kind), dict | str):
        raise wrong_type((*path, kind), "an object")
    if kind in _TEXT_PARTS and part[_TEXT_PARTS[kind]]:
        yield Part(part[_TEXT_PARTS[kind]], Pointer((*path, _TEXT_PARTS[kind])))
    for name in _MEDIA:  # whatever the type says: some servers go by the member's name
        if part.get(name) is not None:
            yield from _medium(part[name], name, path, read)


def _medium(holder: Any, kind: str, path: Path, read: ReadMessages) -> Iterator[Part]:
    """A picture, sound or file: a `data:text/…` address is read, all else goes on the list of the unread.

    A picture's may stand in `url`, a file's in `file_data`.
    """
    if kind == "file" and isinstance(holder, dict) and holder.get("file_id") is not None:
        raise unsupported((*path, kind, "file_id"), "a file that the proxy cannot see")
    url = holder.get(_ADDRESSES.get(kind, "")) if isinstance(holder, dict) else holder
    text = text_of_data_url(url) if kind in _ADDRESSES and isinstance(url, str) and is_data_url(url) else None
    if text is None:
        read.unscannable.append(Unscannable(_MEDIA[kind], Pointer(path)))
    elif text:
        # Decoded text has no place of its own that a replacement could be written to.
        yield Part(text, Pointer((*path, kind), key=True))


def _beside(message: dict[str, Any], path: Path) -> Iterator[Part]:
    """Every other string of a message."""
    _check_calls(message, path)
    for name, value in message.items():
        if name == "refusal" and isinstance(value, str):
            continue
        step = "*" if not name or "." in name or "[" in name else name
        if name and name not in FIELDS.names:
            yield Part(name, Pointer((*path, name), key=True))
        if not (name == "content" and isinstance(value, str)):
            for leaf in FIELDS.leaves(value, (*path, name), f"messages[].{step}"):
                yield from _leaf_parts(leaf, message, path)


def _leaf_parts(leaf: Leaf, message: dict[str, Any], path: Path) -> Iterator[Part]:
    treatment = leaf.field.treatment
    if treatment is Treatment.REFUSED:
        raise unsupported(leaf.path, leaf.field.why)
    if treatment in {Treatment.CONTROL, Treatment.UNSCANNABLE} or _is_dealt_with(leaf, message, len(path)):
        return
    if treatment is Treatment.ARGUMENTS and not leaf.key:
        yield from argument_parts(leaf)
    else:
        yield Part(leaf.text, Pointer(leaf.path, key=leaf.key), identifier=treatment is Treatment.IDENTIFIER)


def _is_dealt_with(leaf: Leaf, message: dict[str, Any], depth: int) -> bool:
    """True for what `_content` has given out, or put on the list of the unread, already."""
    inside = leaf.path[depth:]
    if len(inside) < 3 or inside[0] != "content" or leaf.key:
        return False
    if inside[2:] in {("image_url",), ("image_url", "url"), ("file",)}:
        return is_data_url(leaf.text)
    return inside[2:] == (_TEXT_PARTS.get(message["content"][inside[1]]["type"]),)


def argument_parts(leaf: Leaf) -> Iterator[Part]:
    """Tool arguments: the decoded leaves, or the string itself when it is not JSON."""
    try:
        tree = parse_inner(leaf.text)
    except ValueError:
        yield Part(leaf.text, Pointer(leaf.path))
        return
    for inner, text, key in inner_strings(tree):
        yield Part(text, Pointer(leaf.path, inner, key=key))


def inner_strings(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str, bool]]:
    """All strings of a decoded value with their path inside it; member names count (third item true)."""
    if isinstance(tree, str) and tree:
        yield path, tree, False
    elif isinstance(tree, list):
        for at, item in enumerate(tree):
            yield from inner_strings(item, (*path, at))
    elif isinstance(tree, dict):
        for name, member in tree.items():
            if name:
                yield (*path, name), name, True
            yield from inner_strings(member, (*path, name))


def _check_calls(message: dict[str, Any], path: Path) -> None:
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        raise wrong_type((*path, "tool_calls"), "a list")
    for at, call in enumerate(calls or ()):
        if not isinstance(call, dict):
            raise wrong_type((*path, "tool_calls", at), "an object")
        for kind in ("function", "custom"):
            if call.get(kind) is not None:
                _check_name(call[kind], (*path, "tool_calls", at, kind))
    if message.get("function_call") is not None:
        _check_name(message["function_call"], (*path, "function_call"))


def _check_name(called: Any, path: Path) -> None:
    if not isinstance(called, dict):
        raise wrong_type(path, "an object")
    check_tool_name(called.get("name"), path)


def check_tool_name(name: Any, path: Path) -> None:
    """A name of a called tool must be one that a tool can have; `path` leads to what holds it."""
    if not isinstance(name, str) or not 0 < len(name) <= 64 or not _NAME.issuperset(name):
        raise wrong_type((*path, "name"), "1 to 64 letters, digits, _ or -")
