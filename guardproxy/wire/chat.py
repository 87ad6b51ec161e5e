"""`POST /v1/chat/completions`, the way in.

    parse_request(tree: dict, limits: Limits = Limits()) -> ChatRequest      raises errors.BadRequest
    unscannable_error(entry: Unscannable) -> BadRequest                      what the flow raises for media

`tree` comes from `body.parse`. Changes to it: `wire.patch`. Which field is what: `wire.fields`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope, Unscannable
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree, place_name
from guardproxy.wire.chat_messages import read_messages, unsupported, wrong_type
from guardproxy.wire.fields import FIELDS, KNOWN_NAMES, REQUEST_NAMES, Treatment, holds_token_ids, leaves

_REFUSED_AT_TOP = {row.place: row.why for row in FIELDS if row.treatment is Treatment.REFUSED and "." not in row.place}
_STEERING = frozenset({"api_base", "base_url", "api_key", "organization"})
_BY_LOWER = {name.casefold(): name for name in REQUEST_NAMES}
_SPELLED_OUT = frozenset({"tools", "functions", "response_format"})
"""Fields whose numbers reach the model as digits: they are no token ids."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat request, checked. `tree` is what was screened and what goes upstream.

    `structured`: half an answer is of no use (JSON asked for, or a tool forced by name).
    `tool_names`: what the model may call. `safety_identifier` names the end user to session rules.
    """

    tree: Tree = field(repr=False)
    conversation: Conversation = field(repr=False)
    model: str
    stream: bool = False
    include_usage: bool = False
    n: int = 1
    structured: bool = False
    tool_names: frozenset[str] = field(default=frozenset(), repr=False)
    last_message_is_assistant: bool = False
    safety_identifier: str | None = field(default=None, repr=False)

    @property
    def has_tools(self) -> bool:
        """True when the model may call something."""
        return bool(self.tool_names)


def parse_request(tree: Tree, limits: Limits = Limits()) -> ChatRequest:  # noqa: B008 - frozen
    """All checks of wire.md 1.1 to 1.6, then the conversation. Raises BadRequest with code and param."""
    _refuse_fields(tree)
    model = tree.get("model")
    if not isinstance(model, str) or not model.strip():
        raise wrong_type(("model",), "a non-empty string")
    stream = tree.get("stream", False)
    if not isinstance(stream, bool):
        raise wrong_type(("stream",), "true or false")
    _check_numbers(tree, limits)
    read = read_messages(tree.get("messages"), limits)
    extras, unread = _outside_messages(tree)
    messages = tuple(read.messages)
    return ChatRequest(
        tree=tree,
        conversation=Conversation(messages, (*read.extras, *extras), (*read.unscannable, *unread)),
        model=model,
        stream=stream,
        include_usage=_wants_usage(tree),
        n=tree["n"] if tree.get("n") is not None else 1,
        structured=_is_structured(tree),
        tool_names=_tool_names(tree, limits),
        last_message_is_assistant=messages[-1].role is Role.ASSISTANT,
        safety_identifier=tree["safety_identifier"] if isinstance(tree.get("safety_identifier"), str) else None,
    )


def unscannable_error(entry: Unscannable) -> BadRequest:
    """The answer to content that no detector can read."""
    place = place_name(entry.pointer.path)
    code = "unscannable_prompt" if entry.kind == "token_ids" else "unsupported_content_part"
    return BadRequest(f"{place} cannot be checked ({entry.kind}); send it as text", code=code, param=place)


def _refuse_fields(tree: Tree) -> None:
    for name, value in tree.items():
        folded = name.casefold()
        if name in _REFUSED_AT_TOP and value not in (None, False):
            raise unsupported((name,), _REFUSED_AT_TOP[name])
        if folded in _STEERING:
            raise unsupported((folded,), "the upstream comes from the settings")
        if folded != name and folded in _BY_LOWER and _BY_LOWER[folded] != name:
            # Go servers match member names without case: they would see a field that we do not.
            raise unsupported((name,), "field names are written in lower case")
        if folded == "extra_body" and isinstance(value, dict):
            for inner in value:
                if inner.casefold() in _STEERING:
                    raise unsupported((name, inner), "the upstream comes from the settings")


def _check_numbers(tree: Tree, limits: Limits) -> None:
    largest = {
        "n": limits.max_choices,
        "max_tokens": limits.max_output_tokens,
        "max_completion_tokens": limits.max_output_tokens,
    }
    for name, most in largest.items():
        value = tree.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type((name,), "a whole number")
        if value > most or (name == "n" and value < 1):
            raise BadRequest(f"{name} must be between 1 and {most}", code="unsupported_parameter", param=name)


def _outside_messages(tree: Tree) -> tuple[list[Message], list[Unscannable]]:
    """Every other field: one Message for each that holds text."""
    extras: list[Message] = []
    unread: list[Unscannable] = []
    for name, value in tree.items():
        if name == "messages":
            continue
        if name not in KNOWN_NAMES and name:
            extras.append(Message(None, Scope.USER, (Part(name, Pointer((name,), key=True)),)))
        if name not in _SPELLED_OUT:
            unread += _token_ids(value, (name,))
        step = "*" if not name or "." in name or "[" in name else name
        by_scope: dict[Scope, list[Part]] = {}
        for leaf in leaves(value, (name,), step):
            if leaf.field.treatment is not Treatment.CONTROL:
                identifier = leaf.field.treatment is Treatment.IDENTIFIER
                part = Part(leaf.text, Pointer(leaf.path, key=leaf.key), identifier=identifier)
                by_scope.setdefault(leaf.field.scope, []).append(part)
        extras += [Message(None, scope, tuple(parts)) for scope, parts in by_scope.items()]
    modalities = tree.get("modalities")
    if isinstance(modalities, list | str) and "audio" in modalities:
        unread.append(Unscannable("audio", Pointer(("modalities",))))
    return extras, unread


def _token_ids(value: Any, path: tuple[str | int, ...], *, counted: bool = False) -> list[Unscannable]:
    """Lists of numbers, outermost first; `counted`: a list around this one has been found short, so it is short."""
    if isinstance(value, dict):
        return [entry for name, member in value.items() for entry in _token_ids(member, (*path, name))]
    if not isinstance(value, list):
        return []
    if not counted and holds_token_ids(value):
        return [Unscannable("token_ids", Pointer(path))]
    return [entry for at, item in enumerate(value) for entry in _token_ids(item, (*path, at), counted=True)]


def _wants_usage(tree: Tree) -> bool:
    options = tree.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise wrong_type(("stream_options",), "an object")
    wanted = options.get("include_usage", False)
    if not isinstance(wanted, bool):
        raise wrong_type(("stream_options", "include_usage"), "true or false")
    return wanted


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
