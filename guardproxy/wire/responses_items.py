"""Where text stands in the output items of `POST /v1/responses`: one walk for whole items and for pieces of a stream.

item_leaves(item, at, content) -> list[TextLeaf]           every text of an item; `at` is its place in `output`
leaves_below(value, place: Place) -> Iterator[TextLeaf]    the same below a place inside an item
response_leaves(response) -> list[TextLeaf]                beside `output`
cleaned(item) -> Tree, cleaned_response(tree) -> Tree      without what nobody can look at, or the client sent itself
called_in(item) -> str | None                              the tool it calls, as the request names it
is_call(kind) -> bool                                      a call that the client carries out
slot_name(at, path) -> str                                 names a place of the output, alike for plain and streamed

Paths lead from the item. A thought, a call's input and a text beside have a channel each; all prose is one channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from guardproxy.core.commands import REFUSAL, Channel, ChannelKind
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.answer_fields import MAX_DEPTH, Path, TextLeaf
from guardproxy.wire.body import Tree, serialise
from guardproxy.wire.field_table import JSON_SCHEMA_NAMES, is_control_value
from guardproxy.wire.responses import CALLED_BY
from guardproxy.wire.responses_fields import RESPONSES_NAMES

_INPUTS = {
    "function_call": ("arguments",),
    "custom_tool_call": ("input",),
    "mcp_call": ("arguments",),
    "mcp_approval_request": ("arguments",),
    "tool_search_call": ("arguments",),
    "computer_call": ("action", "actions"),
    "local_shell_call": ("action",),
    "shell_call": ("action",),
    "apply_patch_call": ("operation",),
}
"""Kinds of calls → the members that hold what is called with: held until the answer is complete."""
_CARRIED_OUT_HERE = frozenset({"mcp_call"})
"""Calls of the server's own: they are told, not asked for."""
_NAMED = frozenset({"function_call", "custom_tool_call"})
_WORDS = """
message file_search_call function_call function_call_output web_search_call computer_call computer_call_output reasoning
program program_output tool_search_call tool_search_output additional_tools compaction image_generation_call
code_interpreter_call local_shell_call local_shell_call_output shell_call shell_call_output apply_patch_call
apply_patch_call_output mcp_call mcp_list_tools mcp_approval_request mcp_approval_response custom_tool_call
custom_tool_call_output output_text refusal reasoning_text summary_text input_text input_image input_file text
url_citation file_citation container_file_citation file_path search open_page find_in_page url click double_click drag
keypress move screenshot scroll type wait exec logs image direct timeout exit create_file delete_file update_file
computer_screenshot function custom mcp mcp_protocol_error mcp_tool_execution_error http_error local
container_reference json_schema json_object grammar
completed in_progress incomplete searching failed generating interpreting calling queued cancelled
assistant user system developer tool commentary final_answer server client left right wheel back forward
max_output_tokens max_messages content_filter steered
"""
_OWN_IDS = """
id call_id container_id approval_request_id caller_id file_id
"""
_SETTINGS = """
id object model service_tier truncation verbosity effort summary generate_summary mode context background payer
prompt_cache_retention system_fingerprint previous_response_id
"""
_WORD_MEMBERS = frozenset(("type", "status", "role", "phase", "execution", "button", "reason"))
"""Members with a word of the published list: no text while they hold one."""
_CLOSED_WORDS = frozenset(_WORDS.split())
_ID_MEMBERS = frozenset(_OWN_IDS.split())
"""Members of an item, its caller or an annotation with an id: no text while it is one short word."""
_SETTING_MEMBERS = frozenset(_SETTINGS.split())
"""The same beside the output."""
_ANSWER_NAMES = """
annotation annotation_index async_ billing cache_missed_tokens cache_write_tokens cached_tokens cached_image_tokens
cached_text_tokens category_applied_input_types category_scores command_index completed_at content_index created_at
delta error_type flagged incomplete_details input_tokens_details item item_id moderation obfuscation object
output_index output_text output_tokens_details part partial_image_b64 partial_image_index payer response
sequence_number summary_index text_tokens tool_usage usage web_search image_gen system_fingerprint timings
cache_n prompt_n prompt_ms prompt_per_token_ms prompt_per_second predicted_n predicted_ms predicted_per_token_ms
predicted_per_second draft_n draft_n_accepted num_requests total_time input_messages output_messages
kv_transfer_params tool_call_id presence_penalty frequency_penalty store
"""
_KNOWN_NAMES = RESPONSES_NAMES | JSON_SCHEMA_NAMES | frozenset(_ANSWER_NAMES.split())
_SAID_AGAIN = """
prompt user safety_identifier prompt_cache_key input_messages output_messages output_text input
moderation
"""
_SEALED = frozenset({"encrypted_content", "obfuscation", "partial_image_b64"})
_ECHOES: dict[str, Any] = {"instructions": None, "metadata": {}, "tools": [], "tool_choice": "auto"}
"""Members that say the request again: the client knows it, and as an answer's text it would be judged as the model's."""
_DROPPED_ECHOES = frozenset(_SAID_AGAIN.split())


@dataclass(frozen=True, slots=True)
class Place:
    """A place inside an item: which item, of what kind, the path from it, and the kind of the part it stands in."""

    at: int
    kind: str
    content: Channel
    path: Path = ()
    part: str = ""

    def below(self, step: str | int) -> Place:
        """One step further."""
        return replace(self, path=(*self.path, step))


def is_call(kind: str) -> bool:
    """True for a call that the client carries out: nothing of it leaves before all of it is cleared."""
    return kind in _INPUTS and kind not in _CARRIED_OUT_HERE


