"""Where text stands in an answer: one walk for plain messages and for stream deltas (wire.md 2.1).

choice_leaves(choice, holder, content, keys) -> list[TextLeaf]     holder is "message" or "delta"
top_leaves(tree) -> list[TextLeaf]                                 beside `choices`
called_names(choice, holder, keys) -> list[CalledName]             which tools are called
calls_of(held) -> list                                             the calls, list or not
load_answer(raw) -> Tree                                           raises errors.UpstreamBadAnswer
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from guardproxy.core.commands import REASONING, REFUSAL, Channel, ChannelKind
from guardproxy.core.conversation import Step
from guardproxy.errors import UpstreamBadAnswer
from guardproxy.wire.body import Tree
from guardproxy.wire.field_table import is_control_value

MAX_DEPTH = 64
_BOM = b"\xef\xbb\xbf"
Path = tuple[Step, ...]

_TOP = "top"
"""Stands for the answer itself in the names of channels."""

_REASONING_FIELDS = {"reasoning_content": REASONING, "reasoning": Channel(ChannelKind.REASONING, "reasoning")}
"""Two channels: servers that fill both send the same text twice, and interleaved it would hide a phrase."""

_THINKING = Channel(ChannelKind.REASONING, "thinking")
"""Mistral's reasoning: a part of the content."""

_BESIDE = {"delta": "message", "message": "delta"}
"""Some servers repeat the text so far beside each delta: it could pass for the answer, and tells nothing new."""

_CONTROLS_AT_TOP = frozenset({"id", "object", "model", "system_fingerprint", "service_tier"})
_ROLES = frozenset({"assistant", "user", "system", "developer", "tool", "function", "model"})
_FINISHES = frozenset(
    {"stop", "length", "tool_calls", "function_call", "content_filter", "eos_token", "stop_sequence", "eos", "abort"}
)
_TYPES = frozenset({"function", "custom", "text", "output_text", "thinking", "refusal", "url_citation", "image_url"})
"""Words that are no text at these places; any other value is."""

DETAIL_TYPES = frozenset({"reasoning.text", "reasoning.summary", "reasoning.encrypted"})
DETAIL_TEXTS = frozenset({"text", "summary"})
"""Of an entry of `reasoning_details`."""

_WORDS = {
    "severity": frozenset({"safe", "low", "medium", "high"}),
    "type": DETAIL_TYPES,
    "format": frozenset(
        {"unknown", "openai-responses-v1", "xai-responses-v1", "anthropic-claude-v1", "google-gemini-v1"}
    ),
}
"""The same wherever such a member stands: Azure's filter results, OpenRouter's `reasoning_details`."""

_NEVER_SENT_ON = ("obfuscation", "prompt_logprobs", "prompt_token_ids", "token_ids")
"""Padding, and tokens that nobody has looked at."""

# Member names that servers are known to send: they carry no message.
_NAMES = """
id object created model system_fingerprint service_tier choices usage index message delta finish_reason logprobs
role content refusal thinking reasoning reasoning_content reasoning_details tool_calls function_call function custom name
arguments input type text annotations url_citation url title start_index end_index audio data transcript
expires_at citations images image_url stop_reason matched_stop token_ids prompt_logprobs prompt_token_ids
kv_transfer_params metrics timings provider native_finish_reason error code metadata x_groq
embedding encoding_format
prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details cached_tokens
audio_tokens reasoning_tokens accepted_prediction_tokens rejected_prediction_tokens prompt_cache_hit_tokens
prompt_cache_miss_tokens cost cost_details
cache_n prompt_n prompt_ms prompt_per_token_ms prompt_per_second predicted_n predicted_ms predicted_per_token_ms
predicted_per_second draft_n draft_n_accepted
prompt_filter_results prompt_index content_filter_results content_filter_offsets check_offset start_offset
end_offset hate self_harm sexual violence jailbreak profanity protected_material_text protected_material_code
filtered severity detected custom_blocklists details
is_byok upstream_inference_cost upstream_inference_prompt_cost upstream_inference_completions_cost
cache_write_tokens image_tokens video_tokens format
weight_version time_to_first_token_ms
do_remote_prefill do_remote_decode remote_engine_id remote_block_ids remote_host remote_port
queue_time prompt_time completion_time total_time
"""
_KNOWN_NAMES = frozenset(_NAMES.split())


