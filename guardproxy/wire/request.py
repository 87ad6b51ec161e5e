"""What the request side of all surfaces shares: the checked request, and the fields that mean the same everywhere.

    Request                                                    one request, checked, whichever surface it came on
    read_head(tree, limits, table) -> Head                     steering fields, model, stream, numbers
    read_texts(value, name, limits) -> tuple[Message, ...]     a text or a list of texts (`prompt`, `input`)
    read_beside(tree, spoken, table) -> Beside                 every field but `spoken`: one Message where there is text
    unscannable_error(entry: Unscannable) -> BadRequest        what the flow raises for media

All raise errors.BadRequest with code and param.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guardproxy.core.conversation import Conversation, Message, Part, Pointer, Role, Scope, Step, Unscannable
from guardproxy.errors import BadRequest
from guardproxy.wire.body import Limits, Tree, place_name
from guardproxy.wire.field_table import FieldTable, Treatment, holds_token_ids
from guardproxy.wire.fields import FIELDS
from guardproxy.wire.inline_moderation import ModerationAsk

_STEERING = frozenset({"api_base", "base_url", "api_key", "organization"})
_SPELLED_OUT = frozenset({"tools", "functions", "response_format", "text", "output_config", "output_format"})
"""Fields whose numbers reach the model as digits: they are no token ids."""
SEALED_KINDS = frozenset({"redacted_thinking", "compaction"})
"""Unreadable parts that only the model's maker could make: nobody means them as content."""
_WAY_OUT = "send it as text (LangChain's OpenAIEmbeddings: check_embedding_ctx_length=False)"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, checked. `tree` is what was screened and what goes upstream.

    `n`: how many choices will come. `structured`: half an answer is of no use (JSON asked for, or a tool forced by
    name). `tool_names`: what the model may call. `prose`: the answer is free text, so that a crisis text may stand
    before it. `noticed`: and so may notices. `safety_identifier` names the end user to session rules.
    `entries`: where each message of the conversation stands in `messages` of the tree; (): at its own place.
    `speech`: the name of that list if it is not `messages`; -1 is a message that stands beside it.
    `moderation`: what OpenAI's member of that name asked for; it is no part of `tree`.
    """

    tree: Tree = field(repr=False)
    conversation: Conversation = field(repr=False)
    model: str
    stream: bool = False
    include_usage: bool = False
    n: int = 1
    structured: bool = False
    tool_names: frozenset[str] = field(default=frozenset(), repr=False)
    prose: bool = True
    noticed: bool = True
    last_message_is_assistant: bool = False
    safety_identifier: str | None = field(default=None, repr=False)
    entries: tuple[int, ...] = ()
    speech: str = "messages"
    moderation: ModerationAsk | None = None

    @property
    def has_tools(self) -> bool:
        """True when the model may call something."""
        return bool(self.tool_names)


@dataclass(frozen=True, slots=True)
class Head:
    """The fields that every surface has."""

    model: str
    stream: bool
    n: int
    include_usage: bool
    safety_identifier: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the texts proper."""

    extras: tuple[Message, ...]
    unscannable: tuple[Unscannable, ...]


def wrong_type(path: Sequence[Step], wanted: str) -> BadRequest:
    """A field holds a value of another kind than the surface says."""
    place = place_name(path)
    return BadRequest(f"{place} must be {wanted}", code="invalid_type", param=place)


def unsupported(path: Sequence[Step], why: str) -> BadRequest:
    """A field that is not served here."""
    place = place_name(path)
    return BadRequest(f"{place} is not supported: {why}", code="unsupported_parameter", param=place)


def unscannable_error(entry: Unscannable) -> BadRequest:
    """The answer to content that no detector can read."""
    place = place_name(entry.pointer.path)
    if entry.kind == "token_ids":
        return BadRequest(f"{place} holds token ids: {_WAY_OUT}", code="unscannable_prompt", param=place)
    if entry.kind in SEALED_KINDS:
        message = f"{place} is sealed: nobody but the model's maker can read it, so send the turn without it"
        return BadRequest(message, code="unsupported_content_part", param=place)
    message = f"{place} cannot be checked ({entry.kind}); send it as text"
    return BadRequest(message, code="unsupported_content_part", param=place)


