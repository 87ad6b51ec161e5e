"""The one table of fields: which string leaf of a request is what (wire.md 1.3 to 1.6).

    treatment_of(place: str) -> Field            place as in `messages[].content[].text`
    leaves(value, path, place) -> Iterator[Leaf]  every string leaf and every unknown member name below a value

Every string leaf is text until this table says otherwise. A control value must match a short grammar,
else it is text again; a member name that is not in the vocabulary below is text as well.

`python -m guardproxy.wire.fields` prints the table as `docs/fields.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from guardproxy.core.conversation import Scope, Step


class Treatment(StrEnum):
    """What happens to the strings at a place."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    CONTROL = "control"
    UNSCANNABLE = "unscannable"
    REFUSED = "refused"
    ARGUMENTS = "arguments"


_MEANINGS = {
    Treatment.TEXT: "looked at by every rule of its scope",
    Treatment.ARGUMENTS: "JSON in a string: its leaves are text",
    Treatment.IDENTIFIER: "looked at by personal-data rules only",
    Treatment.CONTROL: "not looked at while it is one short word (letters, digits, `._:/-`); anything else is text",
    Treatment.UNSCANNABLE: "no detector can read it; the policy says whether it passes",
    Treatment.REFUSED: "400",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One row. A place that ends in `.**` covers everything below it."""

    place: str
    treatment: Treatment
    scope: Scope = Scope.USER
    why: str = ""


def _rows(treatment: Treatment, places: str, scope: Scope = Scope.USER, why: str = "") -> list[Field]:
    return [Field(place, treatment, scope, why) for place in places.split()]


FIELDS: tuple[Field, ...] = (
    # Texts. Anything not listed is text of scope `user`; listed here are the places with a scope of their own.
    *_rows(Treatment.TEXT, "tools.** functions.** tool_choice.** response_format.**", Scope.TOOL_DEFINITION),
    *_rows(Treatment.TEXT, "documents.**", Scope.TOOL_RESULT, "retrieved text is indirect"),
    *_rows(Treatment.TEXT, "chat_template chat_template_kwargs.**", Scope.SYSTEM),
    *_rows(Treatment.TEXT, "prediction.content stop.** web_search_options.**"),
    *_rows(Treatment.ARGUMENTS, "messages[].tool_calls[].function.arguments messages[].function_call.arguments"),
    # Identifiers.
    *_rows(Treatment.IDENTIFIER, "metadata.** user safety_identifier prompt_cache_key"),
    *_rows(Treatment.IDENTIFIER, "web_search_options.user_location.**"),
    # Controls: exact names at exact places.
    *_rows(Treatment.CONTROL, "model service_tier reasoning_effort verbosity prompt_cache_retention tool_choice"),
    *_rows(Treatment.CONTROL, "modalities[] encoding_format function_call audio.voice audio.format"),
    *_rows(Treatment.CONTROL, "tool_choice.type tool_choice.allowed_tools.mode response_format.type prediction.type"),
    *_rows(Treatment.CONTROL, "tools[].type tool_choice.allowed_tools.tools[].type tools[].custom.format.type"),
    *_rows(Treatment.CONTROL, "tools[].custom.format.grammar.syntax web_search_options.search_context_size"),
    *_rows(Treatment.CONTROL, "web_search_options.user_location.type reasoning.effort thinking.type"),
    *_rows(Treatment.CONTROL, "messages[].role messages[].tool_call_id messages[].content[].type"),
    *_rows(Treatment.CONTROL, "messages[].tool_calls[].id messages[].tool_calls[].type"),
    *_rows(Treatment.CONTROL, "messages[].content[].image_url.detail messages[].content[].input_audio.format"),
    # Nothing a text detector could read.
    *_rows(Treatment.UNSCANNABLE, "messages[].content[].input_audio.data messages[].content[].file.file_data"),
    # Steering and stateful fields: the proxy decides where a request goes, and must see all of the history.
    *_rows(Treatment.REFUSED, "api_base base_url api_key organization", why="the upstream comes from the settings"),
    *_rows(Treatment.REFUSED, "extra_body.api_base extra_body.base_url extra_body.api_key extra_body.organization"),
    *_rows(Treatment.REFUSED, "previous_response_id conversation background", why="unseen history"),
    *_rows(Treatment.REFUSED, "messages[].audio.id messages[].content[].file.file_id", why="unseen content"),
    *_rows(Treatment.REFUSED, "prompt_embeds", why="a prompt as vectors cannot be read"),
    *_rows(Treatment.REFUSED, "moderation", why="not served yet"),
)

_EXACT = {row.place: row for row in FIELDS if not row.place.endswith(".**")}
_BELOW = {row.place.removesuffix(".**"): row for row in FIELDS if row.place.endswith(".**")}
_UNLISTED = Field("*", Treatment.TEXT)

_GRAMMAR = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-")

# Member names of the published request shapes and of JSON Schema. Closed, so they carry no message.
_REQUEST = """
model messages role content name type text image_url url detail input_audio data format file filename file_data
file_id refusal audio id tool_calls tool_call_id function arguments function_call custom input tools functions
description parameters strict tool_choice allowed_tools mode grammar definition syntax response_format json_schema
schema prediction stop web_search_options user_location approximate city country region timezone
search_context_size metadata user safety_identifier prompt_cache_key prompt_cache_retention logit_bias n logprobs
top_logprobs modalities voice stream stream_options include_usage include_obfuscation temperature top_p top_k min_p
max_tokens max_completion_tokens presence_penalty frequency_penalty repetition_penalty seed store service_tier
reasoning reasoning_effort reasoning_content effort verbosity parallel_tool_calls thinking budget_tokens
cache_control extra_body guardrails chat_template chat_template_kwargs enable_thinking continue_final_message
add_generation_prompt echo documents prompt suffix best_of prompt_embeds
dimensions encoding_format
"""
_JSON_SCHEMA = """
$schema $id $ref $defs $anchor $comment definitions title default examples enum const properties required items
prefixItems additionalProperties patternProperties propertyNames unevaluatedProperties unevaluatedItems
dependentRequired dependentSchemas allOf anyOf oneOf not if then else contains minContains maxContains minItems
maxItems uniqueItems minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
minProperties maxProperties readOnly writeOnly deprecated nullable contentEncoding contentMediaType
"""
REQUEST_NAMES = frozenset(_REQUEST.split())
KNOWN_NAMES = REQUEST_NAMES | frozenset(_JSON_SCHEMA.split())
_SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A string below a value: its text, the path to it, the table's row, and whether it is a member's name."""

    text: str
    path: tuple[Step, ...]
    field: Field
    key: bool = False

    def __repr__(self) -> str:
        return f"Leaf({len(self.text)} chars, {self.field.treatment})"


@lru_cache(4096)
def treatment_of(place: str) -> Field:
    """The row for a place: the exact one, else the longest `.**` above it, else text."""
    if row := _EXACT.get(place):
        return row
    above = place
    while above:
        if row := _BELOW.get(above):
            return row
        above = above[: max(above.rfind("."), above.rfind("[]"), 0)]
    return _UNLISTED


def is_control_value(text: str) -> bool:
    """True for the short words that control fields hold."""
    return 0 < len(text) <= 128 and _GRAMMAR.issuperset(text)


def leaves(value: Any, path: tuple[Step, ...], place: str) -> Iterator[Leaf]:
    """Every string at or below `value`, in order, member names included. Depth is bounded by the parser."""
    if isinstance(value, str):
        if value:
            yield _leaf(value, path, place)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at), place + "[]")
    elif isinstance(value, dict):
        for name, member in value.items():
            step = "*" if not name or "." in name or "[" in name else name  # a name cannot forge a place
            below = f"{place}.{step}" if place else step
            if name and name not in KNOWN_NAMES and not _is_number_key(place, name):
                yield Leaf(name, (*path, name), _as_text(treatment_of(below)), key=True)
            yield from leaves(member, (*path, name), below)


