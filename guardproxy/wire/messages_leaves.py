"""Where text stands in an answer of Anthropic's surface: one walk for plain messages and for stream events.

block_leaves(block, at, content) -> list[TextLeaf]      of one content block, paths from the block
leaves_below(value, path, base) -> Iterator[TextLeaf]   every other string and unknown member name, paths as given
message_leaves(message, base) -> list[TextLeaf]         beside the blocks, paths from the message
input_leaves(value, path, base) -> list[TextLeaf]       what the upstream's own tools are given

A text that is not the model's prose, thoughts or call has a channel of its own: it is named after its place and
complete as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guardproxy.core.commands import Channel, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import MAX_DEPTH, Path, TextLeaf
from guardproxy.wire.body import Tree
from guardproxy.wire.field_table import is_control_value
from guardproxy.wire.messages_blocks import KINDS, KINDS_INSIDE
from guardproxy.wire.messages_fields import MESSAGES_FIELDS
from guardproxy.wire.sealed import is_sealed

SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
"""Calls that the upstream makes itself: nobody waits for them, so they need not be held to the end."""
STOP_REASONS = frozenset(
    {"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"}
)
_ROLES = frozenset({"assistant"})
_TYPES = """
message char_location page_location content_block_location web_search_result_location search_result_location
base64 text content url file direct code_execution_20250825 code_execution_20260120 code_execution_20260521 refusal
anthropic custom
"""
TYPES = KINDS | KINDS_INSIDE | frozenset(_TYPES.split())
"""Words of the published shapes. Any other `type` is text."""
_CONTROLS = frozenset(
    {"id", "tool_use_id", "tool_id", "file_id", "skill_id", "version", "expires_at", "model", "service_tier"}
    | {"inference_geo", "speed", "retrieved_at", "media_type", "error_code", "file_type"}
)
_SEALED = frozenset({"signature", "encrypted_content", "encrypted_index", "encrypted_stdout", "data"})
_NAMES = """
index message delta content_block usage stop_reason stop_sequence stop_details category explanation partial_json
citation input_tokens output_tokens cache_creation_input_tokens cache_read_input_tokens cache_creation
ephemeral_5m_input_tokens ephemeral_1h_input_tokens server_tool_use web_search_requests web_fetch_requests
output_tokens_details thinking_tokens estimated_tokens iterations expires_at applied_edits cleared_input_tokens
cleared_thinking_turns cleared_tool_uses cache_miss_reason cache_missed_input_tokens compaction
"""
_KNOWN_NAMES = MESSAGES_FIELDS.names | frozenset(_NAMES.split())
"""Member names that servers are known to send: they carry no message."""


def block_leaves(block: Tree, at: int, content: Channel) -> list[TextLeaf]:
    """Every text of the block with this number; `content` is the channel of the answer proper."""
    out: list[TextLeaf] = []
    kind = block.get("type")
    for name, value in block.items():
        if name == "text" and isinstance(value, str):
            out += _if_any(content, value, (name,))
        elif name == "thinking" and isinstance(value, str):
            out += _if_any(reasoning_of(at), value, (name,))
        elif name == "input" and kind == "tool_use" and isinstance(value, str):
            out += _if_any(call_of(at), value, (name,))
        elif name == "input":
            out += list(_input_leaves(value, (name,), f"content.{at}"))
        elif not (name == "name" and kind == "tool_use" and called_name(block) == value):
            out += list(_named(name, value, (name,), f"content.{at}"))
    return out


def message_leaves(message: Tree, base: str) -> list[TextLeaf]:
    """Every text of a message (or of the end of one) beside its blocks."""
    out: list[TextLeaf] = []
    for name, value in message.items():
        words = {"role": _ROLES, "stop_reason": STOP_REASONS}.get(name, frozenset())
        if name != "content" and not (isinstance(value, str) and value in words):
            out += list(_named(name, value, (name,), base))
    return out


def leaves_below(value: Any, path: Path, base: str) -> Iterator[TextLeaf]:
    """Every string and unknown name at or below a value; channels are named `base` and the path."""
    if len(path) > MAX_DEPTH:
        raise UpstreamBadAnswer(f"the upstream's answer is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        yield from _if_any(other(base, path), value, path)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves_below(item, (*path, at), base)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _named(name, member, (*path, name), base)


def input_leaves(value: Any, path: Path, base: str) -> list[TextLeaf]:
    """What the upstream's own tools are given: every string, every name, whatever they are called."""
    return list(_input_leaves(value, path, base))


def called_name(block: Tree) -> str:
    """What the flow compares with the tools of the request: a toolset's family for its members, else the name."""
    family, name = block.get("toolset_name"), block.get("name")
    called = family if isinstance(family, str) and family else name
    return called if isinstance(called, str) else ""


def reasoning_of(at: int) -> Channel:
    """The channel of a block of thoughts."""
    return Channel(ChannelKind.REASONING, str(at))


def call_of(at: int) -> Channel:
    """The channel of what a tool is given."""
    return Channel(ChannelKind.TOOL, str(at), whole=True)


def other(base: str, path: Path, mark: str = "") -> Channel:
    """Named after the place, alike for plain and streamed answers."""
    return Channel(ChannelKind.OTHER, ".".join([base, *map(str, path)]) + mark)


def _named(name: str, value: Any, path: Path, base: str) -> Iterator[TextLeaf]:
    if name and name not in _KNOWN_NAMES:
        yield TextLeaf(other(base, path, "{}"), name, path, key=True)
    if not (isinstance(value, str) and _is_no_text(name, value)):
        yield from leaves_below(value, path, base)


def _is_no_text(name: str, value: str) -> bool:
    if name == "type":
        return value in TYPES
    return (name in _CONTROLS and is_control_value(value)) or (name in _SEALED and is_sealed(value))


def _input_leaves(value: Any, path: Path, base: str) -> Iterator[TextLeaf]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name:
                yield TextLeaf(other(base, (*path, name), "{}"), name, (*path, name), key=True)
            yield from _input_leaves(member, (*path, name), base)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _input_leaves(item, (*path, at), base)
    elif isinstance(value, str):
        yield from _if_any(other(base, path), value, path)


def _if_any(channel: Channel, text: str, path: Path) -> Iterator[TextLeaf]:
    if text:
        yield TextLeaf(channel, text, path)