def read_head(tree: Tree, limits: Limits, table: FieldTable = FIELDS) -> Head:
    """Checks and reads them."""
    _refuse_fields(tree, table)
    model = tree.get("model")
    if not isinstance(model, str) or not model.strip():
        raise wrong_type(("model",), "a non-empty string")
    stream = tree.get("stream", False)
    if not isinstance(stream, bool):
        raise wrong_type(("stream",), "true or false")
    _check_numbers(tree, limits)
    return Head(
        model=model,
        stream=stream,
        n=tree["n"] if tree.get("n") is not None else 1,
        include_usage=_wants_usage(tree),
        safety_identifier=tree["safety_identifier"] if isinstance(tree.get("safety_identifier"), str) else None,
    )


def read_texts(value: Any, name: str, limits: Limits) -> tuple[Message, ...]:
    """One message for each text. Token ids are refused whatever the policy says: nobody could read them."""
    if isinstance(value, str):
        return (_spoken(value, (name,)),)
    if not isinstance(value, list) or not value:
        raise wrong_type((name,), "a string or a non-empty list of strings")
    if is_token_ids(value) or any(is_token_ids(item) for item in value):
        raise unscannable_error(Unscannable("token_ids", Pointer((name,))))
    if len(value) > limits.max_messages:
        raise BadRequest(f"more than {limits.max_messages} texts", code="too_complex", param=name)
    for at, text in enumerate(value):
        if not isinstance(text, str):
            raise wrong_type((name, at), "a string")
    return tuple(_spoken(text, (name, at)) for at, text in enumerate(value))


def read_beside(tree: Tree, spoken: frozenset[str], table: FieldTable = FIELDS) -> Beside:
    """Every field but those that hold the texts proper."""
    extras: list[Message] = []
    unread: list[Unscannable] = []
    for name, value in tree.items():
        if name in spoken:
            continue
        if name not in table.names and name:
            extras.append(Message(None, Scope.USER, (Part(name, Pointer((name,), key=True)),)))
        if name not in _SPELLED_OUT:
            unread += _token_ids(value, (name,))
        step = "*" if not name or "." in name or "[" in name else name
        by_scope: dict[Scope, list[Part]] = {}
        for leaf in table.leaves(value, (name,), step):
            if leaf.field.treatment is Treatment.REFUSED:
                raise unsupported(leaf.path, leaf.field.why)
            if leaf.field.treatment is not Treatment.CONTROL:
                identifier = leaf.field.treatment is Treatment.IDENTIFIER
                part = Part(leaf.text, Pointer(leaf.path, key=leaf.key), identifier=identifier)
                by_scope.setdefault(leaf.field.scope, []).append(part)
        extras += [Message(None, scope, tuple(parts)) for scope, parts in by_scope.items()]
    modalities = tree.get("modalities")
    if isinstance(modalities, list | str) and "audio" in modalities:
        unread.append(Unscannable("audio_answer", Pointer(("modalities",))))
    return Beside(tuple(extras), tuple(unread))


def _spoken(text: str, path: tuple[Step, ...]) -> Message:
    return Message(Role.USER, Scope.USER, (Part(text, Pointer(path)),))


def is_token_ids(value: Any) -> bool:
    """True for a list with a number in it."""
    return isinstance(value, list) and any(
        isinstance(item, int | float) and not isinstance(item, bool) for item in value
    )


def _refuse_fields(tree: Tree, table: FieldTable) -> None:
    for name, value in tree.items():
        folded = name.casefold()
        if name in table.refused_at_top and value is not None and value is not False:
            raise unsupported((name,), table.refused_at_top[name])
        if folded in _STEERING:
            raise unsupported((folded,), "the upstream comes from the settings")
        if folded != name and folded in table.lowered and table.lowered[folded] != name:
            # Go servers match member names without case: they would see a field that we do not.
            raise unsupported((name,), "field names are written in lower case")
        if folded == "extra_body" and isinstance(value, dict):
            for inner in value:
                if inner.casefold() in _STEERING:
                    raise unsupported((name, inner), "the upstream comes from the settings")


def _check_numbers(tree: Tree, limits: Limits) -> None:
    largest = {
        "n": limits.max_choices,
        "best_of": limits.max_choices,
        "max_tokens": limits.max_output_tokens,
        "max_completion_tokens": limits.max_output_tokens,
        "max_output_tokens": limits.max_output_tokens,
    }
    for name, most in largest.items():
        value = tree.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type((name,), "a whole number")
        if value > most or (name in ("n", "best_of") and value < 1):
            raise BadRequest(f"{name} must be between 1 and {most}", code="unsupported_parameter", param=name)


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