def called_in(item: Tree) -> str | None:
    """The tool's name, or `<kind of call>`; None when nothing is called."""
    kind = item.get("type")
    if kind in _NAMED:
        name = item.get("name")
        return name if isinstance(name, str) and name else None
    return f"<{kind}>" if kind in CALLED_BY else None


def slot_name(at: int, path: Path) -> str:
    """The key of the channel that the text at a place has."""
    return ".".join(str(step) for step in ("output", at, *path))


def item_leaves(item: Tree, at: int, content: Channel) -> list[TextLeaf]:
    """Every text of an item, in order."""
    kind = item.get("type")
    return list(leaves_below(item, Place(at, kind if isinstance(kind, str) else "", content)))


def leaves_below(value: Any, place: Place) -> Iterator[TextLeaf]:
    """Every text at or below a place. Raises UpstreamBadAnswer for what is nested too deep."""
    path = place.path
    if len(path) > MAX_DEPTH:
        raise UpstreamBadAnswer(f"the upstream's answer is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        if value and not _is_control(place, value):
            yield TextLeaf(channel_of(place), value, path)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from leaves_below(member, place.below(number))
    elif isinstance(value, dict):
        if len(path) == 2 and path[0] in ("content", "summary"):
            part = value.get("type")
            place = replace(place, part=part if isinstance(part, str) else "")
        for name, member in value.items():
            below = place.below(name)
            if name and name not in _KNOWN_NAMES:
                yield TextLeaf(
                    Channel(ChannelKind.OTHER, slot_name(place.at, below.path) + "{}"), name, below.path, key=True
                )
            if not (name == "logprobs" and place.part):  # they travel with their text
                yield from leaves_below(member, below)


def channel_of(place: Place) -> Channel:
    """The channel of a text at a place."""
    path, kind = place.path, place.kind
    slot = slot_name(place.at, path)
    if path[0] in _INPUTS.get(kind, ()):
        return Channel(ChannelKind.TOOL, slot, whole=True)
    if kind == "message" and path == ("content",):
        return place.content
    if len(path) == 3 and path[0] in ("content", "summary"):
        if kind == "reasoning" or place.part == "reasoning_text":
            return Channel(ChannelKind.REASONING if path[2] == "text" else ChannelKind.OTHER, slot)
        if kind == "message" and (place.part, path[2]) in {("output_text", "text"), ("text", "text")}:
            return place.content
        if kind == "message" and (place.part, path[2]) == ("refusal", "refusal"):
            return REFUSAL
    return Channel(ChannelKind.OTHER, slot)


def response_leaves(response: Tree) -> list[TextLeaf]:
    """Every text beside `output`, with its path from the response."""
    out: list[TextLeaf] = []
    for name, member in response.items():
        if name != "output":
            tree = {name: member}
            out += leaves_below(tree, Place(-1, "", Channel(ChannelKind.OTHER), ()))
    return [replace(leaf, channel=replace(leaf.channel, key=_beside_output(leaf))) for leaf in out]


def cleaned(item: Any) -> Tree:
    """A copy of an item without pictures and sealed texts, which nobody can look at; inputs are the strings they should
    be. Raises UpstreamBadAnswer unless it is an object.
    """
    if not isinstance(item, dict):
        raise UpstreamBadAnswer("the upstream's answer holds an item that is not an object")
    out: Tree = _without_sealed(item)
    kind = out.get("type")
    if kind == "image_generation_call" and out.get("result") is not None:
        out["result"] = None
    if kind == "compaction":
        out["encrypted_content"] = ""
    for name in ("arguments", "input"):
        if kind in _NAMED and isinstance(out.get(name), dict | list):
            out[name] = serialise(out[name]).decode()
    return out


def cleaned_response(response: Any) -> Tree:
    """A copy of a response without what says the request again. Its output stays. Raises UpstreamBadAnswer."""
    if not isinstance(response, dict):
        raise UpstreamBadAnswer("the upstream's answer holds a response that is not an object")
    out = {name: member for name, member in response.items() if name not in _DROPPED_ECHOES and name not in _SEALED}
    for name, empty in _ECHOES.items():
        if out.get(name) is not None and not (name == "tool_choice" and isinstance(out[name], str)):
            out[name] = empty
    asked = out.get("text")
    if isinstance(asked, dict) and isinstance(asked.get("format"), dict):
        out["text"] = {
            **asked,
            "format": {name: asked["format"][name] for name in ("type",) if name in asked["format"]},
        }
    return out


def _without_sealed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_sealed(member) for name, member in value.items() if name not in _SEALED}
    if isinstance(value, list):
        return [_without_sealed(member) for member in value]
    return value


def _is_control(place: Place, value: str) -> bool:
    name, depth = place.path[-1], len(place.path)
    if name in _WORD_MEMBERS:
        return value in _CLOSED_WORDS
    if place.at < 0:
        if name == "tool_choice":
            return value in {"auto", "none", "required"}
        return depth <= 2 and name in _SETTING_MEMBERS and is_control_value(value)
    if name == "name" and place.kind in _NAMED and depth == 1:
        return True  # the flow compares it with the tools of the request
    if place.path[0] in _INPUTS.get(place.kind, ()):
        return False
    near = depth == 1 or place.path[0] == "caller" or (depth == 5 and place.path[2] == "annotations")
    return near and name in _ID_MEMBERS and is_control_value(value)


def _beside_output(leaf: TextLeaf) -> str:
    path = ".".join(str(step) for step in ("response", *leaf.path))
    return path + "{}" if leaf.key else path
