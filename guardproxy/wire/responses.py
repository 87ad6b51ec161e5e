"""`POST /v1/responses`, the way in.

    parse_request(tree: dict, limits: Limits = Limits()) -> Request      raises errors.BadRequest
    instruct(tree, text) -> tree                                         an instruction in front of `instructions`
    CALLED_BY                                                            kinds of calls → the tools they come of

`tree` comes from `body.parse`. What the server would have to remember is refused: the proxy could not see it.
"""

from __future__ import annotations

from typing import Any

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree
from guardproxy.wire.chat_messages import Path
from guardproxy.wire.inline_moderation import take_moderation
from guardproxy.wire.patch import value_at
from guardproxy.wire.request import Request, read_beside, read_head, unsupported, wrong_type
from guardproxy.wire.responses_fields import RESPONSES_FIELDS
from guardproxy.wire.responses_input import ReadInput, content_parts, read_input

CALLED_BY = {
    "computer_call": frozenset({"computer", "computer_use", "computer_use_preview"}),
    "local_shell_call": frozenset({"local_shell"}),
    "shell_call": frozenset({"shell"}),
    "apply_patch_call": frozenset({"apply_patch"}),
    "mcp_approval_request": frozenset({"mcp"}),
}
"""Calls that the client carries out although no name says so. Their tools are offered under `<kind of call>`."""

_SPOKEN = frozenset({"input", "instructions", "prompt"})
_FORCED = frozenset({"function", "custom", "mcp", "shell", "local_shell", "apply_patch"})


def parse_request(tree: Tree, limits: Limits = Limits()) -> Request:  # noqa: B008 - frozen
    """All checks of wire.md 1.1 to 1.7, then the conversation. Raises BadRequest with code and param."""
    tree, moderation = take_moderation(tree)
    head = read_head(tree, limits, RESPONSES_FIELDS)
    read = ReadInput() if tree.get("input") is None and tree.get("prompt") else read_input(tree.get("input"), limits)
    _read_prompt(tree.get("prompt"), read)
    _read_instructions(tree.get("instructions"), read)
    beside = read_beside(tree, _SPOKEN, RESPONSES_FIELDS)
    structured, tool_names = _is_structured(tree, read), _tool_names(tree, read, limits)
    messages = tuple(read.messages)
    return Request(
        tree=tree,
        conversation=Conversation(messages, (*read.extras, *beside.extras), (*read.unscannable, *beside.unscannable)),
        model=head.model,
        stream=head.stream,
        structured=structured,
        tool_names=tool_names,
        prose=not (structured or tool_names),
        noticed=not (structured or tool_names),
        last_message_is_assistant=bool(messages) and messages[-1].role is Role.ASSISTANT,
        safety_identifier=head.safety_identifier,
        entries=tuple(read.entries),
        speech="input",
        moderation=moderation,
    )


def instruct(tree: Tree, text: str) -> Tree:
    """The tree with an instruction in front of its own."""
    own = tree.get("instructions")
    return {**tree, "instructions": f"{text}\n\n{own}" if isinstance(own, str) and own else text}


def _read_instructions(value: Any, read: ReadInput) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise wrong_type(("instructions",), "a string")
    read.messages.insert(0, Message(Role.SYSTEM, Scope.SYSTEM, (Part(value, Pointer(("instructions",))),)))
    read.entries.insert(0, -1)


def _read_prompt(prompt: Any, read: ReadInput) -> None:
    """A stored prompt is refused; texts for its gaps are read all the same, for a server may have prompts of its own."""
    if prompt is None:
        return
    if not isinstance(prompt, dict):
        raise wrong_type(("prompt",), "an object")
    if prompt.get("id") is not None:
        raise unsupported(("prompt", "id"), RESPONSES_FIELDS.treatment_of("prompt.id").why)
    variables = prompt.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise wrong_type(("prompt", "variables"), "an object")
    for name, value in (variables or {}).items():
        path: Path = ("prompt", "variables", name)
        parts = (Part(name, Pointer(path, key=True)), *content_parts(value, path, read))
        read.extras.append(Message(None, Scope.USER, parts))
    rest = {name: value for name, value in prompt.items() if name != "variables"}
    read.extras += read_beside({"prompt": rest}, frozenset(), RESPONSES_FIELDS).extras
    # What stands beside the texts of a variable.
    for name, value in (variables or {}).items():
        for leaf in RESPONSES_FIELDS.leaves(value, ("prompt", "variables", name), "prompt.variables.*"):
            if leaf.path not in read.dealt and leaf.path[-1] != "type":
                read.extras.append(Message(None, Scope.USER, (Part(leaf.text, Pointer(leaf.path, key=leaf.key)),)))


def _is_structured(tree: Tree, read: ReadInput) -> bool:
    asked, choice = tree.get("text"), tree.get("tool_choice")
    formats = [asked.get("format") if isinstance(asked, dict) else None, *read.formats]
    as_json = any(isinstance(f, dict) and f.get("type") in ("json_schema", "json_object") for f in formats)
    return as_json or (isinstance(choice, dict) and choice.get("type") in _FORCED)


def _tool_names(tree: Tree, read: ReadInput, limits: Limits) -> frozenset[str]:
    """What the model may call: names, and `<kind of call>` for tools that have none."""
    names: set[str] = set()
    for path in [("tools",), *read.tools] if tree.get("tools") is not None else read.tools:
        names |= _listed(value_at(tree, path), path, limits)
    return frozenset(names)


def _listed(listed: Any, path: Path, limits: Limits) -> set[str]:
    if not isinstance(listed, list):
        raise wrong_type(path, "a list")
    if len(listed) > limits.max_tools:
        raise BadRequest(f"more than {limits.max_tools} tools", code="too_complex", param=str(path[0]))
    names: set[str] = set()
    for at, tool in enumerate(listed):
        if not isinstance(tool, dict):
            raise wrong_type((*path, at), "an object")
        name = tool.get("name")
        if name is not None and not isinstance(name, str):
            raise wrong_type((*path, at, "name"), "a string")
        names |= {name} if name else set()
        names |= {f"<{call}>" for call, kinds in CALLED_BY.items() if tool.get("type") in kinds}
        if tool.get("type") == "namespace" and tool.get("tools") is not None:
            names |= _listed(tool["tools"], (*path, at, "tools"), limits)
    return names