@dataclass(frozen=True, slots=True)
class TextLeaf:
    """One text of a choice. `path` leads to it from the choice (or from the top of the chunk).

    `key`: the text is the name of a member that no list knows. `part`: which part of the answer it belongs to.
    """

    channel: Channel
    text: str
    path: Path
    key: bool = False
    part: Hashable = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"TextLeaf({self.channel.kind}, {len(self.text)} chars)"


@dataclass(frozen=True, slots=True)
class CalledName:
    """A tool that the model calls; `key` is the key of its channel."""

    key: str
    name: str


class CallKeys:
    """Gives every tool call of one choice the key of its channel, index or not."""

    def __init__(self) -> None:
        self._last = "0"
        self._names: dict[str, str] = {}
        self._calls: list[Any] | None = None
        self._keys: list[str] = []

    def keys(self, calls: list[Any]) -> list[str]:
        """Of the calls of one delta; the same list has the same keys when it is looked at again."""
        if self._calls is not calls:
            self._calls, self._keys = calls, [self.key(call, at) for at, call in enumerate(calls)]
        return self._keys

    def key(self, call: Any, position: int) -> str:
        """`index` if there is one, else the call's id, else the call that was going on unless the name is another."""
        held = call if isinstance(call, dict) else {}
        index = held.get("index")
        if isinstance(index, int) and not isinstance(index, bool):
            self._last = str(index)
        elif isinstance(held.get("id"), str) and held["id"]:
            self._last = f"id:{held['id']}"
        else:
            self._go_on(held, position)
        return self._last

    def _go_on(self, call: Tree, position: int) -> None:
        if position:
            self._last = str(position)
        called = call.get("function")
        name = called.get("name") if isinstance(called, dict) else None
        if not isinstance(name, str) or not name:
            return
        if self._names.setdefault(self._last, name) != name:
            self._last = f"next:{len(self._names)}"
            self._names[self._last] = name


def load_answer(raw: bytes | str) -> Tree:
    """JSON of the upstream, an object. Raises UpstreamBadAnswer."""
    try:
        tree = orjson.loads(raw.removeprefix(_BOM) if isinstance(raw, bytes) else raw)
    except orjson.JSONDecodeError:
        raise UpstreamBadAnswer("the upstream's answer is not valid JSON") from None
    if not isinstance(tree, dict):
        raise UpstreamBadAnswer("the upstream's answer is not a JSON object")
    return tree


def choices_of(tree: Tree) -> list[Tree]:
    """The choices. Raises UpstreamBadAnswer where there is none to speak of, or an error in their place."""
    if tree.get("error") is not None or tree.get("object") == "error":
        raise UpstreamBadAnswer("the upstream reports an error inside its answer")
    choices = tree.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise UpstreamBadAnswer("the upstream's answer has no list of choices")
    if any(choice.get("finish_reason") == "error" for choice in choices):
        raise UpstreamBadAnswer("the upstream reports an error inside its answer")
    return choices