def _leaf(text: str, path: tuple[Step, ...], place: str) -> Leaf:
    row = treatment_of(place)
    if row.treatment is Treatment.CONTROL and not is_control_value(text):
        row = _as_text(row)
    if row.scope is Scope.TOOL_DEFINITION and place.endswith(".type") and text in _SCHEMA_TYPES:
        row = Field(place, Treatment.CONTROL, row.scope, "a type word of JSON Schema")
    return Leaf(text, path, row)


def _as_text(row: Field) -> Field:
    if row.treatment is Treatment.IDENTIFIER:
        return row
    return Field(row.place, Treatment.TEXT, row.scope, row.why)


def _is_number_key(place: str, name: str) -> bool:
    """Token ids are the names in `logit_bias`."""
    return place == "logit_bias" and len(name) <= 7 and name.isascii() and name.isdigit()


def holds_token_ids(value: Any) -> bool:
    """True when a list holds more than eight numbers, nested lists counted in: a text as token ids."""
    return isinstance(value, list) and _numbers_in(value) > 8


def _numbers_in(value: Any) -> int:
    if isinstance(value, list):
        return sum(_numbers_in(item) for item in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def markdown() -> str:
    """`docs/fields.md`."""
    lines = [
        "# Fields of a request",
        "",
        "Made by `python -m guardproxy.wire.fields > docs/fields.md`; a test compares.",
        "Every string is text of scope `user` unless its place stands here. `[]` is any item, `.**` everything below.",
        f"Member names that are no words of the API or of JSON Schema ({len(KNOWN_NAMES)} known) are text as well.",
        "",
        "| treatment | meaning |",
        "|---|---|",
        *(f"| {treatment} | {meaning} |" for treatment, meaning in _MEANINGS.items()),
        "",
        "| place | treatment | scope | why |",
        "|---|---|---|---|",
    ]
    for row in FIELDS:
        scope = row.scope if row.treatment is Treatment.TEXT else ""
        lines.append(f"| `{row.place}` | {row.treatment} | {scope} | {row.why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
