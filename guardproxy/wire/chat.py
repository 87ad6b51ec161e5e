"""`POST /v1/chat/completions`, the way in.

    parse_request(tree: dict, limits: Limits = Limits()) -> Request      raises errors.BadRequest

`tree` comes from `body.parse`. Changes to it: `wire.patch`. Which field is what: `wire.fields`.
"""

from __future__ import annotations

from typing import Any

from guardproxy.core.conversation import Conversation, Role
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree
from guardproxy.wire.chat_messages import read_messages
from guardproxy.wire.inline_moderation import take_moderation
from guardproxy.wire.request import Request, read_beside, read_head, wrong_type


def parse_request(tree: Tree, limits: Limits = Limits()) -> Request:  # noqa: B008 - frozen
    """All checks of wire.md 1.1 to 1.6, then the conversation. Raises BadRequest with code and param."""
    tree, moderation = take_moderation(tree)
    head = read_head(tree, limits)
    read = read_messages(tree.get("messages"), limits)
    beside = read_beside(tree, frozenset({"messages"}))
    messages = tuple(read.messages)
    structured, tool_names = _is_structured(tree), _tool_names(tree, limits)
    return Request(
        tree=tree,
        conversation=Conversation(messages, (*read.extras, *beside.extras), (*read.unscannable, *beside.unscannable)),
        model=head.model,
        stream=head.stream,
        include_usage=head.include_usage,
        n=head.n,
        structured=structured,
        tool_names=tool_names,
        prose=not (structured or tool_names),
        noticed=not (structured or tool_names),
        last_message_is_assistant=messages[-1].role is Role.ASSISTANT,
        safety_identifier=head.safety_identifier,
        moderation=moderation,
    )


def _is_structured(tree: Tree) -> bool:
    answer_format, choice = tree.get("response_format"), tree.get("tool_choice")
    as_json = isinstance(answer_format, dict) and answer_format.get("type") in ("json_schema", "json_object")
    forced = isinstance(choice, dict) and choice.get("type") in ("function", "custom")
    called = isinstance(tree.get("function_call"), dict)
    return as_json or forced or called


def _tool_names(tree: Tree, limits: Limits) -> frozenset[str]:
    names = []
    for group in ("tools", "functions"):
        listed = tree.get(group)
        if listed is None:
            continue
        if not isinstance(listed, list):
            raise wrong_type((group,), "a list")
        if len(listed) > limits.max_tools:
            raise BadRequest(f"more than {limits.max_tools} tools", code="too_complex", param=group)
        for at, tool in enumerate(listed):
            names.append(_tool_name(tool, (group, at)))
    return frozenset(name for name in names if name)


def _tool_name(tool: Any, path: tuple[str | int, ...]) -> str | None:
    if not isinstance(tool, dict):
        raise wrong_type(path, "an object")
    holder = next((tool[kind] for kind in ("function", "custom") if isinstance(tool.get(kind), dict)), tool)
    name = holder.get("name")
    if name is not None and not isinstance(name, str):
        raise wrong_type((*path, "name"), "a string")
    return name