def normalise(tree: Tree, holder: str) -> list[Tree]:
    """Drops what nobody can look at, and turns arguments sent as objects into the string they should be.

    A single tool call gets its list (TGI), and a finish reason that is "" in a chunk says that more comes.
    Gives the choices. Raises UpstreamBadAnswer as `choices_of` does.
    """
    choices = choices_of(tree)
    for name in _NEVER_SENT_ON:
        tree.pop(name, None)
    for choice in choices:
        for name in _NEVER_SENT_ON:
            choice.pop(name, None)
        choice.pop(_BESIDE[holder], None)
        if holder == "delta" and choice.get("finish_reason") == "":
            choice["finish_reason"] = None
        held = choice.get(holder)
        if not isinstance(held, dict):
            continue
        if isinstance(held.get("audio"), dict):
            held["audio"].pop("data", None)
        if calls := calls_of(held):
            held["tool_calls"] = calls
        for call in [*calls, held]:
            for kind, name in (("function", "arguments"), ("function_call", "arguments"), ("custom", "input")):
                called = call.get(kind) if isinstance(call, dict) else None
                if isinstance(called, dict) and isinstance(called.get(name), dict | list):
                    called[name] = orjson.dumps(called[name]).decode()
    return choices


def choice_leaves(choice: Tree, holder: str, content: Channel, keys: CallKeys) -> list[TextLeaf]:
    """Every text of one choice, in order. `content` is the channel of the answer proper."""
    out: list[TextLeaf] = []
    for name, value in choice.items():
        if name == "logprobs" or (name == "finish_reason" and _is_word(value, _FINISHES)):
            continue
        if name == holder and isinstance(value, dict):
            out += _held_leaves(value, (holder,), content, keys)
        else:
            out += _named(name, value, (name,))
    return out


def top_leaves(tree: Tree) -> list[TextLeaf]:
    """Every text of the answer beside its choices."""
    out: list[TextLeaf] = []
    for name, value in tree.items():
        control = name in _CONTROLS_AT_TOP and isinstance(value, str) and is_control_value(value)
        if name != "choices" and not control:
            out += _named(name, value, (_TOP, name))
    return [TextLeaf(leaf.channel, leaf.text, leaf.path[1:], leaf.key) for leaf in out]


def called_names(choice: Tree, holder: str, keys: CallKeys) -> list[CalledName]:
    """The names of the tools that this message or delta calls."""
    held = choice.get(holder)
    if not isinstance(held, dict):
        return []
    found = []
    calls = calls_of(held)
    for key, call in zip(keys.keys(calls), calls, strict=True):
        for kind in ("function", "custom"):
            called = call.get(kind) if isinstance(call, dict) else None
            if isinstance(called, dict) and isinstance(called.get("name"), str) and called["name"]:
                found.append(CalledName(key, called["name"]))
    legacy = held.get("function_call")
    if isinstance(legacy, dict) and isinstance(legacy.get("name"), str) and legacy["name"]:
        found.append(CalledName("function_call", legacy["name"]))
    return found


def calls_tools(choice: Tree, holder: str) -> bool:
    """True when a message or delta holds (a piece of) a tool call."""
    held = choice.get(holder)
    return isinstance(held, dict) and bool(held.get("tool_calls") or held.get("function_call"))


def calls_of(held: Tree) -> list[Any]:
    """The tool calls of a message or delta; some servers send one without its list."""
    calls = held.get("tool_calls")
    return calls if isinstance(calls, list) else [calls] if isinstance(calls, dict) else []


def _held_leaves(held: Tree, path: Path, content: Channel, keys: CallKeys) -> Iterator[TextLeaf]:
    for name, value in held.items():
        here = (*path, name)
        if name == "role" and _is_word(value, _ROLES):
            continue
        if name == "content" and isinstance(value, str | list):
            yield from _content_leaves(value, here, content)
        elif name == "refusal" and isinstance(value, str):
            yield from _if_any(REFUSAL, value, here)
        elif name in _REASONING_FIELDS and isinstance(value, str):
            yield from _if_any(_REASONING_FIELDS[name], value, here)
        elif name == "reasoning_details" and isinstance(value, list):
            for at, detail in enumerate(value):
                yield from _detail_leaves(detail, (*here, at))
        elif name == "tool_calls" and isinstance(value, list):
            for at, (key, call) in enumerate(zip(keys.keys(value), value, strict=True)):
                yield from _call_leaves(call, (*here, at), Channel(ChannelKind.TOOL, key, whole=True))
        elif name == "function_call" and isinstance(value, dict):
            channel = Channel(ChannelKind.TOOL, "function_call", whole=True)
            yield from _called_leaves(value, here, channel, "arguments")
        else:
            yield from _named(name, value, here)


