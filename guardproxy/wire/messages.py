"""Anthropic's `POST /v1/messages`, the way in.

    parse_request(tree: dict, limits: Limits = Limits()) -> Request      raises errors.BadRequest
    insert_instruction(tree, text) -> tree                               one more block at the end of `system`

Content blocks: `wire.messages_blocks`. Which field is what: `wire.messages_fields`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope, Unscannable
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree, place_name
from guardproxy.wire.messages_blocks import BlockReader, Path
from guardproxy.wire.messages_fields import MESSAGES_FIELDS
from guardproxy.wire.request import Request, read_beside, read_head, unsupported, wrong_type

_ROLES = {
    "user": (Role.USER, Scope.USER),
    "assistant": (Role.ASSISTANT, Scope.HISTORY),
    "system": (Role.SYSTEM, Scope.SYSTEM),
}
_TOOLSETS = ("browser", "computer")
_NOT_A_TURN = -1


@dataclass(slots=True)
class _Turns:
    """What is said; `entries` as in Request."""

    messages: list[Message] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    extras: list[Message] = field(default_factory=list)
    unscannable: list[Unscannable] = field(default_factory=list)


def parse_request(tree: Tree, limits: Limits = Limits()) -> Request:  # noqa: B008 - frozen
    """All checks of wire.md 1.1 to 1.7, then the conversation. Raises BadRequest with code and param."""
    head = read_head(tree, limits, MESSAGES_FIELDS)
    turns = _read_turns(tree, limits)
    _check_container(tree.get("container"))
    beside = read_beside(tree, frozenset({"messages", "system"}), MESSAGES_FIELDS)
    structured, tool_names = _is_structured(tree), _tool_names(tree.get("tools"), limits)
    return Request(
        tree=tree,
        conversation=Conversation(
            tuple(turns.messages), (*turns.extras, *beside.extras), (*turns.unscannable, *beside.unscannable)
        ),
        model=head.model,
        stream=head.stream,
        structured=structured,
        tool_names=tool_names,
        prose=not (structured or tool_names),
        noticed=not (structured or tool_names),
        last_message_is_assistant=tree["messages"][-1]["role"] == "assistant",
        safety_identifier=_user_id(tree.get("metadata")),
        entries=tuple(turns.entries),
    )


def insert_instruction(tree: Tree, text: str) -> Tree:
    """The tree with an instruction of ours behind the caller's own, so that a cached beginning stays one."""
    block = {"type": "text", "text": text}
    system = tree.get("system")
    if not system:
        return {**tree, "system": text}
    own = [{"type": "text", "text": system}] if isinstance(system, str) else system
    return {**tree, "system": [*own, block]}


def _read_turns(tree: Tree, limits: Limits) -> _Turns:
    value = tree.get("messages")
    if not isinstance(value, list) or not value:
        raise wrong_type(("messages",), "a non-empty list")
    if len(value) > limits.max_messages:
        raise BadRequest(f"more than {limits.max_messages} messages", code="too_complex", param="messages")
    turns = _Turns()
    if tree.get("system") is not None:
        reader = BlockReader(Scope.SYSTEM)
        reader.read(tree["system"], ("system",))
        _take(turns, reader, Role.SYSTEM, _NOT_A_TURN)
    for at, turn in enumerate(value):
        _read_turn(turn, ("messages", at), at, turns)
    return turns


def _read_turn(turn: Any, path: Path, at: int, turns: _Turns) -> None:
    if not isinstance(turn, dict):
        raise wrong_type(path, "an object")
    named = turn.get("role")
    if not isinstance(named, str) or named not in _ROLES:
        place = place_name((*path, "role"))
        raise BadRequest(f"{place} must be one of {', '.join(_ROLES)}", code="invalid_type", param=place)
    role, scope = _ROLES[named]
    reader = BlockReader(scope)
    reader.read(turn.get("content"), (*path, "content"))
    for name, member in turn.items():
        if name in {"role", "content"}:
            continue
        if name and name not in MESSAGES_FIELDS.names:
            reader.beside.setdefault(scope, []).append(Part(name, Pointer((*path, name), key=True)))
        step = "*" if not name or "." in name or "[" in name else name
        reader.beside_of(member, (*path, name), f"messages[].{step}", scope)
    _take(turns, reader, role, at)


def _take(turns: _Turns, reader: BlockReader, role: Role, at: int) -> None:
    """What the speaker says comes before what tools say, so that a phrase cut between two turns of one role is seen."""
    said = [Message(role, reader.own, tuple(reader.said))] if reader.said or not reader.results else []
    results = [Message(Role.TOOL, Scope.TOOL_RESULT, tuple(reader.results))] if reader.results else []
    turns.messages += [*said, *results]
    turns.entries += [at] * (len(said) + len(results))
    turns.extras += [Message(None, scope, tuple(parts)) for scope, parts in reader.beside.items()]
    turns.unscannable += reader.unscannable


def _check_container(container: Any) -> None:
    """What a container holds from earlier calls nobody here has seen."""
    if isinstance(container, str) or (isinstance(container, dict) and container.get("id") is not None):
        raise unsupported(("container",), "unseen content")


def _is_structured(tree: Tree) -> bool:
    choice, config = tree.get("tool_choice"), tree.get("output_config")
    forced = isinstance(choice, dict) and choice.get("type") == "tool"
    asked = config.get("format") if isinstance(config, dict) else None
    formats = (asked, tree.get("output_format"))
    return forced or any(isinstance(one, dict) and one.get("type") == "json_schema" for one in formats)


def _tool_names(listed: Any, limits: Limits) -> frozenset[str]:
    """What the model may call; a toolset by its family's name, which stands in every call of a member."""
    if listed is None:
        return frozenset()
    if not isinstance(listed, list):
        raise wrong_type(("tools",), "a list")
    if len(listed) > limits.max_tools:
        raise BadRequest(f"more than {limits.max_tools} tools", code="too_complex", param="tools")
    names: set[str] = set()
    for at, tool in enumerate(listed):
        if not isinstance(tool, dict):
            raise wrong_type(("tools", at), "an object")
        name, kind = tool.get("name"), tool.get("type")
        if name is not None and not isinstance(name, str):
            raise wrong_type(("tools", at, "name"), "a string")
        if name:
            names.add(name)
        names |= {family for family in _TOOLSETS if isinstance(kind, str) and kind.startswith(f"{family}_toolset_")}
    return frozenset(names)


def _user_id(metadata: Any) -> str | None:
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    return user_id if isinstance(user_id, str) else None