def _detail_leaves(detail: Any, path: Path) -> Iterator[TextLeaf]:
    """OpenRouter's thoughts: entries that grow by their index, each in a channel of its own."""
    if not isinstance(detail, dict):
        yield from _strings(detail, path)
        return
    index = detail.get("index")
    channel = Channel(ChannelKind.REASONING, f"details.{index if isinstance(index, int) else path[-1]}")
    for name, value in detail.items():
        is_id = name == "id" and isinstance(value, str) and is_control_value(value)
        if name in DETAIL_TEXTS and isinstance(value, str):
            yield from _if_any(channel, value, (*path, name))
        elif not is_id and not (name == "type" and _is_word(value, DETAIL_TYPES)):
            yield from _named(name, value, (*path, name))


def _content_leaves(value: Any, path: Path, content: Channel) -> Iterator[TextLeaf]:
    if isinstance(value, str):
        yield from _if_any(content, value, path)
        return
    for at, part in enumerate(value):
        if not isinstance(part, dict):
            yield from _strings(part, (*path, at))
            continue
        for name, member in part.items():
            if name == "text" and isinstance(member, str):
                yield from _if_any(content, member, (*path, at, name))
            elif name == "thinking" and isinstance(member, str | list) and content is not _THINKING:
                yield from _content_leaves(member, (*path, at, name), _THINKING)
            elif not (name == "type" and _is_word(member, _TYPES)):
                yield from _named(name, member, (*path, at, name))


def _call_leaves(call: Any, path: Path, channel: Channel) -> Iterator[TextLeaf]:
    if not isinstance(call, dict):
        yield from _strings(call, path)
        return
    for name, value in call.items():
        if (name == "id" and isinstance(value, str) and is_control_value(value)) or (
            name == "type" and _is_word(value, _TYPES)
        ):
            continue
        if name in {"function", "custom"} and isinstance(value, dict):
            yield from _called_leaves(value, (*path, name), channel, "arguments" if name == "function" else "input")
        else:
            yield from _named(name, value, (*path, name))


def _called_leaves(called: Tree, path: Path, channel: Channel, argument: str) -> Iterator[TextLeaf]:
    """The name is no text: the flow compares it with the tools of the request."""
    for name, value in called.items():
        if name == argument and isinstance(value, str):
            yield from _if_any(channel, value, (*path, name))
        elif not (name == "name" and isinstance(value, str)):
            yield from _named(name, value, (*path, name))


def _is_word(value: Any, words: frozenset[str]) -> bool:
    return isinstance(value, str) and value in words


def _if_any(channel: Channel, text: str, path: Path) -> Iterator[TextLeaf]:
    if text:
        yield TextLeaf(channel, text, path)


def _named(name: str, value: Any, path: Path) -> Iterator[TextLeaf]:
    """A member that no rule above knows: its value's strings, and its name if no list knows it."""
    if name in _WORDS and _is_word(value, _WORDS[name]):
        return
    if name not in _KNOWN_NAMES and name:
        yield TextLeaf(_other(path, "{}"), name, path, key=True)
    yield from _strings(value, path)


def _strings(value: Any, path: Path) -> Iterator[TextLeaf]:
    if len(path) > MAX_DEPTH:
        raise UpstreamBadAnswer(f"the upstream's answer is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        yield from _if_any(_other(path), value, path)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _strings(item, (*path, at))
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _named(name, member, (*path, name))


def _other(path: Path, mark: str = "") -> Channel:
    """Named after the place, alike for plain and streamed answers."""
    steps = ("message", *path[1:]) if path[0] == "delta" else path
    return Channel(ChannelKind.OTHER, ".".join(str(step) for step in steps) + mark)
